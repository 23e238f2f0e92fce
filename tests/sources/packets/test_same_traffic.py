"""The same traffic as packets, as Zeek's log and as a table: what is equal, and what cannot be."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import PROJECT

from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector
from edgeguard_core.features.context import with_context
from edgeguard_core.flows.canonical import NetworkTable, canonical_columns
from edgeguard_core.flows.table import Flows
from edgeguard_core.sources import ReadOptions, read_flows
from edgeguard_core.sources.packets import Timeouts
from edgeguard_core.sources.synthesis import SynthesisRequest, synthesise, write_pcap
from edgeguard_core.sources.synthesis.table_file import write_flows_csv

WHOLE = Timeouts(3600, 3600)  # what is synthesised knows no timeouts
ZEEK_STATES = {
    "done": "SF", "noreply": "S0", "rejected": "REJ", "reset": "RSTO", "half": "SH",
    "open": "S1", "mid": "OTH",
}  # fmt: skip
ZEEK_PROTOCOLS = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmp"}
BASE = (
    "src_ip", "src_port", "dst_ip", "dst_port", "protocol", "src2dst_packets", "dst2src_packets",
    "src2dst_bytes", "dst2src_bytes", "state", "bidirectional_first_seen_ms",
    "bidirectional_duration_ms",
)  # fmt: skip
KEY = ("src_ip", "src_port", "dst_ip", "dst_port", "protocol")


def zeek_log(path: Path, flows: Flows) -> None:
    """The flows as a conn.log with seconds in six digits, as Zeek writes it."""
    names = (
        "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "duration",
        "conn_state", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes",
    )  # fmt: skip
    columns = {name: cells.tolist() for name, cells in flows.columns.items()}
    with path.open("w", newline="") as stream:
        stream.write("#separator \\x09\n#path\tconn\n#fields\t" + "\t".join(names) + "\n")
        log = csv.writer(stream, delimiter="\t", lineterminator="\n")
        for row in range(len(flows)):
            flow = {name: cells[row] for name, cells in columns.items()}
            log.writerow([
                f"{flow['bidirectional_first_seen_ms'] / 1000:.6f}", f"C{row}", flow["src_ip"],
                int(np.nan_to_num(flow["src_port"])), flow["dst_ip"],
                int(np.nan_to_num(flow["dst_port"])), ZEEK_PROTOCOLS[int(flow["protocol"])],
                f"{flow['bidirectional_duration_ms'] / 1000:.6f}", ZEEK_STATES[flow["state"]],
                *(int(flow[f"{side}_{what}"]) for side in ("src2dst", "dst2src")
                  for what in ("packets", "bytes")),
            ])  # fmt: skip


@pytest.fixture(scope="module")
def readings(tmp_path_factory) -> dict[str, Flows]:
    """The same flows by kind of file, each with context and in the order of the packets."""
    folder = tmp_path_factory.mktemp("same")
    made = synthesise(
        SynthesisRequest(
            profile="office", flows=400, seed=5, attacks=("vertical_scan",), strength="low",
            largest_flow_bytes=20_000,
        )
    )  # fmt: skip
    made = in_whole_milliseconds(made)
    write_pcap(folder / "a.pcap", made, 5, keep_bytes=96)
    write_flows_csv(folder / "a.csv", made)
    zeek_log(folder / "conn.log", made)
    options = ReadOptions(timeouts=WHOLE)
    files = ("a.csv", "a.pcap", "conn.log")
    read = {name: read_flows([folder / name], options)[0] for name in files}
    # A conversation that comes again within the timeouts is one flow of packets, and two here.
    again = {ends for ends, n in Counter(conversations(read["a.csv"])).items() if n > 1}
    assert len(again) < 20
    once = {
        name: flows.select(np.array([ends not in again for ends in conversations(flows)]))
        for name, flows in read.items()
    }
    return {name: with_context(in_order(flows)) for name, flows in once.items()}


def in_whole_milliseconds(flows: Flows) -> Flows:
    """The flows with the times that NFStream can tell, and what follows from them."""
    kept = {
        name: np.floor(cells) if name.startswith("bidirectional") else cells
        for name, cells in flows.columns.items()
        if name in BASE
    }
    made = canonical_columns(kept, NetworkTable())
    return replace(flows, columns={name: made[name] for name in flows.columns if name in made})


def conversations(flows: Flows) -> list[tuple[object, ...]]:
    """Of each flow its two ends in either order, and its protocol."""
    columns = {name: np.nan_to_num(flows.columns[name]) for name in KEY if "ip" not in name}
    columns |= {name: flows.columns[name] for name in ("src_ip", "dst_ip")}
    rows = zip(*(columns[name].tolist() for name in KEY), strict=True)
    return [(*sorted([(s, sp), (d, dp)]), protocol) for s, sp, d, dp, protocol in rows]


def in_order(flows: Flows) -> Flows:
    """By five-tuple and then time, which all three tell."""
    columns = flows.columns
    keys = list(zip(*(columns[name].tolist() for name in KEY), flows.time_ms.tolist(), strict=True))
    known = [tuple(0 if cell != cell else cell for cell in key) for key in keys]
    return flows.select(np.array(sorted(range(len(flows)), key=known.__getitem__)))


@pytest.mark.parametrize("name", ["a.csv", "conn.log"])
def test_what_is_counted_is_the_same(readings, name):
    packets, other = readings["a.pcap"], readings[name]
    assert len(packets) == len(other) > 350
    # Of ICMP Zeek and NFStream keep no ports, and a table may.
    for column in set(packets.schema.features) | {"src_ip", "dst_ip", "protocol"}:
        values = other.columns[column].tolist()
        if values[0] == values[0] and not isinstance(values[0], str):
            values = pytest.approx(values, rel=1e-12)  # Zeek writes seconds
        assert packets.columns[column].tolist() == values, column


@pytest.mark.parametrize("name", ["a.csv", "conn.log"])
def test_the_verdicts_are_the_same(readings, name):
    detector = Detector(Bundle.load(PROJECT / "models/demo"))
    scores = {kind: detector.score(flows).scores for kind, flows in readings.items()}
    assert scores["a.pcap"].tolist() == scores[name].tolist()
    assert detector.threshold.alerts(scores["a.pcap"]).sum() > 10


def test_fractions_of_a_millisecond_and_timeouts_make_other_flows(tmp_path):
    made = synthesise(SynthesisRequest(profile="home", flows=150, seed=6, largest_flow_bytes=9e3))
    write_pcap(tmp_path / "a.pcap", made, 6, keep_bytes=96)
    whole = read_flows([tmp_path / "a.pcap"], ReadOptions(timeouts=WHOLE))[0]
    cut = read_flows([tmp_path / "a.pcap"])[0]
    # NFStream keeps whole milliseconds of both ends of a flow ...
    durations = [flows.columns["bidirectional_duration_ms"] for flows in (made, whole)]
    assert [bool((ms == np.floor(ms)).all()) for ms in durations] == [False, True]
    # ... and by the usual timeouts a long flow is several, which no log of whole ones tells.
    assert cut.columns["bidirectional_duration_ms"].max() < 10_000
    assert len(cut) > 1.2 * len(whole)
    for what in ("packets", "bytes"):
        totals = {
            sum(flows.columns[f"{side}_{what}"].sum() for side in ("src2dst", "dst2src"))
            for flows in (made, whole, cut)
        }
        assert len(totals) == 1
