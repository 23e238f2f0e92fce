"""Every shared file but the captures: exact rows, rejections and labels.

The figures were counted apart from EdgeGuard, by ``zcat | awk`` on the last fields of each
line, and agree with what the publishers say.
"""

import csv
import gzip
import io
import json
import shutil
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from support import data

from edgeguard_core.sources import (
    ReadOptions,
    ReadReport,
    open_source,
    read_batches,
    read_flows,
)


@dataclass(frozen=True)
class Known:
    """What is known of a file; ``attacks`` lists the classes that count as attack."""

    name: str
    format: str
    schema: str
    meter: str
    labels: dict[str, int]
    missing: int = 0
    unread: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    attacks: int | None = None  # where the names of classes alone do not say it

    @property
    def rows(self) -> int:
        return sum(self.labels.values())


def kdd(name: str, labels: dict[str, int]) -> Known:
    return Known(f"nsl-kdd/{name}", "nsl-kdd", "nsl-kdd", "nsl-kdd", labels)


def cic(name: str, labels: dict[str, int], missing: int = 0) -> Known:
    kind = "cicflowmeter"
    return Known(f"cic-ids2017/{name}", kind, kind, kind, labels, missing)


def zeek(name: str, form: str, labels: dict[str, int]) -> Known:
    return Known(f"zeek/{name}", form, "flow", "zeek", labels)


# fmt: off
KDD_TRAIN = {
    "benign": 67343, "neptune": 41214, "satan": 3633, "ipsweep": 3599, "portsweep": 2931,
    "smurf": 2646, "nmap": 1493, "back": 956, "teardrop": 892, "warezclient": 890, "pod": 201,
    "guess_passwd": 53, "buffer_overflow": 30, "warezmaster": 20, "land": 18, "imap": 11,
    "rootkit": 10, "loadmodule": 9, "ftp_write": 8, "multihop": 7, "phf": 4, "perl": 3, "spy": 2,
}
KDD_TEST = {
    "benign": 9711, "neptune": 4657, "guess_passwd": 1231, "mscan": 996, "warezmaster": 944,
    "apache2": 737, "satan": 735, "processtable": 685, "smurf": 665, "back": 359,
    "snmpguess": 331, "saint": 319, "mailbomb": 293, "snmpgetattack": 178, "portsweep": 157,
    "ipsweep": 141, "httptunnel": 133, "nmap": 73, "pod": 41, "buffer_overflow": 20,
    "multihop": 18, "named": 17, "ps": 15, "sendmail": 14, "rootkit": 13, "xterm": 13,
    "teardrop": 12, "xlock": 9, "land": 7, "xsnoop": 4, "ftp_write": 3, "loadmodule": 2,
    "perl": 2, "phf": 2, "sqlattack": 2, "udpstorm": 2, "worm": 2, "imap": 1,
}
UNSW = {
    "benign": 37000, "Generic": 18871, "Exploits": 11132, "Fuzzers": 6062, "DoS": 4089,
    "Reconnaissance": 3496, "Analysis": 677, "Backdoor": 583, "Shellcode": 378, "Worms": 44,
}
ARGUS_MIXED = {
    "Malware-UDP-DNS": 197, "Malware-TCP": 80, "Background-UDP-Attempt": 8,
    "Background-UDP-DNS": 5, "Background": 4, "Background-ARP": 2, "Background-ICMP": 1,
    "Background-UDP-Attempt-NetBIOS": 1, "TCP-Established-To-Microsoft-7": 1, "unlabelled": 1,
}
ARGUS_TABS = {
    "Malware-UDP-DNS": 4637, "Malware-TCP": 1640, "Background-UDP-Attempt-DNS": 283,
    "Background-UDP-DNS": 144, "Background-UDP-Attempt": 8, "Background": 4,
    "Background-ICMP": 4, "Background-ARP": 2, "Background-UDP-Attempt-NetBIOS": 1,
    "TCP-Established-To-Microsoft-7": 1, "unlabelled": 1,
}
# fmt: on

FILES = (
    kdd("KDDTrain+.txt.gz", KDD_TRAIN),
    kdd("KDDTest+.txt.gz", KDD_TEST),
    Known("unsw-nb15/UNSW_NB15_82332.csv.gz", "unsw-nb15", "unsw-nb15", "unsw-nb15", UNSW),
    cic("tuesday_sampled.csv.gz", {"benign": 32282, "FTP-Patator": 7938, "SSH-Patator": 5897}),
    # the en dash of the labels, twice mangled in the file, is put right
    cic(
        "thursday_morning_original_header.csv.gz",
        {
            "benign": 8000,
            "Web Attack – Brute Force": 1507,
            "Web Attack – XSS": 652,
            "Web Attack – Sql Injection": 21,
        },
        missing=22,  # 11 rows of duration 0 have NaN or Infinity as both rates
    ),
    cic("monday_first_999.csv", {"benign": 999}, missing=20),
    cic("tuesday_first_999.csv", {"benign": 999}, missing=12),
    cic("friday_ddos_with_ips.csv", {"DDoS": 1000}),
    zeek(
        "iot23_34-1_conn.log.labeled.gz",
        "zeek-tsv",
        {"DDoS": 14394, "C&C": 6706, "benign": 1923, "PartOfAHorizontalPortScan": 122},
    ),
    zeek("iot23_20-1.csv.gz", "zeek-csv", {"benign": 3193, "C&C-Torii": 16}),
    zeek(
        "iot23_42-1.csv.gz",
        "zeek-csv",
        {"benign": 4420, "FileDownload": 3, "C&C-FileDownload": 3},
    ),
    zeek("iot23_honeypot_4-1.csv", "zeek-csv", {"benign": 452}),
    zeek("iot23_honeypot_5-1.csv", "zeek-csv", {"benign": 1374}),
    zeek("iot23_honeypot_7-1.csv", "zeek-csv", {"benign": 130}),
    zeek(
        "stratosphere_001_labeled-conn.log.gz",
        "zeek-tsv",
        {"Background": 739, "CC": 244, "benign": 9},
    ),
    zeek("stratosphere_002_portscan_conn_json.log.gz", "zeek-json", {"unlabelled": 4504}),
    zeek(
        "stratosphere_008_conn.log.labeled.gz",
        "zeek-tsv",
        {"External-Attack-to-Device": 4201, "benign": 1402, "Background": 60},
    ),
    zeek("zat_conn.log", "zeek-tsv", {"unlabelled": 360}),
    zeek("zat_conn_date_issue.log", "zeek-tsv", {"unlabelled": 3}),
    zeek("netflowlabeler_conn_json.log", "zeek-json", {"unlabelled": 1000}),
    Known("argus/slips-test2.binetflow", "argus-csv", "flow", "argus", {"unlabelled": 6751}),
    Known(
        "argus/test5-mixed.binetflow",
        "argus-tsv",
        "flow",
        "argus",
        ARGUS_MIXED,
        rejected={"not a flow": 1},  # the `man` row
        attacks=277,
    ),
    Known(
        "argus/test5_tabs_labelled.binetflow.gz",
        "argus-tsv",
        "flow",
        "argus",
        ARGUS_TABS,
        rejected={"not a flow": 1},
        attacks=6277,
    ),
    # of a record of nfdump only one direction is known, of its 17 flows of UDP no state
    Known("nfdump/nfcapd.sample2", "nfdump-text", "flow", "nfdump", {"unlabelled": 167}, 3 * 167),
    Known(
        "suricata/eve.json.gz",
        "suricata-eve",
        "flow",
        "suricata",
        {"unlabelled": 3512},
        skipped={"alert": 745, "dns": 680, "http": 56, "fileinfo": 3, "anomaly": 3, "tls": 1},
    ),
)
NFDUMP_FILE = Known(
    "nfdump/test1-malicious.nfdump",
    "nfdump-binary",
    "flow",
    "nfdump",
    {"unlabelled": 4593},
    3 * 4593 + 17,
)

needs_nfdump = pytest.mark.skipif(
    shutil.which("nfdump") is None, reason="the nfdump program is not installed"
)
UNLABELLED_CLASSES = {"unlabelled", "Background"}


@pytest.mark.parametrize("known", FILES, ids=lambda known: known.name.split("/")[1])
def test_a_shared_file_is_read_to_its_last_row(known: Known) -> None:
    require_all_of(known)


@needs_nfdump
def test_a_file_of_nfcapd_is_read_by_the_nfdump_program() -> None:
    require_all_of(NFDUMP_FILE)


@pytest.mark.parametrize(
    "known",
    [*FILES, pytest.param(NFDUMP_FILE, marks=needs_nfdump)],
    ids=lambda known: known.name.split("/")[1],
)
def test_without_pyarrow_a_shared_file_gives_the_same_flows(
    known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast, _ = read_flows([data(known.name)])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.csv", None)
    plain, _ = read_flows([data(known.name)])
    assert plain.columns.keys() == fast.columns.keys()
    for name, values in fast.columns.items():
        np.testing.assert_array_equal(plain.columns[name], values, err_msg=name)
    np.testing.assert_array_equal(plain.line, fast.line)
    if fast.labels is not None:
        assert plain.labels is not None
        assert plain.labels.class_name.tolist() == fast.labels.class_name.tolist()


def require_all_of(known: Known) -> None:
    report = ReadReport()
    label_counts: Counter[int] = Counter()
    for batch in read_batches([data(known.name)], ReadOptions(), report):
        if batch.flows.labels is not None:
            label_counts.update(batch.flows.labels.label.tolist())
    found = report.to_json()
    assert (found["format"], found["schema"], report.meter) == (
        known.format,
        known.schema,
        known.meter,
    )
    assert found["rejected"] == known.rejected
    assert (found["rows"], found["accepted"]) == (
        known.rows,
        known.rows - sum(known.rejected.values()),
    )
    assert found.get("skipped", {}) == known.skipped
    assert found["labels"] == known.labels
    assert report.missing.total() == known.missing
    assert dict(report.unread) == known.unread
    assert report.label_problem is None
    if known.attacks is not None:
        assert label_counts[1] == known.attacks
        assert label_counts[0] == 0
    elif label_counts:
        unlabelled = sum(known.labels.get(name, 0) for name in UNLABELLED_CLASSES)
        benign = known.labels.get("benign", 0)
        assert label_counts[0] == benign
        assert label_counts[-1] == unlabelled
        assert label_counts[1] == known.rows - benign - unlabelled


@pytest.mark.parametrize("known", FILES, ids=lambda known: known.name.split("/")[1])
def test_the_rows_are_those_that_plain_counting_finds(known: Known) -> None:
    assert _rows_by_plain_counting(data(known.name)) == known.rows


def _rows_by_plain_counting(path: Path) -> int:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = [
        line
        for line in raw.decode("utf-8-sig", errors="replace").splitlines()
        if line and not line.startswith("#")
    ]
    if lines[0].startswith("{"):
        events = [json.loads(line) for line in lines]
        return sum(event.get("event_type", "flow") == "flow" for event in events)
    if path.suffix == ".sample2" or ".binetflow" in path.suffixes:
        return len(lines) - 1
    if path.name.startswith("KDD") or "log" in path.suffixes[0]:
        return len(lines)
    return sum(1 for _ in csv.reader(io.StringIO("\n".join(lines)))) - int("csv" in path.name)


def test_no_capture_is_taken_for_a_table() -> None:
    folder = data("pcap/odd")
    captures = [path for path in sorted(folder.iterdir()) if path.is_file()]
    assert len(captures) > 100
    assert {open_source(path).format for path in captures} == {"pcap", "pcapng"}
