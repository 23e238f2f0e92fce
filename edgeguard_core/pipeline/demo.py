"""Demo: the shipped bundle on the shipped traffic, with nothing trained and no network."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import edgeguard_core
from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector, Explanation, ScoredFlows, explain
from edgeguard_core.detection.incidents import Incident, IncidentTable, hosts, raised
from edgeguard_core.errors import OutputError, SourceError
from edgeguard_core.evaluation import Evaluation, evaluate
from edgeguard_core.files import whole_file, write_whole
from edgeguard_core.flows.table import Flows, Labels
from edgeguard_core.pipeline.details import DetailsCollector, dump_details
from edgeguard_core.pipeline.progress import OnProgress, Progress, silent
from edgeguard_core.pipeline.room import spare
from edgeguard_core.pipeline.score import result_columns, scored_batches, threshold_json
from edgeguard_core.pipeline.tables import TableWriter
from edgeguard_core.sources import ReadReport

NOTE = "demo"
"""What a bundle's data note says when it is for demonstrations only."""

EPISODE_MS = 3_600_000.0
"""Incidents of one host within this time are told as one: a scan has several causes."""

MOST_EPISODES = 10
_BUNDLE = Path("models", "demo")
_TRAFFIC = Path("sample_data", "office_with_attacks.csv.gz")
_ENDINGS = {".parquet": False, ".csv": True}  # whether it is CSV
_IN_WORDS = {"syn_flood": "SYN flood", "brute_force": "password guessing"}


@dataclass(frozen=True)
class Shipped:
    """Where the demo's bundle and its traffic lie."""

    bundle: Path
    traffic: Path


def shipped(package: Path | None = None) -> Shipped:
    """The bundle and the traffic of a checkout, or those that a wheel carries.

    Parameters
    ----------
    package
        The folder of ``edgeguard_core``; by default the one at work.

    Raises
    ------
    SourceError
        If neither is there.
    """
    package = package or Path(edgeguard_core.__file__).parent
    for root in (package.parent, package / "_demo"):
        found = Shipped(root / _BUNDLE, root / _TRAFFIC)
        if (found.bundle / "manifest.json").is_file() and found.traffic.is_file():
            return found
    raise SourceError(
        f"The demo needs {_BUNDLE} and {_TRAFFIC}, and {package.parent} has not both of them; "
        "install EdgeGuard again, or run make demo-bundle in its source folder."
    )


@dataclass(frozen=True)
class Episode:
    """What one host did within an hour, told by the worst flow of its highest incident.

    Attributes
    ----------
    begins_ms
        When the incident's window begins, ms UTC.
    alerts
        Alerts of this host within the hour before and after.
    truth
        What the flow really is, as the traffic was labelled when it was made.
    """

    host: str
    begins_ms: float
    cause: str
    alerts: int
    truth: str
    explanation: Explanation

    def to_json(self) -> dict[str, Any]:
        """The episode as plain JSON values; its flow's explanation among them."""
        return self.explanation.to_json() | {
            "host": self.host,
            "begins_ms": self.begins_ms,
            "cause": self.cause,
            "alerts": self.alerts,
            "class": self.truth,
        }


@dataclass(frozen=True)
class Demonstration:
    """The sample traffic and what the demo bundle makes of it; n flows.

    Attributes
    ----------
    scores
        Shape ``(n,)``.
    incidents
        How many an analyst would be called for.
    worst
        The episodes with most alerts, the most first: one odd flow is less than a scan.
    """

    shipped: Shipped
    scores: NDArray[np.float32]
    labels: Labels
    threshold: dict[str, Any]
    evaluation: Evaluation
    incidents: int
    worst: list[Episode]
    seconds: float
    out: Path | None

    def to_json(self) -> dict[str, Any]:
        """The keys of ``demo --json``."""
        wanted = (
            "flows", "attacks", "alerts", "precision", "recall", "false_positive_rate",
            "promised_false_positive_rate", "promise", "per_class",
        )  # fmt: skip
        figures = self.evaluation.to_json()
        return {
            **{key: figures[key] for key in wanted},
            "incidents": self.incidents,
            "threshold": self.threshold,
            "verdict": self.verdict,
            "worst": [episode.to_json() for episode in self.worst],
            "seconds": round(self.seconds, 3),
            "bundle": str(self.shipped.bundle.resolve()),
            "traffic": str(self.shipped.traffic.resolve()),
            "out": None if self.out is None else str(self.out.resolve()),
        }

    @property
    def verdict(self) -> str:
        """What came out, in three sentences."""
        found = self.evaluation
        benign = found.flows - found.attacks - found.unlabelled
        false = round(found.false_positive_rate * benign)
        caught = round(found.recall * found.attacks)
        return (
            f"{found.alerts:,} alerts among {found.flows:,} flows, in {self.incidents} incidents. "
            f"Caught: {_percent(found.recall)} of the attack flows ({caught:,} of "
            f"{found.attacks:,}). False alarms: {_percent(found.false_positive_rate)} of the "
            f"benign flows ({false:,} of {benign:,})."
        )


def demonstrate(
    *,
    out: Path | None = None,
    details: Path | None = None,
    files: Shipped | None = None,
    state: Path | None = None,
    on_progress: OnProgress = silent,
    clock: Callable[[], float] = time.monotonic,
) -> Demonstration:
    """The sample traffic scored by the shipped bundle, in about a second.

    Parameters
    ----------
    out
        A .parquet or .csv file for the scored flows, as ``score`` writes it.
    details
        A file for what ``score --details`` writes.
    files
        Another bundle and other labelled traffic to show.
    state
        Folder of local thresholds, as ``Detector`` takes it.

    Raises
    ------
    SourceError
        If the shipped files are not there.
    OutputError
        If ``out`` cannot be written.
    """
    started = clock()
    files = files or shipped()
    if out is not None:
        spare(out, [files.traffic], files.bundle)
    detector = Detector(Bundle.load(files.bundle), state)
    report, incidents = ReadReport(), IncidentTable()
    collector = None if details is None else DetailsCollector(detector)
    parts: list[tuple[Flows, ScoredFlows]] = []
    with _table(out) as write:
        for flows, scored in scored_batches(detector, [files.traffic], None, report, on_progress):
            incidents.add(flows, scored)
            parts.append((flows, scored))
            write(flows, scored, detector)
            if collector is not None:
                collector.add(flows, scored)
    if details is not None and collector is not None:
        write_whole(details, dump_details(collector.details()))
    flows = Flows.concat([part for part, _ in parts])
    scores = np.concatenate([scored.scores for _, scored in parts])
    on_progress(Progress("score", 1.0, "Explaining the worst"))
    found = raised(incidents.incidents(), detector.threshold)
    labels = flows.labels or Labels.unknown(len(flows))
    return Demonstration(
        shipped=files,
        scores=scores,
        labels=labels,
        threshold=threshold_json(detector),
        evaluation=evaluate(scores, labels, detector.threshold),
        incidents=len(found),
        worst=_told(detector, flows, scores, episodes(found)),
        seconds=clock() - started,
        out=out,
    )


def episodes(incidents: Iterable[Incident]) -> list[Incident]:
    """Of each host and hour the incident that comes first: give the highest scores first."""
    kept: list[Incident] = []
    for incident in incidents:
        if not any(
            other.host == incident.host and abs(other.window_ms - incident.window_ms) < EPISODE_MS
            for other in kept
        ):
            kept.append(incident)
    return kept


def in_words(name: str) -> str:
    """A class of attack as people say it.

    >>> in_words("syn_flood"), in_words("vertical_scan"), in_words("benign")
    ('SYN flood', 'vertical scan', 'benign')
    """
    return _IN_WORDS.get(name, name.replace("_", " "))


def _told(
    detector: Detector, flows: Flows, scores: NDArray[np.float32], found: list[Incident]
) -> list[Episode]:
    """Those with most alerts, each by the highest flow of its incident."""
    alerts = _alerts_near(found, flows, detector.threshold.alerts(scores))
    order = sorted(range(len(found)), key=lambda k: -alerts[k])[:MOST_EPISODES]
    position = {line: place for place, line in enumerate(flows.line.tolist())}
    picked = np.array([position[found[k].rows[0]] for k in order], np.int64)
    classes = (flows.labels or Labels.unknown(len(flows))).class_name[picked].tolist()
    return [
        Episode(
            host=found[k].host,
            begins_ms=found[k].window_ms,
            cause=found[k].cause,
            alerts=alerts[k],
            truth=str(name),
            explanation=explanation,
        )
        for k, name, explanation in zip(
            order, classes, explain(detector, flows.select(picked)), strict=True
        )
    ]


def _alerts_near(incidents: list[Incident], flows: Flows, alerted: NDArray[np.bool_]) -> list[int]:
    """How many alerts the host of each incident has within an hour of it."""
    host, times = hosts(flows)[alerted], flows.time_ms
    if times is None:  # without times there are no incidents
        return []
    near = times[alerted]
    return [
        int(((host == one.host) & (np.abs(near - one.window_ms) <= EPISODE_MS)).sum())
        for one in incidents
    ]


@contextmanager
def _table(out: Path | None) -> Iterator[Callable[[Flows, ScoredFlows, Detector], None]]:
    """What writes scored flows to ``out``, whole or not at all; nothing without ``out``."""
    if out is None:
        yield lambda flows, scored, detector: None
        return
    if out.suffix not in _ENDINGS:
        raise OutputError(f"Cannot write {out}: name a file that ends in .parquet or .csv.")
    with whole_file(out) as temporary, TableWriter(temporary, as_csv=_ENDINGS[out.suffix]) as table:
        yield lambda flows, scored, detector: table.write(
            result_columns(flows, scored, detector), whole=flows.whole_numbers
        )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
