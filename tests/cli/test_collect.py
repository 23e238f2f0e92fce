"""``edgeguard collect``: its answer, every ending, the same again by seed, and bad requests."""

import csv
import gzip
import struct

import pytest
from captures import golden_sent, pcap, pcapng
from trained import names

from edgeguard_core.sources import read_flows
from edgeguard_core.sources.synthesis import ATTACKS

FEW = ("collect", "--synthetic", "home", "--flows", 60, "--seed", 4)
ENDINGS = (".csv", ".csv.gz", ".parquet", ".pcap")
PCAP_OF_MICROSECONDS = 0xA1B2C3D4


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_answer_has_what_is_promised(run, tmp_path, ending):
    out = tmp_path / f"home{ending}"
    ran = run(*FEW, "--largest-flow", 20_000, "--out", out, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert set(ran.json) == {"format", "out", "flows", "attacks", "seconds"}
    assert (ran.json["out"], ran.json["flows"], ran.json["attacks"]) == (str(out), 60, {})
    assert ran.json["seconds"] >= 0
    assert names(tmp_path) == [out.name]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("profile", ["office", "home"])
def test_a_seed_gives_the_same_bytes_again_and_another_seed_others(run, tmp_path, ending, profile):
    def collected(seed: int, name: str) -> bytes:
        out = tmp_path / f"{name}{ending}"
        ran = run(
            "collect", "--synthetic", profile, "--flows", 50, "--seed", seed, "--attacks",
            "vertical_scan", "--strength", "low", "--largest-flow", 5000, "--out", out,
        )  # fmt: skip
        assert ran.code == 0
        return out.read_bytes()

    assert collected(4, "a") == collected(4, "b") != collected(5, "c")


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_a_table_is_read_back_with_its_labels(run, tmp_path, ending):
    out = tmp_path / f"home{ending}"
    ran = run(*FEW, "--attacks", "all", "--strength", "low", "--out", out, "--json")
    counts = ran.json["attacks"]
    assert set(counts) == set(ATTACKS)
    flows, report = read_flows([out])
    assert flows.schema.name == "flow"
    assert report.labels == {"benign": 60, **counts}
    assert len(flows) == ran.json["flows"] == 60 + sum(counts.values())
    assert report.all_warnings() == []
    assert run("inspect", out, "--json").json["labels"] == report.labels


def test_several_kinds_and_each_strength_more_than_the_one_before(run, tmp_path):
    counts = []
    for strength in ("low", "medium", "high"):
        ran = run(
            *FEW, "--attacks", "syn_flood, beaconing", "--strength", strength,
            "--out", tmp_path / "home.csv", "--json",
        )  # fmt: skip
        assert set(ran.json["attacks"]) == {"syn_flood", "beaconing"}
        counts.append(ran.json["attacks"]["syn_flood"])
    assert counts == sorted(set(counts))


def test_hours_begin_and_end_as_asked(run, tmp_path):
    out = tmp_path / "home.csv"
    ran = run(
        "collect", "--synthetic", "home", "--hours", 1.5, "--start", "2024-03-04T20:00+02:00",
        "--out", out, "--json",
    )  # fmt: skip
    assert ran.json["flows"] > 20
    flows, _ = read_flows([out])
    begin = 1_709_575_200_000.0  # 18:00 UTC
    assert (flows.time_ms >= begin).all()
    assert (flows.time_ms < begin + 1.5 * 3_600_000).all()
    assert flows.is_benign.all()


def test_a_capture_keeps_so_many_bytes_of_a_packet(run, tmp_path):
    sizes = []
    for kept in (("--keep-bytes", 65_535), ()):
        out = tmp_path / "home.pcap"
        assert run(*FEW, "--largest-flow", 20_000, *kept, "--out", out).code == 0
        raw = out.read_bytes()
        assert struct.unpack_from("<I", raw)[0] == PCAP_OF_MICROSECONDS
        at, captured, lengths = 24, [], []
        while at < len(raw):
            stored, length = struct.unpack_from("<II", raw, at + 8)
            captured.append(stored)
            lengths.append(length)
            at += 16 + stored
        sizes.append((max(captured), lengths))
    assert sizes[0][1] == sizes[1][1]
    assert sizes[0][0] > 96 == sizes[1][0]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["factory"], "No profile is called 'factory'; use office or home."),
        (["--attacks", "ddos"], "No attack is called 'ddos'; there are syn_flood"),
        (["--attacks", "all", "--strength", "huge"], "Strength 'huge' is not known"),
        (["--hours", 2, "--flows", 10], "Both 2 hours and 10 flows are asked for"),
        (["--hours", 1e9], "do not fit into memory; ask for at most"),
        (["--flows", 10**12], "1,000,000,000,000 flows do not fit into memory"),
        (["--hours", 0], "0 hours cannot be synthesised"),
        (["--hours", "nan"], "nan hours cannot be synthesised"),
        (["--hours", "two"], "'--hours'"),
        (["--flows", 0], "0 flows cannot be synthesised"),
        (["--seed", -1], "--seed"),
        (["--start", "yesterday"], "'yesterday' is no time; write it like"),
        (["--start", "2200-01-01"], "lies outside 1970 to 2100"),
        (["--largest-flow", 3], "at most 3 bytes leave nearly nothing"),
        (["--keep-bytes", 96], "holds no packets"),
        (["--keep-bytes", 5], "--keep-bytes"),
        (["office", "file.csv"], "nothing but office or home"),
    ],
)
def test_a_bad_request_is_one_line_and_leaves_nothing(run, tmp_path, typed, said):
    out = tmp_path / "x.csv"
    ran = run("collect", "--synthetic", *typed, "--out", out, "--json")
    assert ran.code == 2
    assert said in ran.problem
    assert names(tmp_path) == []


def test_synthetic_alone_means_an_office(run, tmp_path):
    answers = [
        run("collect", "--synthetic", *word, "--hours", 1, "--out", tmp_path / "x.csv", "--json")
        for word in ((), ("office",))
    ]
    assert answers[0].code == answers[1].code == 0
    assert answers[0].json["flows"] == answers[1].json["flows"] > 100


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_captures_become_a_table_of_flows(run, tmp_path, ending):
    (tmp_path / "in").mkdir()
    for name in ("a.pcap", "b.pcapng"):
        make = pcap if name == "a.pcap" else pcapng
        (tmp_path / "in" / name).write_bytes(make(golden_sent()))
    out = tmp_path / f"flows{ending}"
    ran = run("collect", tmp_path / "in", "--out", out, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert (ran.json["out"], ran.json["flows"], ran.json["warnings"]) == (str(out), 12, [])
    flows, report = read_flows([out])
    assert (len(flows), report.meter) == (12, "nfstream")
    assert flows.columns["src2dst_bytes"].tolist() == [300, 60, 40, 40, 96, 84] * 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "Name captures, or an --interface, or add --synthetic"),
        (("a.pcap", "--interface", "lo"), "Name captures, or an --interface, or add --synthetic"),
        (("a.pcap", "--seconds", 3), "--seconds and --filter are for an --interface"),
        (("a.pcap",), "Cannot read a.pcap"),
        (("--synthetic", "home", "office"), "nothing but office or home"),
        (("--interface", "none7"), "There is no interface 'none7' here"),
        (("--interface", "lo", "--seconds", 0), "Listening for 0 seconds is not possible"),
    ],
)
def test_what_cannot_be_collected_is_one_line(run, tmp_path, words, told):
    ran = run("collect", *words, "--out", tmp_path / "x.csv")
    assert ran.code == 2
    assert told in ran.problem
    assert names(tmp_path) == []


def test_a_table_is_no_capture_and_flows_are_no_capture_again(run, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("a,b\n1,2\n")
    ran = run("collect", table, "--out", tmp_path / "x.csv")
    assert "is no packet capture; the other verbs read flow logs as they are" in ran.problem
    ran = run("collect", table, "--out", tmp_path / "x.pcap")
    assert "name a file that ends in .csv, .csv.gz, .parquet" in ran.problem


@pytest.mark.parametrize("name", ["x", "x.txt", "x.csv.zip", "x.pcapng", "missing/x.csv", ""])
def test_a_bad_place_is_one_line_and_leaves_nothing(run, tmp_path, name):
    ran = run(*FEW, "--out", tmp_path / name)
    assert ran.code == 2
    assert "Cannot write" in ran.problem
    assert names(tmp_path) == []


def test_without_a_place_the_option_is_named(run):
    assert "--out" in run("collect", "--flows", 10).problem


def test_a_person_reads_what_was_written(run, tmp_path):
    ran = run(*FEW, "--attacks", "syn_flood", "--strength", "low", "--out", tmp_path / "x.csv.gz")
    assert (ran.code, ran.err) == (0, "")
    assert "syn_flood 60" in ran.out
    with gzip.open(tmp_path / "x.csv.gz", "rt") as stream:
        assert len(list(csv.DictReader(stream))) == 120


def test_progress_tells_its_stages(run, tmp_path):
    notes = tmp_path / "p.jsonl"
    run(*FEW, "--out", tmp_path / "x.csv", "--progress", notes)
    stages = [line.split('"stage": "')[1].split('"')[0] for line in notes.read_text().splitlines()]
    assert stages == ["synthesise", "write", "done"]
