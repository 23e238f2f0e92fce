"""Every data set with its protocol: what is fitted, what calibrates, what is judged.

The judged rows choose nothing: no scale, no category, no threshold, no setting.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.features.context import attach, context_of
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.progress import silent
from edgeguard_core.pipeline.reading import read_all
from edgeguard_core.pipeline.splits import split
from edgeguard_core.sources import ReadOptions

CALIBRATION_SHARE = 0.2
LOCAL_CALIBRATION_SHARE = 1 / 3
SPLIT_SEED = 0

FLOWS, WITHIN, ACROSS = "flows", "within a capture", "across captures"
"""Groups of sets; means and ranks are taken within a group."""

ATTACKED = {
    "iot-34-1": "iot23_34-1_conn.log.labeled.gz",
    "stratosphere-008": "stratosphere_008_conn.log.labeled.gz",
    "iot-20-1": "iot23_20-1.csv.gz",
    "iot-42-1": "iot23_42-1.csv.gz",
}
BENIGN_ONLY = {
    "honeypot-4-1": "iot23_honeypot_4-1.csv",
    "honeypot-5-1": "iot23_honeypot_5-1.csv",
    "honeypot-7-1": "iot23_honeypot_7-1.csv",
}


@dataclass(frozen=True)
class Parts:
    """One data set, parted. ``fit`` and ``calibration`` are benign, ``test`` is labelled."""

    fit: Flows
    calibration: Flows
    test: Flows

    @property
    def is_attack(self) -> NDArray[np.bool_]:
        """Truth of the judged rows, ``(n_test,)``."""
        return self.test.is_attack


@dataclass(frozen=True)
class DataSet:
    """A data set that can be opened: its name, its group, and its protocol in a sentence."""

    name: str
    group: str
    protocol: str
    open: Callable[[Path], Parts]


def listed() -> tuple[DataSet, ...]:
    """All sets, in the order of the report."""
    return (
        DataSet("nsl-kdd", FLOWS, "normals of KDDTrain+ → KDDTest+", _nsl_kdd),
        DataSet(
            "unsw-nb15",
            FLOWS,
            "half of the normals (RandomState(1)) → the other half and all attacks",
            lambda data: halved(read(data, "unsw-nb15/UNSW_NB15_82332.csv.gz")),
        ),
        DataSet(
            "cic-tuesday",
            FLOWS,
            "half of BENIGN (RandomState(1)) → the other half and all attacks",
            lambda data: halved(read(data, "cic-ids2017/tuesday_sampled.csv.gz")),
        ),
        DataSet(
            "cic-thursday",
            FLOWS,
            "half of BENIGN (RandomState(1)) → the other half and all web attacks",
            lambda data: halved(read(data, "cic-ids2017/thursday_morning_original_header.csv.gz")),
        ),
        *(_within(name) for name in ATTACKED),
        *(_across(name) for name in ATTACKED),
    )


def halved(flows: Flows) -> Parts:
    """A random half of the benign rows to learn from, the rest to be judged."""
    benign = np.flatnonzero(flows.is_benign)
    order = np.random.RandomState(1).permutation(len(benign))
    learned = np.sort(benign[order[: len(benign) // 2]])
    judged = flows.is_benign | flows.is_attack
    judged[learned] = False
    return _calibrated(flows.select(learned), flows.select(judged))


def halved_in_time(flows: Flows) -> Parts:
    """The earlier half of the benign flows to learn from; context as ``preprocess`` gives it.

    Learned flows have no attack in their history, judged ones do.
    """
    normal = attach(flows.select(flows.is_benign), context_of(flows.select(flows.is_benign)))
    everything = attach(flows, context_of(flows))
    parts = split(normal, 0.5)
    judged = flows.is_attack.copy()
    judged[np.flatnonzero(flows.is_benign)[parts.last]] = True
    return _calibrated(normal.select(parts.first), everything.select(judged))


def left_out(target: Flows, others: Sequence[Flows]) -> Parts:
    """Fitted on the benign flows of other captures, calibrated on this one's first third.

    The rest of its benign flows and all its attacks are judged. Each capture is its own
    timeline, and the calibrating hosts have no attack in their history.
    """
    normals = [flows.select(flows.is_benign) for flows in others]
    learned = Flows.concat([attach(flows, context_of(flows)) for flows in normals])
    normal = target.select(target.is_benign)
    local = split(normal, 1 - LOCAL_CALIBRATION_SHARE)
    calibration = attach(normal, context_of(normal)).select(local.first)
    judged = target.is_attack.copy()
    judged[np.flatnonzero(target.is_benign)[local.last]] = True
    test = attach(target, context_of(target)).select(judged)
    return _of_one_shape(Parts(learned, calibration, test))


def _nsl_kdd(data: Path) -> Parts:
    train, test = (read(data, f"nsl-kdd/KDD{part}+.txt.gz") for part in ("Train", "Test"))
    return _calibrated(train.select(train.is_benign), test)


def _within(name: str) -> DataSet:
    def opened(data: Path) -> Parts:
        return halved_in_time(read(data, f"zeek/{ATTACKED[name]}"))

    protocol = "the earlier half of its benign flows → the later half and all attacks"
    return DataSet(f"{name}", WITHIN, protocol, opened)


def _across(name: str) -> DataSet:
    def opened(data: Path) -> Parts:
        files = {**ATTACKED, **BENIGN_ONLY}
        others = [read(data, f"zeek/{file}") for key, file in files.items() if key != name]
        return left_out(read(data, f"zeek/{ATTACKED[name]}"), others)

    protocol = (
        "benign flows of all other captures, calibrated on the first third of its own "
        "→ the later two thirds and all attacks"
    )
    return DataSet(f"{name}, unseen", ACROSS, protocol, opened)


def read(data: Path, name: str) -> Flows:
    """A file of the network data by its path in that folder."""
    flows, _ = read_all([data / name], ReadOptions(), silent)
    return flows


def _calibrated(learned: Flows, test: Flows) -> Parts:
    """A fifth of what may be learned calibrates: the latest where there is time."""
    parts = split(learned, CALIBRATION_SHARE, seed=SPLIT_SEED)
    return Parts(learned.select(parts.first), learned.select(parts.last), test)


def _of_one_shape(parts: Parts) -> Parts:
    """The parts with the columns that all of them have."""
    return Parts(*alike(parts.fit, parts.calibration, parts.test))


def alike(*tables: Flows) -> tuple[Flows, ...]:
    """The same tables with the columns that all of them have."""
    shared = [n for n in tables[0].columns if all(n in table.columns for table in tables)]
    return tuple(
        replace(table, columns={name: table.columns[name] for name in shared}) for table in tables
    )
