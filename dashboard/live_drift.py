"""Whether what a watch sees is still what its bundle learned, for a line on the Live page."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard import workspace
from edgeguard_core.bundle import Bundle
from edgeguard_core.bundle.files import SUMS
from edgeguard_core.detection import Detector
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.files import sha256_hex
from edgeguard_core.outputs.store_reading import AlertStore
from edgeguard_core.pipeline.drift.live import DRIFT, HOURS, drift_store

_SHOWN = 3  # features
_KEPT_S = 60.0  # an hour that grows is told every five minutes


@dataclass(frozen=True)
class LiveVerdict:
    """What ``edgeguard drift --store`` says.

    Attributes
    ----------
    furthest
        Measured features that moved furthest, drifted or not.
    """

    has_drifted: bool
    sentence: str
    furthest: tuple[str, ...]
    flows: int
    hours: float


@st.cache_data(ttl=_KEPT_S, max_entries=8, show_spinner=False)
def verdict(url: str) -> LiveVerdict | None:
    """The verdict on all boxes that run the bundle of the latest counts.

    None where there are no counts, too few, or the bundle that made them is not at hand here.

    Raises
    ------
    SourceError
        If the store cannot be read.
    """
    with AlertStore(url) as store:
        counted = store.counted_last(DRIFT)
        bundle = None if counted is None else _bundle_of(counted)
        if bundle is None:
            return None
        try:
            report = drift_store(Detector(bundle), store, hours=HOURS)
        except EdgeGuardError:
            return None  # too few flows so far, or a bundle that does not fit
    measured = [feature.name for feature in report.features if not feature.is_history]
    return LiveVerdict(
        has_drifted=report.has_drifted,
        sentence=report.verdict,
        furthest=tuple(measured[:_SHOWN]),
        flows=report.flows,
        hours=HOURS,
    )


def _bundle_of(sums_sha256: str) -> Bundle | None:
    """The bundle with this hash among those at hand and the registered ones."""
    for path in _at_hand():
        try:
            if path.is_dir() and sha256_hex(path / SUMS) != sums_sha256:
                continue
            bundle = Bundle.load(path)
        except (OSError, EdgeGuardError):
            continue
        if bundle.sums_sha256 == sums_sha256:
            return bundle
    return None


def _at_hand() -> Iterator[Path]:
    for one in workspace.bundles():
        yield one.path
        yield from one.path.parent.glob("versions/*/bundle-*")
