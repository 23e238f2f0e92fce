"""The sample files that ship: small, readable, and what their README says."""

import csv
import gzip
import io
import struct

import pytest
from support import PROJECT

from edgeguard_core.sources import read_flows
from edgeguard_core.sources.synthesis import ATTACKS, SynthesisRequest, inject, synthesise

SAMPLES = PROJECT / "sample_data"


@pytest.mark.parametrize(
    ("name", "benign", "kinds"),
    [
        ("office_day.csv.gz", 9064, set()),
        ("office_with_attacks.csv.gz", 4300, set(ATTACKS)),
    ],
)
def test_a_table_is_read_without_a_word(name: str, benign: int, kinds: set[str]) -> None:
    flows, report = read_flows([SAMPLES / name])
    assert flows.schema.name == "flow"
    assert report.all_warnings() == []
    assert report.labels.pop("benign") == benign == flows.is_benign.sum()
    assert set(report.labels) == kinds
    assert f"{benign:,}" in (SAMPLES / "README.md").read_text()
    assert (SAMPLES / name).stat().st_size < 600_000


def test_the_day_is_what_its_seed_gives() -> None:
    """Counts and addresses; the last digits of a number may differ between processors."""
    flows = synthesise(SynthesisRequest("office", hours=24, seed=7))
    text = gzip.decompress((SAMPLES / "office_day.csv.gz").read_bytes()).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    for name in ("src_ip", "dst_ip", "service", "state"):
        assert [row[name] for row in rows] == flows.columns[name].tolist()


def test_the_attacks_can_be_laid_into_the_day() -> None:
    flows, _ = read_flows([SAMPLES / "office_day.csv.gz"])
    assert set(inject(flows, (), "low", 0).counts) == set(ATTACKS)


def test_the_capture_is_small_and_whole() -> None:
    raw = (SAMPLES / "home_with_attacks.pcap").read_bytes()
    at, n = 24, 0
    while at < len(raw):
        at += 16 + struct.unpack_from("<I", raw, at + 8)[0]
        n += 1
    assert at == len(raw) < 500_000
    assert f"{n:,} packets" in (SAMPLES / "README.md").read_text()
