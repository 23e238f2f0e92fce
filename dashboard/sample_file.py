"""A small table of flows to look at: what a file may look like."""

import gzip
from itertools import islice
from pathlib import Path

from edgeguard_core.pipeline.demo import shipped

ROWS = 500


def text(rows: int = ROWS, traffic: Path | None = None) -> str:
    """A header and the first rows of the sample traffic that ships, as CSV.

    Parameters
    ----------
    traffic
        A gzipped CSV; by default the one that ships.

    Raises
    ------
    SourceError
        If it does not ship here.
    """
    with gzip.open(traffic or shipped().traffic, "rt", encoding="utf-8") as stream:
        return "".join(islice(stream, rows + 1))
