"""``edgeguard inject``: one's own flows stay, labelled attacks come in, bad input is told."""

import shutil

import numpy as np
import pytest
import yaml
from trained import head, names, written

from edgeguard_core.flows.schema import shipped_text
from edgeguard_core.sources import read_flows
from edgeguard_core.sources.synthesis import ATTACKS

LOG = "zeek/iot23_honeypot_5-1.csv"


@pytest.fixture(scope="module")
def log(data, tmp_path_factory):
    """The first 200 of the log's 1,374 flows."""
    folder = tmp_path_factory.mktemp("log")
    return written(folder / "conn.csv", head(data(LOG), 200))


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".pcap"])
def test_the_answer_has_what_is_promised(run, log, tmp_path, ending):
    out = tmp_path / f"attacked{ending}"
    ran = run("inject", log, "--out", out, "--kinds", "vertical_scan", "--seed", 1, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert set(ran.json) == {"format", "out", "flows", "injected", "warnings"}
    assert ran.json["out"] == str(out)
    assert ran.json["injected"] == {"vertical_scan": 300}
    assert ran.json["flows"] == 500
    assert names(tmp_path) == [out.name]


def test_the_rows_given_stay_and_every_row_has_a_label(run, data, tmp_path):
    out = tmp_path / "attacked.csv"
    ran = run("inject", data(LOG), "--out", out, "--strength", "low", "--seed", 3, "--json")
    injected = ran.json["injected"]
    assert set(injected) == set(ATTACKS)
    mine, _ = read_flows([data(LOG)])
    flows, report = read_flows([out])
    assert report.labels == {"benign": 1_374, **injected}
    assert len(flows) == ran.json["flows"] == 1_374 + sum(injected.values())
    # In the order of time, among which both have their rows in the same order.
    kept, order = flows.select(flows.is_benign), np.argsort(mine.time_ms, kind="stable")
    for name in ("bidirectional_first_seen_ms", "src_ip", "dst_ip", "dst_port", "state", "uid",
                 "src2dst_bytes", "dst2src_bytes", "bidirectional_duration_ms"):  # fmt: skip
        assert kept.columns[name].tolist() == mine.columns[name][order].tolist(), name
    assert (np.diff(flows.time_ms) >= 0).all()


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".pcap"])
def test_a_seed_gives_the_same_bytes_again_and_another_seed_others(run, log, tmp_path, ending):
    def attacked(seed: int, name: str) -> bytes:
        out = tmp_path / f"{name}{ending}"
        arguments = ("--kinds", "horizontal_scan", "--strength", "low", "--seed", seed)
        assert run("inject", log, "--out", out, *arguments).code == 0
        return out.read_bytes()

    assert attacked(4, "a") == attacked(4, "b") != attacked(5, "c")


def test_what_collect_wrote_takes_attacks_too(run, tmp_path):
    day, out = tmp_path / "home.parquet", tmp_path / "attacked.parquet"
    run("collect", "--synthetic", "home", "--flows", 80, "--out", day)
    ran = run("inject", day, "--out", out, "--kinds", "syn_flood,brute_force", "--json")
    assert run("inspect", out, "--json").json["labels"] == {"benign": 80, **ran.json["injected"]}


def test_a_capture_can_keep_the_headers_alone(run, log, tmp_path):
    out = tmp_path / "attacked.pcap"
    arguments = ("--kinds", "vertical_scan", "--strength", "low", "--out", out)
    assert run("inject", log, *arguments).code == 0
    whole = out.stat().st_size
    assert run("inject", log, *arguments, "--keep-bytes", 60).code == 0
    assert out.stat().st_size < whole


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--kinds", "ddos"], "No attack is called 'ddos'; there are syn_flood"),
        (["--strength", "huge"], "Strength 'huge' is not known"),
        (["--seed", "many"], "--seed"),
        (["--keep-bytes", 96], "holds no packets"),
        (["--tz", "Mars/Olympus"], "Mars/Olympus"),
    ],
)
def test_a_bad_request_is_one_line_and_leaves_nothing(run, log, tmp_path, typed, said):
    ran = run("inject", log, "--out", tmp_path / "x.csv", *typed, "--json")
    assert ran.code == 2
    assert said in ran.problem
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["x.txt", "x", "missing/x.csv"])
def test_a_bad_place_is_one_line_and_leaves_nothing(run, log, tmp_path, name):
    ran = run("inject", log, "--kinds", "beaconing", "--out", tmp_path / name)
    assert ran.code == 2
    assert "Cannot write" in ran.problem
    assert names(tmp_path) == []


def test_a_file_is_never_written_over_itself(run, log, tmp_path):
    mine = shutil.copy(log, tmp_path / "conn.csv")
    ran = run("inject", mine, "--out", mine, "--kinds", "beaconing")
    assert ran.code == 2
    assert "it is the file to be read" in ran.problem
    assert (tmp_path / "conn.csv").read_bytes() == log.read_bytes()


def test_a_data_set_with_columns_of_its_own_is_refused(run, data, tmp_path):
    source = data("cic-ids2017/monday_first_999.csv")
    ran = run("inject", source, "--out", tmp_path / "x.csv", "--json")
    assert ran.code == 2
    assert "of schema 'cicflowmeter', and attacks are laid into canonical flows" in ran.problem
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("lines", "said"),
    [([], "is empty"), (["id.orig_h,id.resp_h,ts,uid"], "x.log"), (["hello"], "x.log")],
)
def test_a_file_without_flows_is_refused(run, tmp_path, lines, said):
    source = tmp_path / "x.log"
    source.write_text("\n".join(lines))
    ran = run("inject", source, "--out", tmp_path / "x.csv")
    assert ran.code == 2
    assert said in ran.problem
    assert names(tmp_path) == ["x.log"]


def test_a_file_that_is_not_there_is_named(run, tmp_path):
    assert "nowhere.csv" in run("inject", tmp_path / "nowhere.csv", "--out", "x.csv").problem


def test_a_person_reads_what_was_laid_in(run, log, tmp_path):
    ran = run("inject", log, "--out", tmp_path / "x.csv", "--kinds", "beaconing")
    assert "beaconing 120" in ran.out


def test_that_nothing_was_labelled_is_told(run, data, log, tmp_path):
    source = written(tmp_path / "x.binetflow", head(data("argus/slips-test2.binetflow"), 100))
    out = tmp_path / "x.csv"
    ran = run("inject", source, "--out", out, "--kinds", "beaconing", "--json")
    assert ran.json["warnings"] == ["No flow is labelled: all are taken as benign."]
    assert read_flows([out])[1].labels == {"benign": 100, "beaconing": 120}
    told = run("inject", log, "--out", out, "--kinds", "beaconing", "--json")
    assert told.json["warnings"] == []


def test_a_table_that_a_schema_maps_takes_attacks(run, tmp_path):
    source, schema, out = (tmp_path / name for name in ("mine.csv", "mine.yaml", "x.csv"))
    titles = {
        "bidirectional_first_seen_ms": "when", "src_ip": "client", "dst_ip": "server",
        "dst_port": "service_port", "protocol": "proto", "bidirectional_duration_ms": "took",
        "src2dst_bytes": "up", "dst2src_bytes": "down",
        "src2dst_packets": "up_packets", "dst2src_packets": "down_packets",
    }  # fmt: skip
    rows = [f"{1.7e9 + n},10.0.0.{n % 5},192.0.2.9,443,6,0.5,900,4000,7,6" for n in range(60)]
    source.write_text(",".join(titles.values()) + "\n" + "\n".join(rows) + "\n")
    mapping = yaml.safe_load(shipped_text("flow"))
    for column in mapping["columns"]:
        if column["name"] in titles:
            column["aliases"] = [titles[column["name"]]]
        column |= {"time": {"unit": "s"}}.get(column["role"], {})
        column |= {"bidirectional_duration_ms": {"factor": 1000}}.get(column["name"], {})
    schema.write_text(yaml.safe_dump(mapping))
    arguments = ("--schema", schema, "--out", out, "--kinds", "beaconing", "--json")
    ran = run("inject", source, *arguments)
    assert (ran.code, ran.json["injected"]) == (0, {"beaconing": 120})
    flows, _ = read_flows([out])
    mine = flows.select(flows.is_benign)
    stamps = mine.columns["bidirectional_first_seen_ms"]
    assert stamps.tolist() == [1.7e12 + 1000 * n for n in range(60)]
    assert set(mine.columns["bidirectional_duration_ms"]) == {500.0}
    assert set(mine.columns["src2dst_bytes"]) == {900.0}
