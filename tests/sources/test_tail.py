"""Logs that grow: read as they are written, however they are cut, moved or written anew."""

import gzip
import os
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeguard_core.errors import EdgeGuardError, SourceError
from edgeguard_core.flows.table import Flows
from edgeguard_core.sources import ReadOptions, open_source
from edgeguard_core.sources.tail import FileFeed, StdinFeed, TailFeed

HEAD = (
    "#separator \\x09\n#set_separator\t,\n#path\tconn\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\tconn_state\t"
    "orig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\n"
)
OTHER_HEAD = HEAD.replace("\tuid", "").replace("#fields\tts", "#fields\tts\tservice\tuid")


def row(n: int, service: bool = False) -> str:
    extra = "dns\t" if service else ""
    ends = f"10.0.0.{n % 250}\t5{n % 10000:04d}\t10.0.0.9\t80"
    return f"{1.7e9 + n}\t{extra}C{n}\t{ends}\ttcp\t0.1\tSF\t1\t60\t1\t60\n"


def rows(a: int, b: int, **other) -> str:
    return "".join(row(n, **other) for n in range(a, b))


class Reader:
    """A tail and what it has given so far."""

    def __init__(self, path, **given):
        self.feed = TailFeed(path, poll_s=0, sign_of_life_s=0, **given)
        self.uids: list[str] = []
        self.rejected = Counter()
        self.notes: list = []
        self.position = None
        self.feed.start()
        self._batches = self.feed.batches()

    def read(self, most: int = 50) -> "Reader":
        """Until it has nothing more."""
        quiet = 0
        for _ in range(most):
            fed = next(self._batches)
            self._take(fed)
            quiet = 0 if len(fed.flows) or fed.rejected or fed.notes else quiet + 1
            if quiet == 3:
                break
        return self

    def _take(self, fed):
        if len(fed.flows):
            self.uids += fed.flows.columns["uid"].tolist()
        self.rejected += fed.rejected
        self.notes += fed.notes
        self.position = fed.position or self.position

    def close(self):
        self.feed.stop()
        for fed in self._batches:
            self._take(fed)

    def reasons(self):
        return [note.reason for note in self.notes if note.reason != "log_header"]


def uids(a: int, b: int) -> list[str]:
    return [f"C{n}" for n in range(a, b)]


@pytest.fixture
def log(tmp_path):
    return tmp_path / "conn.log"


@pytest.fixture
def reading():
    opened = []

    def open_it(path, **given):
        opened.append(Reader(path, **given))
        return opened[-1]

    yield open_it
    for reader in opened:
        reader.close()


def append(path, text):
    with path.open("a") as stream:
        stream.write(text)


def test_only_what_is_added_is_read_unless_all_is_asked_for(log, reading):
    log.write_text(HEAD + rows(0, 3))
    new, old = reading(log), reading(log, from_start=True)
    assert (new.read().uids, old.read().uids) == ([], uids(0, 3))
    append(log, rows(3, 5))
    assert new.read().uids == uids(3, 5)
    assert old.read().uids == uids(0, 5)
    assert new.feed.meter == "zeek"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ends=st.lists(st.integers(1, 1_500), max_size=8))
def test_lines_that_come_in_pieces_are_whole_in_the_end(tmp_path, ends):
    log = tmp_path / "pieces.log"
    log.write_text("")
    text = HEAD + rows(0, 12)
    reader = Reader(log, from_start=True)
    for a, b in zip([0, *sorted(ends)], [*sorted(ends), len(text)], strict=True):
        append(log, text[a:b])
        reader.read()
    reader.close()
    assert reader.uids == uids(0, 12)
    assert not reader.rejected


def test_a_log_that_is_not_there_yet_is_waited_for(log, reading):
    reader = reading(log).read()
    assert reader.reasons() == ["log_missing"]
    log.write_text(HEAD + rows(0, 2))
    assert reader.read().uids == uids(0, 2)


def test_a_rotated_log_is_finished_before_the_new_one_begins(log, reading):
    log.write_text(HEAD + rows(0, 2))
    reader = reading(log, from_start=True).read()
    log.rename(log.with_name("conn.10:00:00-11:00:00.log"))
    append(
        log.with_name("conn.10:00:00-11:00:00.log"), rows(2, 4) + "#close\t2026-01-01-11-00-00\n"
    )
    assert reader.read().uids == uids(0, 4)
    log.write_text(HEAD + rows(4, 6))
    assert reader.read().uids == uids(0, 6)
    assert reader.reasons() == ["log_rotated"]
    assert not reader.rejected


def test_a_program_may_write_on_into_the_old_file(log, reading):
    log.write_text(HEAD + rows(0, 2))
    reader = reading(log, from_start=True).read()
    with log.open("a") as writer:
        log.rename(log.with_name("conn.log.1"))
        log.touch()  # as logrotate's `create` does
        writer.write(rows(2, 3))
        writer.flush()
        assert reader.read().uids == uids(0, 3)
        writer.write(rows(3, 4))
    log.write_text(HEAD + rows(4, 5))
    assert reader.read().uids == uids(0, 5)


def test_a_half_line_at_the_end_of_a_rotated_log_is_rejected_and_counted(log, reading):
    log.write_text(HEAD + rows(0, 2) + row(2)[:20])
    reader = reading(log, from_start=True).read()
    log.rename(log.with_name("conn.log.1"))
    log.write_text(HEAD + rows(3, 4))
    assert reader.read().uids == ["C0", "C1", "C3"]
    assert reader.rejected.total() == 1


def test_a_log_cut_in_place_is_read_from_its_start(log, reading):
    log.write_text(HEAD + rows(0, 5))
    reader = reading(log, from_start=True).read()
    with log.open("r+") as stream:
        stream.truncate(0)
    reader.read()
    append(log, HEAD + rows(5, 7))
    assert reader.read().uids == uids(0, 7)
    assert reader.reasons() == ["log_cut"]


def test_a_log_written_anew_with_more_than_before_is_noticed(log, reading):
    log.write_text(HEAD + rows(0, 2))
    reader = reading(log, from_start=True).read()
    with log.open("r+") as stream:
        stream.truncate(0)
        stream.write(HEAD.replace("conn\n", "conn\n#open\t2026\n") + rows(5, 12))
    assert reader.read().uids[2:] == uids(5, 12)
    assert reader.reasons() == ["log_cut"]


def test_a_replaced_log_is_another_file(log, reading):
    log.write_text(HEAD + rows(0, 2))
    reader = reading(log, from_start=True).read()
    new = log.with_name("new")
    new.write_text(HEAD + rows(2, 4))
    new.replace(log)
    assert reader.read().uids == uids(0, 4)


def test_malformed_lines_among_good_ones_are_rejected_and_counted(log, reading):
    log.write_text(HEAD + row(0) + "rubbish\n" + row(1).replace("\t60\t1", "\tx\t1") + row(2))
    reader = reading(log, from_start=True).read()
    assert reader.uids == ["C0", "C2"]
    assert reader.rejected == {"wrong number of fields": 1, "not a number": 1}


@pytest.mark.parametrize("zeros", [1, 4_096, 400_000])
def test_zeros_left_by_a_power_cut_are_a_rejected_line_also_after_a_restart(log, reading, zeros):
    log.write_bytes((HEAD + rows(0, 4)).encode() + bytes(zeros) + f"\n{rows(4, 6)}".encode())
    first = reading(log, from_start=True).read()
    assert first.uids == uids(0, 6)
    assert first.rejected.total() == 1
    append(log, rows(6, 8))
    assert reading(log, position=first.position).read().uids == uids(6, 8)


def test_a_line_without_an_end_fills_no_memory(log, reading):
    log.write_text(HEAD + row(0))
    reader = reading(log, from_start=True).read()
    for _ in range(12):
        append(log, "x" * 200_000)
        reader.read()
    append(log, "\n" + row(1))
    assert reader.read().uids == ["C0", "C1"]
    assert reader.rejected == {"line too long": 1}


def test_a_header_with_other_fields_is_followed(log, reading):
    log.write_text(HEAD + rows(0, 2))
    reader = reading(log, from_start=True).read()
    append(log, "#close\t1\n" + OTHER_HEAD + rows(2, 4, service=True) + HEAD + rows(4, 5))
    assert reader.read().uids == uids(0, 5)
    assert not reader.rejected


def test_a_csv_that_begins_anew_with_another_header_is_followed(tmp_path, reading):
    log = tmp_path / "flows.csv"
    header = "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,TotPkts,TotBytes,SrcBytes"
    line = "2026/01/01 00:00:01,0.1,tcp,10.0.0.1,1000,->,10.0.0.2,80,FSPA_FSPA,4,400,200"
    log.write_text(f"{header}\n{line}\n")
    reader = reading(log, from_start=True)
    reader._take = lambda fed: reader.uids.extend(fed.flows.columns.get("dst_port", []))
    reader.read()
    turned = ",".join(header.split(",")[::-1])
    append(log, f"{header}\n{line}\n{turned}\n" + ",".join(line.split(",")[::-1]) + "\n")
    assert reader.read().uids == [80.0, 80.0, 80.0]


def test_a_restart_goes_on_exactly_where_it_was(log, reading):
    log.write_text(HEAD + rows(0, 4) + row(4)[:10])
    first = reading(log, from_start=True).read()
    append(log, row(4)[10:] + rows(5, 7))
    again = reading(log, position=first.position).read()
    assert (first.uids, again.uids) == (uids(0, 4), uids(4, 7))
    assert again.reasons() == []


@pytest.mark.parametrize(
    "name", ["conn.log.1", "conn.2026-01-01-10-00-00.log", "conn.log-20260101"]
)
def test_a_restart_finds_the_file_that_was_rotated_away(log, reading, name):
    log.write_text(HEAD + rows(0, 2))
    first = reading(log, from_start=True).read()
    append(log, rows(2, 3))
    log.rename(log.with_name(name))
    log.write_text(HEAD + rows(3, 5))
    with gzip.open(log.with_name("conn.log.2.gz"), "wt") as old:
        old.write(HEAD + rows(90, 99))
    again = reading(log, position=first.position).read()
    assert again.uids == uids(2, 5)


def test_rotations_while_nobody_read_are_all_caught_up(log, reading):
    log.write_text(HEAD + rows(0, 2))
    first = reading(log, from_start=True).read()
    for n, (a, b) in enumerate([(2, 4), (4, 6)]):
        old = log.with_name(f"conn.1{n}:00:00.log")
        log.rename(old)
        os.utime(old, (1e9 + n, 1e9 + n))
        log.write_text(HEAD + rows(a, b))
    again = reading(log, position=first.position).read()
    assert again.uids == uids(2, 6)


def test_a_restart_says_when_its_place_is_gone(log, reading):
    log.write_text(HEAD + rows(0, 2))
    first = reading(log, from_start=True).read()
    log.unlink()
    log.write_text(HEAD.replace("#path", "#open\tx\n#path") + rows(5, 7))
    again = reading(log, position=first.position).read()
    assert again.uids == uids(5, 7)
    assert again.reasons() == ["log_lost"]


def test_until_the_end_ends_with_the_last_line_whole_or_not(log):
    log.write_text(HEAD + rows(0, 2) + row(2).rstrip("\n"))
    reader = Reader(log, from_start=True, until_end=True)
    reader.close()
    assert reader.uids == []  # stopped before it began
    feed = TailFeed(log, from_start=True, until_end=True)
    feed.start()
    found = [u for fed in feed.batches() for u in fed.flows.columns.get("uid", [])]
    assert found == uids(0, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(b"x", mtime=0), "packed"),
        (b"a,b\n1,2\n", "columns of no known kind"),
        (b"\0\1\2\3\n", "binary"),
    ],
)
def test_what_is_no_log_is_refused_in_a_sentence(log, content, reason):
    log.write_bytes(content)
    with pytest.raises(EdgeGuardError, match=reason):
        Reader(log, from_start=True).read()


def test_a_folder_is_no_log(tmp_path):
    with pytest.raises(SourceError, match="folder"):
        TailFeed(tmp_path).start()
    with pytest.raises(SourceError, match="does not exist"):
        TailFeed(tmp_path / "no" / "conn.log").start()


def piped(content: bytes) -> StdinFeed:
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:  # a pipe holds less than a log
        os.close(out)
        with os.fdopen(into, "wb") as stream:
            stream.write(content)
        os._exit(0)
    os.close(into)
    return StdinFeed(ReadOptions(), descriptor=out)


def flows_of(feed) -> tuple[Flows, Counter]:
    feed.start()
    feds = list(feed.batches())
    parts = [fed.flows for fed in feds if len(fed.flows)]
    return Flows.concat(parts), sum((fed.rejected for fed in feds), Counter())


REAL = [
    "zeek/zat_conn.log", "zeek/netflowlabeler_conn_json.log", "suricata/eve.json.gz",
    "argus/slips-test2.binetflow", "cic-ids2017/monday_first_999.csv",
    "zeek/iot23_honeypot_5-1.csv",
]  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_real_logs_give_the_flows_of_the_whole_file(data, name, tmp_path):
    path = data(name)
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    plain = tmp_path / path.name.removesuffix(".gz")
    plain.write_bytes(content)
    batches = list(open_source(plain).batches())
    expected = Flows.concat([batch.flows for batch in batches if len(batch.flows)])
    rejected = Counter(rejection.rule for batch in batches for rejection in batch.rejections)
    for feed in (TailFeed(plain, until_end=True, from_start=True), FileFeed(path)):
        flows, refused = flows_of(feed)
        assert refused == rejected
        assert len(flows) == len(expected)
        for column, values in expected.columns.items():
            np.testing.assert_array_equal(flows.columns[column], values, column)


def test_standard_input_gives_the_flows_and_ends(data):
    path = data("zeek/zat_conn.log")
    found = piped(path.read_bytes())
    flows, _ = flows_of(found)
    expected = Flows.concat([b.flows for b in open_source(path).batches() if len(b.flows)])
    assert flows.columns["uid"].tolist() == expected.columns["uid"].tolist()
    os.close(found._descriptor)
    os.wait()
