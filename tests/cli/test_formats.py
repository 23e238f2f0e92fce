"""Formats at the command line: what inspect adds for them, and drafting a schema of one's own."""

import shutil

import pytest
from trained import written

TABLE = ["client,bytes up,bytes down,colour,verdict"] + [
    f"10.0.0.{n % 7},{100 + n * 37 % 90},{300 + n * 53 % 70},{'red' if n % 3 else 'blue'},"
    + ("normal" if n < 200 else "scan")
    for n in range(210)
]


def test_inspect_counts_events_that_are_no_flows(run, data):
    ran = run("inspect", data("suricata/eve.json.gz"), "--json")
    assert (ran.code, ran.json["rows"], ran.json["skipped"]["alert"]) == (0, 3512, 745)
    assert "alert" in run("inspect", data("suricata/eve.json.gz")).out
    assert "skipped" not in run("inspect", data("argus/slips-test2.binetflow"), "--json").json


def test_inspect_tells_what_is_odd_and_what_to_do(run, data):
    source = data("argus/test5-mixed.binetflow")
    ran = run("inspect", source, "--json")
    [odd] = [each for each in ran.json["lint"] if each["rule"] == "unlikely times"]
    assert set(odd) == {"rule", "columns", "rows", "share", "sentence", "remedy"}
    assert (odd["columns"], odd["rows"]) == (["bidirectional_first_seen_ms"], 299)
    assert ran.json["rejected"] == {"not a flow": 1}
    assert "unlikely times" in run("inspect", source).out


@pytest.mark.parametrize(
    ("name", "meter", "layer"),
    [
        ("nfdump/nfcapd.sample2", "nfdump", "ip"),
        ("argus/slips-test2.binetflow", "argus", "ip, from the link layer less 14 a packet"),
    ],
)
def test_a_bundle_remembers_its_meter(run, data, tmp_path, name, meter, layer):
    out = tmp_path / "bundle"
    assert run("train", data(name), "--out", out, "--steps", 20, "--json").code == 0
    shown = run("bundle", "show", out, "--json").json
    assert (shown["meter"]["format"], shown["meter"]["bytes_layer"]) == (meter, layer)


def test_a_draft_is_made_read_and_trained_by(run, tmp_path):
    source = written(tmp_path / "own.csv", TABLE)
    mine = tmp_path / "mine.yaml"
    ran = run("schema", "infer", source, "--out", mine, "--json")
    assert (ran.code, ran.err) == (0, "")
    roles = {column["name"]: column["role"] for column in ran.json["columns"]}
    assert roles == {
        "client": "identity",
        "bytes up": "numeric",
        "bytes down": "numeric",
        "colour": "categorical",
        "verdict": "label",
    }
    assert "as --schema" in run("schema", "infer", source, "--out", mine, "--force").out
    assert run("schema", "check", mine).code == 0
    assert run("inspect", source, "--schema", mine, "--json").json["labels"] == {
        "benign": 200,
        "scan": 10,
    }
    out = tmp_path / "bundle"
    assert run("train", source, "--schema", mine, "--out", out, "--steps", 20).code == 0
    assert "name: own" in run("schema", "infer", source).out


def test_a_draft_is_never_written_over_what_is_there(run, tmp_path):
    source = written(tmp_path / "own.csv", TABLE)
    there = written(tmp_path / "there.yaml", ["kept"])
    assert "--force" in run("schema", "infer", source, "--out", there).problem
    assert there.read_text() == "kept\n"
    assert run("schema", "infer", source, "--out", source, "--force").code == 2
    assert source.read_text().startswith("client")


def test_an_unknown_table_is_not_trained_by_a_guess(run, tmp_path):
    source = written(tmp_path / "own.csv", TABLE)
    ran = run("train", source, "--out", tmp_path / "bundle")
    assert (ran.code, "--schema" in ran.problem) == (2, True)
    assert not (tmp_path / "bundle").exists()


@pytest.mark.skipif(shutil.which("nfdump") is None, reason="the nfdump program is not installed")
def test_a_damaged_file_of_nfcapd_ends_the_command(run, tmp_path):
    path = tmp_path / "cut.nfdump"
    path.write_bytes(b"\x0c\xa5\x01\x00")
    ran = run("inspect", path, "--json")
    assert (ran.code, "nfdump" in ran.problem) == (2, True)


def test_an_eve_log_of_other_events_gets_one_warning(run, tmp_path):
    log = tmp_path / "eve.json"
    log.write_text('{"event_type": "dns", "src_ip": "10.0.0.1", "dest_ip": "10.0.0.2"}\n')
    ran = run("inspect", log, "--json")
    assert (ran.code, ran.json["rows"], ran.json["skipped"]) == (0, 0, {"dns": 1})
    (warning,) = ran.json["warnings"]
    assert "no event of type flow" in warning
