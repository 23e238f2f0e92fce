"""What the Review page works on: the flows with all that verdicts and exclusions ask of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard import evaluations, jobs, results, workspace
from edgeguard_core.bundle import Bundle
from edgeguard_core.detection.exclusion import Exclusion, hidden
from edgeguard_core.detection.queue import Queue, build_queue, verdict_codes
from edgeguard_core.detection.review import JudgedFlow, Reviews, Verdict
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.files import sha256_hex
from edgeguard_core.thresholds import Threshold

MOST_FLOWS = 500  # of one group, listed with their reasons
PIVOT_KEYS = ("uid", "flow_id", "community_id")
_TUPLE = ("src_ip", "src_port", "dst_ip", "dst_port", "protocol")
_CONDITIONS = ("src_ip", "dst_ip", "dst_port", "protocol")

clock: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731 -- the tests set another


@dataclass(frozen=True, eq=False)
class Material:
    """An evaluation's flows as the queue needs them; n flows.

    Attributes
    ----------
    source
        SHA-256 of the file they were read from; a name of ours where it is gone.
    cause, causes
        Codes from 0, ``(n,)``, and their words: the group of features that weighs most, or
        the first feature where the file was scored without groups.
    columns
        What exclusions ask for, by the names of their conditions, ``(n,)`` each.
    """

    source: str
    model_sha256: str
    severity: NDArray[np.int64]
    cause: NDArray[np.int64]
    causes: tuple[str, ...]
    columns: Mapping[str, NDArray[Any]]
    identity: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Triage:
    """The queue now, with all that was said so far."""

    evaluated: evaluations.Evaluated
    material: Material
    threshold: Threshold
    verdicts: NDArray[np.int8]  # (n,), codes
    exclusions: list[Exclusion]
    hidden: NDArray[np.bool_]  # (n,), by active exclusions
    queue: Queue

    @property
    def alerts(self) -> NDArray[np.bool_]:
        return self.threshold.alerts(self.evaluated.scores)

    @property
    def by_cause_alone(self) -> bool:
        """Whether there are no incidents, for want of times or hosts."""
        return self.evaluated.incidents is None


def store() -> Reviews:
    """The log of verdicts and exclusions of this workplace, for all its bundles."""
    return Reviews(workspace.root() / "reviews.sqlite")


def triage(
    evaluated: evaluations.Evaluated,
    threshold: Threshold,
    *,
    without_excluded: bool = True,
    lone: bool = False,
) -> Triage:
    """The queue of an evaluation at a threshold, as it stands in the log.

    Raises
    ------
    EdgeGuardError
        If the log or the scored file cannot be read.
    """
    material = material_of(evaluated)
    log = store()
    verdicts = verdict_codes(evaluated.row, log.verdicts(material.source))
    exclusions = log.exclusions()
    hides = hidden(exclusions, material.columns, len(evaluated), clock())
    queue = build_queue(
        evaluated.scores,
        threshold,
        material.cause,
        verdicts,
        incidents=evaluated.incidents,
        hidden=hides if without_excluded else None,
        time_ms=evaluated.time_ms,
        lone=lone,
    )
    return Triage(evaluated, material, threshold, verdicts, exclusions, hides, queue)


def table(now: Triage) -> pd.DataFrame:
    """The queue as the screen lists it, one row a group."""
    queue, evaluated = now.queue, now.evaluated
    highest = evaluated.scores[queue.worst]
    return pd.DataFrame(
        {
            "severity": now.material.severity[queue.worst],
            "standing": [str(word) for word in queue.standing],
            "host": [evaluated.hosts[code] if code >= 0 else "" for code in queue.host],
            "cause": [cause_name(now.material, code) for code in queue.cause],
            "windows": queue.windows,
            "alerts": queue.alerts,
            "decided": queue.decided,
            "first": pd.to_datetime(np.round(queue.first_ms), unit="ms"),
            "last": pd.to_datetime(np.round(queue.last_ms), unit="ms"),
            "ratio": highest / now.threshold.value if now.threshold.value > 0 else np.nan,
            "highest": highest,
        }
    )


def cause_name(material: Material, code: int) -> str:
    """The word of a cause; empty where none is known."""
    return material.causes[code] if code >= 0 else ""


def judged_flows(now: Triage, positions: NDArray[np.int64]) -> list[JudgedFlow]:
    """The flows at some positions as the log keeps them."""
    evaluated, material = now.evaluated, now.material
    host = material.columns.get("host")
    cells = {
        name: material.identity[name][positions].tolist()
        for name in _TUPLE
        if name in material.identity
    }
    found = []
    for n, position in enumerate(positions.tolist()):
        row = {name: _cell(name, column[n]) for name, column in cells.items()}
        found.append(
            JudgedFlow(
                source=material.source,
                row=int(evaluated.row[position]),
                model_sha256=material.model_sha256,
                score=float(evaluated.scores[position]),
                host=None if host is None else host[position],
                cause=cause_name(material, int(material.cause[position])) or None,
                **row,
            )
        )
    return found


def judge(
    now: Triage, positions: NDArray[np.int64], verdict: Verdict, *, actor: str, reason: str,
    about: str,
) -> int:  # fmt: skip
    """How many flows a verdict was written for.

    Raises
    ------
    EdgeGuardError
        If nobody says who decides, or the log cannot be written.
    """
    flows = judged_flows(now, positions)
    store().judge(verdict, flows, actor=actor, reason=reason, now=clock(), about=about)
    return len(flows)


def common_conditions(now: Triage, positions: NDArray[np.int64]) -> dict[str, Any]:
    """What all flows at some positions share, as an exclusion can ask for it."""
    shared: dict[str, Any] = {}
    for name in ("host", "cause", *_CONDITIONS):
        column = now.material.columns.get(name)
        if column is None:
            continue
        values = set(column[positions].tolist())
        if len(values) == 1 and (value := values.pop()) is not None and value == value:
            shared[name] = value if isinstance(value, str) else int(value)
    if shared.get("src_ip") == shared.get("host"):
        shared.pop("src_ip", None)
    elif shared.get("dst_ip") == shared.get("host"):
        shared.pop("dst_ip", None)
    return shared


def material_of(evaluated: evaluations.Evaluated) -> Material:
    """The further columns of an evaluation, read once for all visitors."""
    reference = evaluated.reference
    return _material(reference, _modified(reference.scores), _modified(reference.source))


@st.cache_resource(max_entries=4, show_spinner=False)
def _material(
    reference: evaluations.Reference, scores_stamp: float, source_stamp: float
) -> Material:
    file = results.open_scores(reference.scores)
    names = file.schema_arrow.names
    wanted = ("severity", "top_features", "incident_host", "incident_cause", *_TUPLE)
    frame = file.read(columns=[name for name in wanted if name in names]).to_pandas()
    cause, causes = _causes(frame)
    identity = {name: _array(frame[name]) for name in _TUPLE if name in frame}
    columns = {name: identity[name] for name in _CONDITIONS if name in identity}
    if "incident_host" in frame:
        columns["host"] = _array(frame["incident_host"])
    columns["cause"] = np.array([*causes, None], object)[cause]
    severity = frame["severity"] if "severity" in frame else pd.Series(np.zeros(len(frame)))
    return Material(
        source=_fingerprint(reference),
        model_sha256=_model(reference.bundle),
        severity=severity.to_numpy(np.int64),
        cause=cause,
        causes=causes,
        columns=columns,
        identity=identity,
    )


def _causes(frame: pd.DataFrame) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    if "incident_cause" in frame:
        words = frame["incident_cause"]
    elif "top_features" in frame:
        words = frame["top_features"].map(_first_feature)
    else:
        words = pd.Series(np.full(len(frame), None, object))
    codes, names = pd.factorize(words, sort=True)
    return np.asarray(codes, np.int64), tuple(str(name) for name in names)


def _first_feature(text: object) -> str | None:
    shares = results.shares_of(str(text or ""))
    return shares[0][0] if shares else None


def _array(column: pd.Series) -> NDArray[Any]:
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64, na_value=np.nan)
    cells = np.array(column, object)
    cells[column.isna().to_numpy()] = None
    return cells


def _cell(name: str, value: Any) -> Any:
    if value is None or value != value:
        return None
    return str(value) if name in ("src_ip", "dst_ip") else _whole(value)


def _whole(value: Any) -> int | None:
    try:
        return int(float(value))
    except ValueError:
        return None


def _fingerprint(reference: evaluations.Reference) -> str:
    try:
        return sha256_hex(reference.source)
    except OSError:  # a server's own file that went: the evaluation is still one of its own
        return f"evaluation {reference.id}"


def _model(bundle: Path) -> str:
    try:
        return Bundle.load(bundle).model_sha256
    except EdgeGuardError:
        return ""


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0.0


def same_file(reference: evaluations.Reference) -> list[evaluations.Reference]:
    """Every evaluation of the same source file, one a bundle: this one first, then the newest."""
    found = {reference.bundle: reference}
    others = (evaluations.of_job(job) for job in jobs.all_jobs())
    for one in [*others, evaluations.find(evaluations.DEMO)]:
        if one is not None and _same(one.source, reference.source):
            found.setdefault(one.bundle, one)
    return list(found.values())


def model_names(references: list[evaluations.Reference]) -> dict[str, str]:
    """What to call each evaluation's model, by its id; no two have the same name."""
    names: dict[str, str] = {}
    for one in references:
        name = one.bundle.stem
        names[one.id] = f"{name} ({one.id})" if name in names.values() else name
    return names


def given_file(reference: evaluations.Reference) -> workspace.GivenFile | None:
    """The file that an evaluation scored, as the Data page knows it."""
    known = workspace.find(reference.file_id)
    if known is not None:
        return known
    return next((f for f in workspace.files() if _same(f.path, reference.source)), None)


def other_bundles(
    reference: evaluations.Reference, same: list[evaluations.Reference]
) -> list[workspace.BundleAtHand]:
    """Bundles at hand that read such flows and have not scored this file yet."""
    at_hand = workspace.bundles()
    mine = next((one for one in at_hand if _same(one.path, reference.bundle)), None)
    schema = None if mine is None else mine.schema
    used = [one.bundle for one in same]
    return [
        one
        for one in at_hand
        if one.fits(schema) and not any(_same(one.path, path) for path in used)
    ]


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
