"""Another day, another network: what is learned in one place, and the stream it is judged on.

A day of CIC-IDS2017 against another, and each Zeek capture against all others, hour by hour.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.features.context import attach, context_of
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.splits import MS_PER_HOUR, split
from quality import sets

HOURS_OF_A_DAY_FILE = 8.0
"""The day files of CIC-IDS2017 here have no times: their rows are spread evenly over so long."""

DAYS, CAPTURES = "between days", "between networks"


@dataclass(frozen=True)
class Stream:
    """What is learned, what calibrates there, and what comes elsewhere in the order of time.

    Attributes
    ----------
    fit, old
        Benign flows: learned, and held out for the threshold that a bundle would ship with.
    clean
        The stream's benign flows without any attack in their history, for calibrating again.
    later
        All labelled flows of the stream, n of them.
    hours
        When each of ``later`` came, from the first on, ``(n,)``, ascending.
    """

    fit: Flows
    old: Flows
    clean: Flows
    later: Flows
    hours: NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """A stream that can be opened: its name, its group, and what is learned in a sentence."""

    name: str
    group: str
    protocol: str
    open: Callable[[Path], Stream]


def listed() -> tuple[Shift, ...]:
    """All shifts, in the order of the report."""
    day = "benign rows of one day → the other day in file order, taken as eight hours"
    files = {**sets.ATTACKED, **sets.BENIGN_ONLY}
    return (
        _between("tuesday → thursday", [TUESDAY], [THURSDAY], day),
        _between("thursday → tuesday", [THURSDAY], [TUESDAY], day),
        _between(
            "tuesday → monday, friday", [TUESDAY], [MONDAY, FRIDAY],
            "benign rows of Tuesday → the first 999 of Monday, then 1,000 DDoS flows of Friday",
        ),
        *(_capture(name) for name in files if name != TOO_SHORT),
    )  # fmt: skip


TUESDAY = "cic-ids2017/tuesday_sampled.csv.gz"
THURSDAY = "cic-ids2017/thursday_morning_original_header.csv.gz"
MONDAY = "cic-ids2017/monday_first_999.csv"
FRIDAY = "cic-ids2017/friday_ddos_with_ips.csv"
TOO_SHORT = "honeypot-7-1"  # 130 flows: a third of them cannot promise 1 %


def _between(name: str, learned: list[str], later: list[str], protocol: str) -> Shift:
    def opened(data: Path) -> Stream:
        known = _of_files(data, learned, later[0])
        benign = known.select(known.is_benign)
        parts = split(benign, sets.CALIBRATION_SHARE, seed=sets.SPLIT_SEED)
        stream = Flows.concat([_of_files(data, [file], learned[0]) for file in later])
        stream = stream.select(stream.is_benign | stream.is_attack)
        hours = np.linspace(0.0, HOURS_OF_A_DAY_FILE, len(stream))
        clean = stream.select(stream.is_benign)
        return Stream(benign.select(parts.first), benign.select(parts.last), clean, stream, hours)

    return Shift(name, DAYS, protocol, opened)


def _capture(name: str) -> Shift:
    def opened(data: Path) -> Stream:
        files = {**sets.ATTACKED, **sets.BENIGN_ONLY}
        flows = {key: sets.read(data, f"zeek/{file}") for key, file in files.items()}
        others = [_benign(each) for key, each in flows.items() if key != name]
        timeline = np.repeat(np.arange(len(others)), [len(each) for each in others])
        known = Flows.concat(others)
        parts = split(known, sets.CALIBRATION_SHARE, timeline=timeline)
        own = flows[name]
        later = attach(own, context_of(own))
        later = _in_time(later.select(later.is_benign | later.is_attack))
        clean, known, later = sets.alike(_in_time(_benign(own)), known, later)
        times = later.time_ms
        assert times is not None
        hours = (times - times.min()) / MS_PER_HOUR
        return Stream(known.select(parts.first), known.select(parts.last), clean, later, hours)

    return Shift(
        name, CAPTURES, "benign flows of all other captures → this one, hour by hour", opened
    )


def _benign(flows: Flows) -> Flows:
    normal = flows.select(flows.is_benign)
    return attach(normal, context_of(normal))


def _in_time(flows: Flows) -> Flows:
    times = flows.time_ms
    assert times is not None
    return flows.select(np.argsort(times, kind="stable"))


def _of_files(data: Path, files: list[str], like: str) -> Flows:
    """The flows of some files, with the columns that another one has too."""
    flows = Flows.concat([sets.read(data, file) for file in files])
    return sets.alike(flows, sets.read(data, like))[0]
