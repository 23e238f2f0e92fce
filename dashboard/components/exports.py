"""What can be taken away: the scored flows as the page judges them, and the threshold."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import streamlit as st

from dashboard import evaluations, exports
from dashboard.keys import Key
from edgeguard_core.thresholds import Threshold


def show(
    reference: evaluations.Reference,
    threshold: Threshold,
    scored: dict[str, Any] | None,
    told: dict[str, Any],
) -> None:
    """Draw the buttons; a file is made when its button is pressed.

    Parameters
    ----------
    scored, told
        The threshold that the scored file was judged by, and the one of the page.
    """
    as_scored = scored is not None and scored.get("value") == threshold.value
    with st.container(horizontal=True):
        st.download_button(
            "All scored flows (Parquet)",
            _parquet(reference.scores, None if as_scored else threshold),
            file_name="scored.parquet",
            key=Key.DOWNLOAD_PARQUET,
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "All scored flows (CSV)",
            _csv(reference.scores, threshold),
            file_name="scored.csv",
            mime="text/csv",
            key=Key.DOWNLOAD_CSV,
            icon=":material/download:",
            on_click="ignore",
            help="Cells that a spreadsheet would take for a formula start with an apostrophe.",
        )
        st.download_button(
            "Threshold (JSON)",
            json.dumps(told, indent=2),
            file_name="threshold.json",
            mime="application/json",
            key=Key.DOWNLOAD_THRESHOLD,
            icon=":material/download:",
            on_click="ignore",
        )


def _parquet(scores: Path, threshold: Threshold | None) -> Callable[[], IO[bytes]]:
    def make() -> IO[bytes]:
        if threshold is None:
            return scores.open("rb")
        return exports.write_parquet(scores, scores.with_name("export.parquet"), threshold).open(
            "rb"
        )

    return make


def _csv(scores: Path, threshold: Threshold) -> Callable[[], IO[bytes]]:
    def make() -> IO[bytes]:
        return exports.write_safe_csv(scores, scores.with_name("export.csv"), threshold).open("rb")

    return make
