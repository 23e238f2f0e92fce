"""Verdicts on the lines of a file, given without a screen: a feedback file, made or added to."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgeguard_core.detection.feedback import Feedback, Judgement, read_feedback
from edgeguard_core.detection.review import JudgedFlow, Verdict
from edgeguard_core.errors import EdgeGuardError, SourceError
from edgeguard_core.files import sha256_hex
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.progress import OnProgress, silent
from edgeguard_core.pipeline.reading import read_all
from edgeguard_core.pipeline.verdicts import Verdicts
from edgeguard_core.sources import ReadOptions

MOST_ROWS: Final = 1_000_000
_TEXTS, _NUMBERS = ("src_ip", "dst_ip"), ("src_port", "dst_port", "protocol")
_RANGE: Final = re.compile(r"(\d{1,15})(?:-(\d{1,15}))?")


def parse_rows(text: str) -> list[int]:
    """Lines as somebody lists them, ascending.

    Raises
    ------
    EdgeGuardError
        If it is no such list.

    Examples
    --------
    >>> parse_rows("9, 2-4")
    [2, 3, 4, 9]
    """
    found: set[int] = set()
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last or first < 1:
            raise EdgeGuardError(f"{part.strip()!r} names no line: write lines like 7,9-12.")
        if len(found) + last - first >= MOST_ROWS:
            raise EdgeGuardError(f"{text!r} names more than {MOST_ROWS:,} lines: name fewer.")
        found.update(range(first, last + 1))
    return sorted(found)


def judge_rows(
    path: Path,
    rows: Sequence[int],
    verdict: Verdict,
    *,
    who: str,
    why: str,
    now: datetime,
    before: Path | None = None,
    read: ReadOptions | None = None,
    on_progress: OnProgress = silent,
) -> Feedback:
    """The feedback in which somebody gives some lines of a file a verdict.

    Parameters
    ----------
    before
        A feedback file on the same flows that this adds to; the later word about a flow counts.

    Raises
    ------
    SourceError, SchemaError
        If the file cannot be read, a line holds no accepted flow, or ``before`` is about another
        file.
    """
    digest = sha256_hex(path) if path.is_file() else ""
    earlier = None if before is None else read_feedback(before)
    if earlier is not None:
        earlier.require_of(digest, str(path))
    flows, _ = read_all([path], read or ReadOptions(), on_progress)
    chosen = flows.select(np.isin(flows.line, rows))
    if missing := sorted(set(rows) - set(chosen.line.tolist())):
        raise SourceError(
            f"Line {missing[0]} of {path} holds no accepted flow; the line of a flow is in the "
            "column row of a scored file."
        )
    judgements = tuple(
        Judgement(flow, verdict, who, now, why) for flow in _judged_flows(chosen, digest)
    )
    said = Feedback(path.name, digest, judgements, now)
    if earlier is None:
        return said
    both = Verdicts.of([earlier, said]).of_file[digest]
    return Feedback(path.name, digest, tuple(both[row] for row in sorted(both)), now)


def _judged_flows(flows: Flows, source: str) -> list[JudgedFlow]:
    cells = {name: flows.columns[name].tolist() for name in (*_TEXTS, *_NUMBERS)
             if name in flows.columns}  # fmt: skip
    return [
        JudgedFlow(source, int(row), "", None, **{k: _cell(k, v[at]) for k, v in cells.items()})
        for at, row in enumerate(flows.line)
    ]


def _cell(name: str, value: Any) -> Any:
    if value is None or value != value:
        return None
    try:
        return str(value) if name in _TEXTS else int(value)
    except ValueError:  # a schema of one's own may have words there
        return None
