"""The sample files that ship: small, readable, and what their README says."""

import csv
import gzip
import io
import math
import shlex
import struct
from pathlib import Path

import pytest
from support import PROJECT

from edgeguard_core.cli.main import main
from edgeguard_core.sources import read_flows
from edgeguard_core.sources.synthesis import ATTACKS, SynthesisRequest, inject, synthesise

SAMPLES = PROJECT / "sample_data"
COMMANDS = [
    shlex.split(line)[1:]
    for line in (SAMPLES / "README.md").read_text().splitlines()
    if line.startswith("edgeguard ")
]


@pytest.mark.parametrize(
    ("name", "benign", "kinds"),
    [
        ("office_day.csv.gz", 9064, set()),
        ("office_with_attacks.csv.gz", 11765, set(ATTACKS)),
    ],
)
def test_a_table_is_read_without_a_word(name: str, benign: int, kinds: set[str]) -> None:
    flows, report = read_flows([SAMPLES / name])
    assert flows.schema.name == "flow"
    assert report.all_warnings() == []
    assert report.labels.pop("benign") == benign == flows.is_benign.sum()
    assert set(report.labels) == kinds
    assert f"{benign:,}" in (SAMPLES / "README.md").read_text()
    assert (SAMPLES / name).stat().st_size < 800_000


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


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: Path(words[-1]).name)
def test_the_readme_says_how_each_was_written(command: list[str], tmp_path: Path, capsys) -> None:
    shipped = PROJECT / command[-1]
    again = tmp_path / shipped.name
    assert command[-2] == "--out"
    assert main([*command[:-1], str(again)]) == 0
    if again.read_bytes() == shipped.read_bytes():
        return
    # Another processor or another zlib: as much as that may change, and no more.
    if shipped.suffix == ".pcap":
        assert _frames(again) == _frames(shipped)
    else:
        _require_alike(_cells(again), _cells(shipped))


def test_the_readme_has_a_command_for_every_file() -> None:
    written = {Path(command[-1]).name for command in COMMANDS}
    assert written == {path.name for path in SAMPLES.iterdir()} - {"README.md"}


def _cells(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode())))


def _require_alike(found: list[list[str]], expected: list[list[str]]) -> None:
    assert len(found) == len(expected)
    for row, other in zip(found, expected, strict=True):
        for cell, value in zip(row, other, strict=True):
            assert cell == value or math.isclose(float(cell), float(value), rel_tol=1e-9)


def _frames(path: Path) -> list[bytes]:
    """The packets of a capture without their time stamps, in order."""
    raw, at, frames = path.read_bytes(), 24, []
    while at < len(raw):
        n = struct.unpack_from("<I", raw, at + 8)[0]
        frames.append(raw[at + 8 : at + 16 + n])
        at += 16 + n
    return frames
