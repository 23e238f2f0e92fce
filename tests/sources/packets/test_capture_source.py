"""Captures as flows: a golden one worked out by hand, every container and link type, damage."""

import gzip
import importlib.util
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from captures import (
    ACK,
    ETHERNET,
    LINKS,
    PSH,
    START_US,
    SYN,
    A,
    B,
    Sent,
    block,
    enhanced,
    ethernet,
    golden_sent,
    interface,
    ip,
    pcap,
    pcapng,
    section,
    tcp,
    udp,
)

from edgeguard_core.errors import SchemaError, SourceError
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows
from edgeguard_core.sources import ReadOptions, ReadReport, open_source, read_batches, read_flows
from edgeguard_core.sources.packets import Timeouts
from edgeguard_core.sources.packets.capture_source import CaptureSource
from edgeguard_core.sources.packets.meter import PacketMeter

START_MS = START_US / 1000


def written(folder: Path, content: bytes, name: str = "c.pcap") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def flows_of(path: Path, timeouts: Timeouts | None = None) -> Flows:
    options = ReadOptions(timeouts=timeouts or Timeouts())
    return read_flows([path], options)[0]


def report_of(path: Path) -> ReadReport:
    report = ReadReport()
    for _ in read_batches([path], ReadOptions(), report):
        pass
    return report


def same(some: Flows, others: Flows) -> bool:
    return some.columns.keys() == others.columns.keys() and all(
        np.array_equal(cells, others.columns[name], equal_nan=cells.dtype != object)
        for name, cells in some.columns.items()
    )


@pytest.fixture(scope="module")
def golden(tmp_path_factory) -> Flows:
    return flows_of(written(tmp_path_factory.mktemp("golden"), pcap(golden_sent())))


# Bytes are those of IP: 20 of its header (IPv6 40) and 20 of TCP's, 8 of UDP's and ICMP's.
GOLDEN = {
    # The web: 40 + 40 + 140 + 40 + 40 sent, 40 + 1040 + 40 back, from 0 to 800 ms.
    # The resolver: 20 + 8 + 32 sent, 20 + 8 + 92 back. A SYN without an answer: 40.
    # A SYN and its reset: 40 each. IPv6: 40 + 8 + 48 each way. ICMP: 20 + 8 + 56 each way.
    "bidirectional_first_seen_ms": [START_MS + ms for ms in (0, 1000, 2000, 3000, 4000, 5000)],
    "bidirectional_duration_ms": [800, 20, 0, 1, 50, 4],
    "protocol": [6, 17, 6, 6, 17, 1],
    "src_port": [40_000, 50_000, 1234, 1235, 50_001, 0],
    "dst_port": [443, 53, 22, 23, 123, 0],
    "src2dst_packets": [5, 1, 1, 1, 1, 1],
    "dst2src_packets": [3, 1, 0, 1, 1, 1],
    "src2dst_bytes": [300, 60, 40, 40, 96, 84],
    "dst2src_bytes": [1120, 120, 0, 40, 96, 84],
    "src2dst_mean_packet_bytes": [60, 60, 40, 40, 96, 84],  # 300 / 5
    "dst2src_mean_packet_bytes": [1120 / 3, 120, 0, 40, 96, 84],
    "src2dst_bytes_share": [300 / 1420, 60 / 180, 1, 0.5, 0.5, 0.5],
    "src2dst_packets_share": [5 / 8, 0.5, 1, 0.5, 0.5, 0.5],
    "bidirectional_packets_per_s": [10, 100, 0, 2000, 40, 500],  # 8 / 0.8 s; 0 at duration 0
    "bidirectional_bytes_per_s": [1775, 9000, 0, 80_000, 3840, 42_000],  # 1420 / 0.8 s
    "transport": ["tcp", "udp", "tcp", "tcp", "udp", "icmp"],
    "service": ["https", "dns", "ssh", "telnet", "ntp", "none"],
    "state": ["done", "done", "noreply", "rejected", "done", "done"],
    "src_network": ["internal"] * 6,
    "dst_network": ["external", "external", "internal", "internal", "external", "internal"],
    "src_ip": [A, A, B, B, "fd00::10", "192.168.1.77"],
    "dst_ip": ["203.0.113.5", "198.51.100.53", A, A, "2001:db8::5", A],
}


@pytest.mark.parametrize("column", GOLDEN)
def test_the_golden_capture_has_the_values_worked_out_by_hand(golden, column):
    found, expected = golden.columns[column].tolist(), GOLDEN[column]
    is_text = isinstance(expected[0], str)
    assert found == (expected if is_text else pytest.approx(expected, rel=1e-12))


def test_what_is_told_of_a_capture(tmp_path):
    path = written(tmp_path, pcap([*golden_sent(), Sent(START_US, ethernet(b"\x40" * 60)[:20])]))
    source = open_source(path)
    assert (source.format, source.meter, source.schema.name) == ("pcap", "nfstream", "flow")
    assert (source.bytes_layer, source.timeouts) == ("ip", {"idle_s": 10.0, "active_s": 10.0})
    report = report_of(path)
    assert (report.rows, report.skipped) == (6, {"packets without IP": 1})
    assert report.all_warnings() == []
    assert [batch.flows.line.tolist() for batch in source.batches()] == [[1, 2, 3, 4, 5, 6]]


@pytest.mark.parametrize("link", LINKS)
def test_every_link_type_that_is_read_gives_the_same_flows(tmp_path, golden, link):
    path = written(tmp_path, pcap(golden_sent(link), LINKS[link][0]))
    assert same(flows_of(path), golden)


def packed(content: bytes) -> bytes:
    return importlib.import_module("zstandard").ZstdCompressor().compress(content)


NANOSECONDS = b"\x09\x00\x01\x00\x09\x00\x00\x00"  # if_tsresol = 10^-9, and its padding
CONTAINERS = {
    "big-endian": lambda sent: pcap(sent, order=">"),
    "nanoseconds": lambda sent: pcap(sent, nano=True),
    "nanoseconds, big-endian": lambda sent: pcap(sent, order=">", nano=True),
    "pcapng": pcapng,
    "pcapng, big-endian": lambda sent: pcapng(sent, order=">"),
    "pcapng in nanoseconds": lambda sent: b"".join(
        [section(), interface(options=NANOSECONDS)]
        + [enhanced(one, ticks_per_us=1000) for one in sent]
    ),
    "pcapng of two sections": lambda sent: pcapng(sent[:8]) + pcapng(sent[8:], order=">"),
    "interfaces of other snap lengths": lambda sent: b"".join(
        [section(), interface(snap=96), interface(snap=65_535)]
        + [enhanced(one, of=at % 2) for at, one in enumerate(sent)]
    ),
    "interfaces of other link types": lambda sent: b"".join(
        [section(), interface(), interface(101)]
        + [
            enhanced(Sent(one.at_us, one.data[14:] if at % 2 else one.data), of=at % 2)
            for at, one in enumerate(sent)
        ]
    ),
    "unknown blocks between": lambda sent: b"".join(
        [section(), interface(), block(4, b"names"), block(0x0BAD, b"")]
        + [enhanced(one) for one in sent]
        + [block(5, bytes(12))]
    ),
    "gzip": lambda sent: gzip.compress(pcap(sent)),
    "zstd": lambda sent: packed(pcapng(sent)),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_every_container_gives_the_same_flows(tmp_path, golden, kind):
    assert same(flows_of(written(tmp_path, CONTAINERS[kind](golden_sent()))), golden)


def test_ipv6_of_which_bytes_were_not_kept_is_counted_in_full(tmp_path, golden):
    cut = [Sent(sent.at_us, sent.data[:66], len(sent.data)) for sent in golden_sent()]
    assert same(flows_of(written(tmp_path, pcap(cut))), golden)


@pytest.mark.parametrize("kind", ["pcap", "pcapng", "pcap.gz"])
def test_a_capture_that_is_cut_short_gives_what_is_there_and_says_so(tmp_path, golden, kind):
    whole = pcapng(golden_sent()) if kind == "pcapng" else pcap(golden_sent())
    content = whole[:-5] if kind != "pcap.gz" else gzip.compress(whole)[:-12]
    report = report_of(path := written(tmp_path, content))
    assert report.rows in (5, 6)
    assert [w for w in report.warnings if w.startswith(f"{path} is not whole: after 1")]


def test_what_follows_damage_is_left_out(tmp_path):
    sent = golden_sent()
    at = len(pcap(sent[:10]))
    content = bytearray(pcap(sent))
    content[at + 8 : at + 12] = b"\xff" * 4  # the eleventh packet's length
    report = report_of(path := written(tmp_path, bytes(content)))
    assert report.rows == 2
    assert report.warnings == [
        f"{path} is not whole: after 10 packets a packet says it is 4,294,967,295 bytes long; "
        "those are read."
    ]


@pytest.mark.parametrize("link", [105, 195, 107, 9999])
def test_other_link_types_are_refused_by_name_and_number(tmp_path, link):
    path = written(tmp_path, pcap(golden_sent(), link))
    with pytest.raises(SourceError, match=rf"is of link type \w+ \({link}\), which cannot be"):
        flows_of(path)


def test_packets_of_other_link_types_in_a_mixed_file_are_counted(tmp_path, golden):
    noise = [enhanced(Sent(START_US, b"beacon"), of=1)] * 3
    mixed = [section(), interface(), interface(195), *noise, *map(enhanced, golden_sent())]
    path = written(tmp_path, b"".join(mixed))
    assert same(flows_of(path), golden)
    report = report_of(path)
    assert report.skipped == {"packets without IP": 3}
    assert report.warnings == [
        f"{path} has packets of link type IEEE802_15_4_WITHFCS (195), which are left out: 3 of 20."
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (pcap([]), "holds no packet."),
        (section(), "holds no packet."),
        (
            pcap([Sent(START_US, bytes(12) + b"\x08\x06" + bytes(28))]),
            "holds no flow: none of its packets (1) is of IP, or whole enough to tell.",
        ),
    ],
)
def test_a_capture_without_a_flow_says_so(tmp_path, content, told):
    path = written(tmp_path, content)
    assert report_of(path).warnings == [f"{path} {told}"]
    with pytest.raises(SourceError, match="holds no packet that a flow could be made of"):
        flows_of(path)


def test_damage_from_the_start_is_refused(tmp_path):
    with pytest.raises(SourceError, match="is a damaged capture: it ends in its header"):
        flows_of(written(tmp_path, pcap([])[:20]))


def test_malformed_packets_among_good_ones_do_not_stop_it(tmp_path, golden):
    bad = [b"", b"\x00", ethernet(b"\x45" + bytes(5)), ethernet(b"\x4f" * 40), b"\xff" * 60]
    sent = [
        one
        for at, good in enumerate(golden_sent())
        for one in (Sent(good.at_us, bad[at % len(bad)]), good)
    ]
    path = written(tmp_path, pcap(sent))
    assert same(flows_of(path), golden)


def test_packets_without_a_time_count_as_of_the_one_before(tmp_path):
    first = golden_sent()[0]
    simple = block(3, len(first.data).to_bytes(4, "little") + first.data)
    path = written(tmp_path, section() + interface() + enhanced(first) + simple)
    flows = flows_of(path)
    assert flows.columns["src2dst_packets"].tolist() == [2]
    assert flows.columns["bidirectional_duration_ms"].tolist() == [0]
    assert "packets without a time (1)" in report_of(path).warnings[0]


def chat(seconds: list[float], *, first_from_server: bool = False) -> list[Sent]:
    """A client and a server that send a packet in turn."""
    sides = [ip(A, B, 17, udp(5000, 6000, b"a")), ip(B, A, 17, udp(6000, 5000, b"b"))]
    return [
        Sent(START_US + round(at * 1e6), ethernet(sides[(turn + first_from_server) % 2]))
        for turn, at in enumerate(seconds)
    ]


@pytest.mark.parametrize(
    ("timeouts", "packets", "starts"),
    [
        (Timeouts(10, 10), [3, 3, 1], [0, 12, 24]),  # at 12 s the first is 12 s old
        (Timeouts(3, 60), [1, 1, 1, 1, 1, 1, 1], [0, 4, 8, 12, 16, 20, 24]),
        (Timeouts(60, 60), [7], [0]),
        (Timeouts(60, 8), [2, 2, 2, 1], [0, 8, 16, 24]),
    ],
)
def test_timeouts_end_flows(tmp_path, timeouts, packets, starts):
    path = written(tmp_path, pcap(chat([0, 4, 8, 12, 16, 20, 24])))
    columns = flows_of(path, timeouts).columns
    total = columns["src2dst_packets"] + columns["dst2src_packets"]
    assert total.tolist() == packets
    assert (columns["bidirectional_first_seen_ms"] - START_MS).tolist() == [
        1000 * start for start in starts
    ]


def test_who_began_stays_the_source_after_a_timeout(tmp_path):
    path = written(tmp_path, pcap(chat([0, 6, 11.5, 12, 23, 24])[1:]))
    # The client spoke before the capture began: who is seen first counts.
    assert set(flows_of(path).columns["src_ip"]) == {B}
    path = written(tmp_path, pcap(chat([0, 11, 22, 23, 33.5])))
    columns = flows_of(path).columns
    assert columns["src_ip"].tolist() == [A] * 4
    assert columns["src2dst_packets"].tolist() == [1, 0, 1, 1]
    assert columns["dst2src_packets"].tolist() == [0, 1, 1, 0]


def test_of_tcp_met_midway_the_well_known_port_is_the_server(tmp_path):
    answer = ip(B, A, 6, tcp(443, 40_000, PSH | ACK, b"data"))
    reflected = ip(B, A, 6, tcp(443, 40_001, SYN | ACK))
    path = written(
        tmp_path, pcap([Sent(START_US, ethernet(answer)), Sent(START_US, ethernet(reflected))])
    )
    columns = flows_of(path).columns
    assert columns["dst_port"].tolist() == [443, 40_001]
    assert columns["dst2src_packets"].tolist() == [1, 0]


def test_flows_come_in_the_order_of_their_first_packets(tmp_path):
    long = [(second, 1) for second in range(0, 40, 2)]
    short = [(second + 0.5, 2 + second) for second in range(40)]
    sent = [
        Sent(START_US + round(at * 1e6), ethernet(ip(A, B, 17, udp(port, 9, b"x"))))
        for at, port in sorted(long + short)
    ]
    for timeouts in (Timeouts(), Timeouts(3, 25)):
        first = flows_of(written(tmp_path, pcap(sent)), timeouts).time_ms
        assert len(first) > 40
        assert (np.diff(first) >= 0).all()


def test_time_that_goes_back_ends_the_flows_and_is_told(tmp_path):
    path = written(tmp_path, pcap(chat([100, 101, 10, 11])))
    report = report_of(path)
    assert report.rows == 2
    assert report.warnings == [f"Time goes back in {path} (1×); all flows under way ended there."]


def test_of_too_many_flows_the_oldest_ends_early(tmp_path):
    sent = [Sent(START_US + n, ethernet(ip(A, B, 17, udp(n + 1, 9, b"x")))) for n in range(50)]
    path = written(tmp_path, pcap(sent))
    with PacketMeter(path, Timeouts(), most_flows=8) as meter:
        parts = []
        while (records := meter.read(None)) is not None:
            parts.append(records)
    told = np.concatenate(parts)
    assert told["src_port"].tolist() == list(range(1, 51))
    assert (told["told_ms"] == START_MS).all()
    assert meter.counted.early == 42


def test_a_meter_that_dies_is_told_in_a_sentence(tmp_path):
    path = written(tmp_path, pcap(golden_sent()))

    def stall(stream):
        stream.write(pcap(golden_sent())[:500])
        stream.flush()
        meter._process.kill()

    meter = PacketMeter(path, Timeouts(), feed=stall)
    with pytest.raises(SourceError, match=r"was killed by SIGKILL while it read .*c\.pcap"), meter:
        meter.read(None)
    assert meter._process is None


def test_without_nfstream_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SourceError, match=r'pip install "edgeguard\[capture\]"'):
        flows_of(written(tmp_path, pcap(golden_sent())))


def test_packets_make_canonical_flows_alone(tmp_path):
    path = written(tmp_path, pcap(golden_sent()))
    with pytest.raises(SchemaError, match="not those of schema 'nsl-kdd'"):
        open_source(path, ReadOptions(schema=Schema.named("nsl-kdd")))


NFSTREAM = """
import json, sys
from nfstream import NFStreamer
names = ["src_ip", "src_port", "dst_ip", "dst_port", "protocol", "bidirectional_first_seen_ms",
         "bidirectional_duration_ms", "src2dst_packets", "dst2src_packets", "src2dst_bytes",
         "dst2src_bytes"]
flags = [f"{side}_{flag}_packets" for side in ("src2dst", "dst2src")
         for flag in ("syn", "ack", "rst", "fin")]
if __name__ == "__main__":
    streamer = NFStreamer(source=sys.argv[1], accounting_mode=1, n_dissections=0,
                          statistical_analysis=True, idle_timeout=int(sys.argv[2]),
                          active_timeout=int(sys.argv[3]), n_meters=1)
    print(json.dumps([[getattr(flow, name) for name in names + flags] for flow in streamer]))
"""


@pytest.mark.parametrize(
    ("name", "timeouts"),
    [
        ("pcap/mixed/mawi_sample.pcap", (10, 10)),
        ("pcap/benign-iot/HueBridge/Setup-A-1-STA.pcap", (10, 10)),
        ("pcap/benign-iot/HueBridge/Setup-A-1-STA.pcap", (3, 20)),
    ],
)
def test_the_flows_are_those_of_nfstreamer(data, tmp_path, name, timeouts):
    path, program = data(name), tmp_path / "nfstreamer.py"
    program.write_text(NFSTREAM)
    command = [sys.executable, str(program), str(path), *map(str, timeouts)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    theirs = Counter(tuple(flow) for flow in json.loads(done.stdout.splitlines()[-1]))
    flags = [
        f"{s}_{f}_packets" for s in ("src2dst", "dst2src") for f in ("syn", "ack", "rst", "fin")
    ]
    names = [
        "src_ip_str", "src_port", "dst_ip_str", "dst_port", "protocol",
        "bidirectional_first_seen_ms", "bidirectional_duration_ms", "src2dst_packets",
        "dst2src_packets", "src2dst_bytes", "dst2src_bytes", *flags,
    ]  # fmt: skip
    ours: Counter[tuple[object, ...]] = Counter()
    with PacketMeter(path, Timeouts(*timeouts)) as meter:
        while (records := meter.read(None)) is not None:
            for flow in zip(*(records[name].tolist() for name in names), strict=True):
                ours[tuple(x.decode() if isinstance(x, bytes) else x for x in flow)] += 1
    assert ours.total() > 20
    assert ours == theirs


def test_a_reading_that_is_given_up_ends_the_meter(tmp_path):
    sent = [
        Sent(START_US + n * 1000, ethernet(ip(A, B, 17, udp(n % 60_000 + 1, 9, b"x"))))
        for n in range(20_000)
    ]
    batches = CaptureSource(written(tmp_path, pcap(sent)), "pcap", ReadOptions()).batches()
    assert len(next(batches).flows) >= 4096
    batches.close()  # a process left behind would be a ResourceWarning, and so an error


def test_ethernet_is_the_link_type_of_the_golden_capture():
    assert LINKS["ethernet"][0] == ETHERNET
