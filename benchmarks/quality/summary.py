"""From scores to the figures of the report: means, ranks, leads, goals. Plain values only."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.evaluation.paired import METRICS, lead
from edgeguard_core.flows.table import Flows
from quality import ours, rolling
from quality.episodes import Watched, pooled, watched
from quality.figures import figures
from quality.goals import goals
from quality.results import Task
from quality.rolling import StreamScores
from quality.scored import Scored
from quality.sets import ACROSS, WITHIN, DataSet
from quality.shifts import Shift
from quality.study import Study

RANKED = ("roc_auc", "average_precision", "f1_at_0.01", "tpr_at_1e_2", "tpr_at_1e_3")
"""The figures that ranks are taken of; each higher is better."""

Plain = dict[str, Any]


@dataclass(frozen=True)
class SetResults:
    """A set's truth and the scores of all its runs."""

    data_set: DataSet
    rows: Mapping[str, int]
    is_attack: NDArray[np.bool_]
    scored: Mapping[Task, Scored]
    test: Flows | None = None
    study: Study | None = None


def summary(
    found: Sequence[SetResults], streams: Sequence[tuple[Shift, StreamScores]] = ()
) -> Plain:
    """The report's JSON object."""
    sets = {each.data_set.name: _set(each) for each in found}
    groups = {
        group: _group(group, sets) for group in dict.fromkeys(s["group"] for s in sets.values())
    }
    plain: Plain = {"format": 1, "seeds": len(ours.SEEDS), "groups": groups, "sets": sets}
    plain["incidents"] = _incidents(found, groups)
    plain["time"] = {
        shift.name: {
            "group": shift.group, "protocol": shift.protocol, **rolling.figures(scores)
        }
        for shift, scores in streams
    }  # fmt: skip
    plain["goals"] = goals(plain)
    return dict(defined(plain))


def _set(found: SetResults) -> Plain:
    models: dict[str, list[tuple[dict[str, float], Scored]]] = {}
    for task, scored in found.scored.items():
        run = figures(found.is_attack, scored.test, scored.calibration).flat
        models.setdefault(model_key(task), []).append((run, scored))
    told = {key: _model(runs) for key, runs in models.items()}
    return {
        "group": found.data_set.group,
        "protocol": found.data_set.protocol,
        "rows": dict(found.rows),
        "models": told,
        "leads": _leads(found, told),
        "variants": found.study.parity if found.study is not None else {},
    }


def _incidents(found: Sequence[SetResults], groups: Mapping[str, Plain]) -> Plain:
    """Ours and the best peer of each group of captures, with one threshold for the group."""
    told: Plain = {}
    for group in (WITHIN, ACROSS):
        captures = [each for each in found if each.data_set.group == group]
        if not captures:
            continue
        rows: Plain = {}
        mine = [_watched(each, ours.NAME, own_causes=True) for each in captures]
        best = best_peer(groups[group]["models"], "roc_auc")
        cases = {f"{ours.NAME}, with causes": mine}
        for key in (ours.NAME, *([best] if best else [])):
            cases[key] = [_watched(each, key) for each in captures]
        for key, seen in cases.items():
            held = [each for each in seen if each is not None]
            if len(held) == len(captures):
                rows[key] = pooled(held)
        told[group] = {"captures": [each.data_set.name for each in captures], "models": rows}
    return told


def _watched(found: SetResults, key: str, own_causes: bool = False) -> Watched | None:
    """A capture as the first run of a model sees it; None where something was not run."""
    task = next((task for task in found.scored if model_key(task) == key), None)
    if task is None or found.test is None or (own_causes and found.study is None):
        return None
    cause = found.study.cause if own_causes and found.study is not None else None
    scored = found.scored[task]
    return watched(found.test, scored.test, scored.calibration, cause)


def model_key(task: Task) -> str:
    """A model and its matrix as one name; ours reads one matrix only.

    >>> model_key(Task("x", "kNN", "min-max", 0))
    'kNN, min-max'
    >>> model_key(Task("x", "EdgeGuard", "our matrix", 2))
    'EdgeGuard'
    """
    return task.model if task.ours else f"{task.model}, {task.scaling}"


def _model(runs: Sequence[tuple[dict[str, float], Scored]]) -> Plain:
    """The median over the seeds of every figure, and how far the seeds lie apart."""
    keys = runs[0][0].keys()
    return {
        "figures": {key: median(run[key] for run, _ in runs) for key in keys},
        "spread": {
            key: max(run[key] for run, _ in runs) - min(run[key] for run, _ in runs) for key in keys
        },
        "runs": len(runs),
        "fitted_rows": runs[0][1].fitted_rows,
        "fit_seconds": mean(scored.fit_seconds for _, scored in runs),
        "rows_per_second": mean(scored.rows_per_second for _, scored in runs),
        "file_bytes": runs[0][1].file_bytes,
    }


def is_peer(key: str) -> bool:
    """Whether a model of the report is somebody else's."""
    return not key.startswith(ours.NAME)


def best_peer(models: Mapping[str, Plain], figure: str) -> str | None:
    """The peer, on its better matrix, with the highest figure."""
    peers = [
        key for key in models if is_peer(key) and not math.isnan(models[key]["figures"][figure])
    ]
    return max(peers, key=lambda key: float(models[key]["figures"][figure]), default=None)


def _leads(found: SetResults, told: Mapping[str, Plain]) -> dict[str, Plain]:
    """Ours against the best peer of each metric, row by row."""
    mine = [scored.test for task, scored in found.scored.items() if task.model == ours.NAME]
    theirs = {model_key(task): scored.test for task, scored in found.scored.items()}
    leads: dict[str, Plain] = {}
    for name, metric in METRICS.items():
        best = best_peer(told, name)
        if best is None or not mine:
            continue
        ahead = lead(metric, found.is_attack, mine, theirs[best])
        verdict = "ahead" if ahead.ahead else "behind" if ahead.behind else "level"
        leads[name] = {
            "peer": best,
            "difference": ahead.difference,
            "low": ahead.low,
            "high": ahead.high,
            "verdict": verdict,
        }
    return leads


def _group(group: str, sets: Mapping[str, Plain]) -> Plain:
    """Means over the sets of a group, and the average rank over sets and ranked figures."""
    members = {name: found for name, found in sets.items() if found["group"] == group}
    keys = [
        key
        for key in next(iter(members.values()))["models"]
        if all(key in found["models"] for found in members.values())
    ]
    ranks = _ranks([found["models"] for found in members.values()], keys)
    models = {}
    for key in keys:
        each = [found["models"][key]["figures"] for found in members.values()]
        models[key] = {
            "figures": {name: mean(figures[name] for figures in each) for name in each[0]},
            "average_rank": ranks[key],
        }
    return {"sets": list(members), "models": models}


def _ranks(per_set: Sequence[Mapping[str, Plain]], keys: Sequence[str]) -> dict[str, float]:
    """Average rank, 1 the best, ties share; our other variants do not take part twice."""
    taking_part = [key for key in keys if is_peer(key) or key == ours.NAME]
    collected: dict[str, list[float]] = {key: [] for key in keys}
    for models in per_set:
        for figure in RANKED:
            values = {key: models[key]["figures"][figure] for key in taking_part}
            for key in taking_part:
                above = sum(other > values[key] for other in values.values())
                equal = sum(other == values[key] for other in values.values())
                collected[key].append(above + (equal + 1) / 2)
    return {key: mean(found) if found else math.nan for key, found in collected.items()}


def defined(value: Any) -> Any:
    """The same with None for what is undefined, numbers to six places.

    >>> defined({"a": [float("nan"), 0.12345678]})
    {'a': [None, 0.123457]}
    """
    if isinstance(value, Mapping):
        return {key: defined(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [defined(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
