"""Every capture of the network data has the outcome that the table beside this file states."""

import csv
from collections import Counter

import pytest
from capture_outcomes import TABLE, outcome_of
from support import data_folder


def rows() -> list[tuple[str, ...]]:
    with TABLE.open(newline="", encoding="utf-8") as stream:
        return [tuple(row) for row in csv.reader(stream)][1:]


GROUPS = ("benign-iot", "ddos", "mixed", "odd/pcapng", "odd/tcpdump")


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_each_capture_comes_to_what_is_stated(data, group):
    folder = data("pcap")
    stated = [row for row in rows() if row[0].startswith(group)]
    assert len(stated) > 0
    assert [outcome_of(folder, row[0]) for row in stated] == stated


def test_the_table_has_every_capture_and_a_reason_where_there_are_no_flows(data):
    data("pcap")
    stated = rows()
    folder = data_folder() / "pcap"
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {row[0] for row in stated} == there
    assert all(row[0].startswith(GROUPS) for row in stated)
    counts = Counter(row[1] for row in stated)
    assert counts.keys() == {"flows", "warning", "none", "error"}
    assert all(bool(reason) == (kind != "flows") for _, kind, _, _, reason in stated)
    assert all(flows not in ("", "0") for _, kind, _, flows, _ in stated if kind == "flows")
