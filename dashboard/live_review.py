"""Verdicts on alerts of a watch, in the same log as those of the Review page.

A flow of a file is known there by the file's hash and its line. An alert has neither: its sensor
stands for the file, and a number out of its id for the line, so a verdict holds wherever the
alert is read from.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from dashboard import reviewing
from dashboard.live_tail import part
from edgeguard_core.detection.review import JudgedFlow, Verdict
from edgeguard_core.outputs.store_reading import StoredAlert

_MOST_KEPT = 50  # sensors

# What was read last of each sensor, with the times of the files: looked at each two seconds.
_kept: dict[tuple[Path, str], tuple[tuple[int, ...], Mapping[int, Verdict]]] = {}

_DIGITS = 15  # of the id: as many as SQLite's whole numbers hold


def source_of(sensor: str) -> str:
    """What stands for the file of a sensor's alerts: 64 hexadecimal digits.

    >>> source_of("gate")[:12]
    'dc462f3bf97b'
    """
    return hashlib.sha256(f"sensor\0{sensor}".encode()).hexdigest()


def row_of(alert_id: str) -> int:
    """What stands for an alert's line; the same id gives the same number.

    >>> row_of("b313df98607b1a36af058fb7") == row_of("b313df98607b1a36af058fb7")
    True
    """
    try:
        return int(alert_id[:_DIGITS], 16)
    except ValueError:  # an id that is not ours
        return int(hashlib.sha256(alert_id.encode()).hexdigest()[:_DIGITS], 16)


def judged_flow(alert: StoredAlert) -> JudgedFlow:
    """An alert as the log keeps it."""
    return JudgedFlow(
        source=source_of(alert.sensor),
        row=row_of(alert.id),
        model_sha256=str(part(alert.body, "edgeguard", "bundle").get("model_sha256", "")),
        score=alert.score,
        host=alert.host,
        cause=alert.cause,
        src_ip=alert.src_ip,
        src_port=alert.src_port,
        dst_ip=alert.dst_ip,
        dst_port=alert.dst_port,
        protocol=alert.protocol,
    )


def judge(alert: StoredAlert, verdict: Verdict, *, actor: str, reason: str, about: str) -> int:
    """One, for the alert that a verdict was written for.

    Raises
    ------
    EdgeGuardError
        If nobody says who decides, or the log cannot be written.
    """
    reviewing.store().judge(
        verdict, [judged_flow(alert)], actor=actor, reason=reason, now=reviewing.clock(),
        about=about,
    )  # fmt: skip
    return 1


def verdicts(sensor: str) -> Mapping[int, Verdict]:
    """The verdicts in force on a sensor's alerts, by ``row_of``.

    Raises
    ------
    EdgeGuardError
        If the log cannot be read.
    """
    path = reviewing.store().path
    stamps = tuple(_modified(one) for one in (path, path.with_name(path.name + "-wal")))
    known = _kept.get((path, sensor))
    if known is None or known[0] != stamps:
        known = (stamps, reviewing.store().verdicts(source_of(sensor)))
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[path, sensor] = known
    return known[1]


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
