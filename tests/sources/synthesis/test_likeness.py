"""Synthesised benign traffic has the shape of real captures: quantiles and tails, not means."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from support import data

from edgeguard_core.flows.table import Flows
from edgeguard_core.sources import read_flows
from edgeguard_core.sources.synthesis import SynthesisRequest, synthesise

QUANTILES = (0.1, 0.5, 0.9, 0.99)
QUANTITIES = ("bytes", "packets", "duration_ms", "gap_ms")
BAND_DECADES = 0.5
"""How far outside the range of the real captures a synthesised quantile may lie."""
TAIL_BAND_DECADES = 1.5
"""The same at 99 %, upward: the captures are of single devices, and people download
beside them."""
LEAST_TAIL_SHARE = 0.5
"""Of the median real tail index, q99/q50 in decades."""

DEVICES = (
    "zeek/iot23_honeypot_4-1.csv",
    "zeek/iot23_honeypot_5-1.csv",
    "zeek/iot23_honeypot_7-1.csv",
    "zeek/iot23_20-1.csv.gz",
    "zeek/iot23_34-1_conn.log.labeled.gz",
    "zeek/stratosphere_008_conn.log.labeled.gz",
)
Table = dict[str, NDArray[np.float64]]


def quantities(flows: Flows) -> Table:
    columns = flows.columns
    return {
        "bytes": columns["src2dst_bytes"] + columns["dst2src_bytes"],
        "packets": columns["src2dst_packets"] + columns["dst2src_packets"],
        "duration_ms": columns["bidirectional_duration_ms"],
        "gap_ms": np.diff(np.sort(columns["bidirectional_first_seen_ms"])),
    }


def decades(table: Table) -> Table:
    """Quantiles as powers of ten; what is below 1 (a millisecond, at times) counts as 1."""
    return {name: np.log10(np.quantile(np.maximum(x, 1), QUANTILES)) for name, x in table.items()}


@cache
def real() -> tuple[Table, ...]:
    tables = []
    for name in DEVICES:
        flows, _ = read_flows([data(name)])
        tables.append(decades(quantities(flows.select(flows.is_benign))))
    return tuple(tables)


def outside_the_band(candidate: Table) -> list[str]:
    """Which quantiles lie farther from the range of the real ones than the band allows."""
    wrong = []
    for name in QUANTITIES:
        values = np.array([table[name] for table in real()])
        above = np.array([BAND_DECADES] * 3 + [TAIL_BAND_DECADES])
        low, high = values.min(0) - BAND_DECADES, values.max(0) + above
        for place in np.flatnonzero((candidate[name] < low) | (candidate[name] > high)):
            wrong.append(f"{name} at {QUANTILES[place]:.0%}")
    return wrong


def tail(table: Table, name: str) -> float:
    """The tail index: decades between the median and the 99th percentile."""
    return float(table[name][3] - table[name][1])


def light_tails(candidate: Table) -> list[str]:
    return [
        name
        for name in QUANTITIES
        if tail(candidate, name) < LEAST_TAIL_SHARE * np.median([tail(t, name) for t in real()])
    ]


def distance(one: Table, other: Table) -> float:
    """Mean distance of quantiles in decades."""
    return float(np.mean([np.abs(one[name] - other[name]).mean() for name in QUANTITIES]))


def made(profile: str, seed: int) -> Table:
    return quantities(synthesise(SynthesisRequest(profile, hours=24, seed=seed)))


def gaussian(like: Table) -> Table:
    """What a naive generator makes: normal noise of the same mean and deviation, above 0."""
    rng = np.random.default_rng(0)
    return {name: np.abs(rng.normal(x.mean(), x.std(), 5000)) for name, x in like.items()}


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("profile", ["home", "office"])
def test_quantiles_lie_where_those_of_real_captures_do(profile: str, seed: int) -> None:
    table = decades(made(profile, seed))
    assert outside_the_band(table) == []
    assert light_tails(table) == []


@pytest.mark.parametrize("profile", ["home", "office"])
def test_it_is_no_farther_from_the_nearest_capture_than_captures_are_from_each_other(
    profile: str,
) -> None:
    tables = real()
    between = [distance(a, b) for i, a in enumerate(tables) for b in tables[:i]]
    nearest = min(distance(decades(made(profile, 0)), table) for table in tables)
    assert nearest < np.median(between)


@pytest.mark.parametrize("source", ["home", "a real capture"])
def test_gaussian_noise_would_fail(source: str) -> None:
    """Normal draws with the right mean and deviation miss the body or the tail of each."""
    if source == "home":
        naive = decades(gaussian(made("home", 0)))
    else:
        flows, _ = read_flows([data(DEVICES[1])])
        naive = decades(gaussian(quantities(flows)))
    assert {word.split()[0] for word in outside_the_band(naive)} >= {"bytes", "packets"}
    assert set(light_tails(naive)) >= {"bytes", "packets", "duration_ms"}


def hill(values: NDArray[np.float64], share: float = 0.01) -> float:
    """Hill's estimate of a tail's exponent, from the largest ``share`` of the values."""
    top = np.sort(values)[-max(int(len(values) * share), 20) :]
    return float(1 / np.log(top / top[0])[1:].mean())


@pytest.mark.parametrize(("profile", "most"), [("home", 2.0), ("office", 2.0)])
def test_bytes_have_a_tail_without_variance(profile: str, most: float) -> None:
    """Exponents of flow sizes in real traffic lie near 1; a normal tail has one far above 2."""
    flows = synthesise(SynthesisRequest(profile, flows=30_000, seed=3))
    assert 0.4 < hill(quantities(flows)["bytes"]) < most


def hours(flows: Flows, wanted: Callable[[NDArray[np.float64]], NDArray[np.bool_]]) -> int:
    times = flows.time_ms
    assert times is not None
    return int(wanted(times // 3_600_000 % 24).sum())


def test_an_office_sleeps_at_night_and_at_weekends() -> None:
    week = synthesise(SynthesisRequest("office", hours=24 * 7, seed=0))
    times = week.time_ms
    assert times is not None
    per_day = np.bincount(((times - times[0]) // 86_400_000).astype(int), minlength=7)[:7]
    assert per_day[5:].max() < 0.6 * per_day[:5].min()
    monday = week.select(times < times[0] + 86_400_000)
    work, night = hours(monday, lambda h: (h >= 9) & (h < 17)), hours(monday, lambda h: h < 5)
    assert work / 8 > 2.5 * night / 5


def test_backups_run_at_night_and_a_home_is_liveliest_in_the_evening() -> None:
    office = synthesise(SynthesisRequest("office", hours=24, seed=0))
    storage = np.isin(office.columns["service"], ["ssh", "smb"])
    backup = office.select(storage & (office.columns["src2dst_bytes"] > 300_000))
    assert hours(backup, lambda h: h < 6) > len(backup) / 2
    home = synthesise(SynthesisRequest("home", hours=24, seed=0))
    evening, night = hours(home, lambda h: h >= 18), hours(home, lambda h: h < 6)
    assert evening > 1.3 * night
