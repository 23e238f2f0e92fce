"""What we want to reach, and whether we did: the same sentence whether it flatters or not."""

from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any

from quality.rolling import CHOSEN, KEPT_WITHIN
from quality.shifts import CAPTURES, DAYS

OURS = "EdgeGuard"
LEAD_OF_MEANS = {
    "tpr_at_1e_2": 0.05,
    "roc_auc": 0.03,
    "average_precision": 0.03,
    "f1_at_0.01": 0.03,
}
FLOW_SETS = "flows"
SHIPPED = "dynamic_int8"
"""The number format beside float32 that a bundle may ship."""

WORDS = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "best_f1": "best F1",
    "f1_at_0.01": "F1 at a promised 1 %",
    "recall_at_0.01": "recall at a promised 1 %",
    "realised_fpr_at_0.01": "realised FPR at a promised 1 %",
    "tpr_at_1e_2": "TPR at a true 1e-2",
    "tpr_at_1e_3": "TPR at a true 1e-3",
}

AT_LEAST: tuple[tuple[str, str, float], ...] = (
    ("nsl-kdd", "roc_auc", 0.965),
    ("nsl-kdd", "tpr_at_1e_2", 0.60),
    ("unsw-nb15", "roc_auc", 0.94),
    ("unsw-nb15", "f1_at_0.01", 0.85),
    ("cic-tuesday", "roc_auc", 0.98),
    ("cic-thursday", "roc_auc", 0.96),
)
AT_MOST: tuple[tuple[str, str, float], ...] = (("nsl-kdd", "realised_fpr_at_0.01", 0.03),)
GROUP_AT_LEAST: tuple[tuple[str, str, float], ...] = (
    ("within a capture", "roc_auc", 0.99),
    ("within a capture", "tpr_at_1e_3", 0.9),
    ("across captures", "roc_auc", 0.95),
    ("across captures", "recall_at_0.01", 0.8),
)
GROUP_AT_MOST: tuple[tuple[str, str, float], ...] = (
    ("across captures", "realised_fpr_at_0.01", 0.02),
)

Plain = dict[str, Any]


def goals(plain: Mapping[str, Any]) -> list[Plain]:
    """Each goal with its wanted and its measured value; those of sets not run are left out."""
    return [
        *_leads_of_means(plain),
        *_never_behind(plain),
        *_absolute(plain),
        *_over_time(plain),
        *_quantised(plain),
    ]


def _leads_of_means(plain: Mapping[str, Any]) -> list[Plain]:
    group = plain["groups"].get(FLOW_SETS)
    if group is None or OURS not in group["models"]:
        return []
    means = {key: model["figures"] for key, model in group["models"].items()}
    told = []
    for figure, wanted in LEAD_OF_MEANS.items():
        peers = {key: found[figure] for key, found in means.items() if not key.startswith(OURS)}
        if not peers:
            continue
        best = max(peers, key=lambda key: float(peers[key]))
        goal = f"flow sets: mean {WORDS[figure]} ahead of the best peer ({best})"
        told.append(_goal(goal, wanted, means[OURS][figure] - peers[best]))
    return told


def _never_behind(plain: Mapping[str, Any]) -> list[Plain]:
    judged = [
        (name, metric)
        for name, found in plain["sets"].items()
        for metric, lead in found["leads"].items()
        if lead["verdict"] == "behind"
    ]
    if not any(found["leads"] for found in plain["sets"].values()):
        return []
    where = ", ".join(f"{name} ({WORDS[metric]})" for name, metric in judged)
    goal = "sets and figures on which the best peer is ahead beyond the interval"
    return [_goal(goal + (f": {where}" if where else ""), 0, len(judged), most=True)]


def _absolute(plain: Mapping[str, Any]) -> list[Plain]:
    def of_set(name: str, figure: str) -> float | None:
        return _figure(plain["sets"].get(name), figure)

    def of_group(name: str, figure: str) -> float | None:
        return _figure(plain["groups"].get(name), figure)

    told: list[Plain] = []
    lists: tuple[tuple[Any, Callable[[str, str], float | None], bool], ...] = (
        (AT_LEAST, of_set, False),
        (AT_MOST, of_set, True),
        (GROUP_AT_LEAST, of_group, False),
        (GROUP_AT_MOST, of_group, True),
    )
    for wanted, value_of, most in lists:
        for name, figure, value in wanted:
            measured = value_of(name, figure)
            if measured is not None:
                told.append(_goal(f"{name}: {WORDS[figure]}", value, measured, most=most))
    return told


def _over_time(plain: Mapping[str, Any]) -> list[Plain]:
    told = []
    for group in (DAYS, CAPTURES):
        found = [each for each in plain.get("time", {}).values() if each["group"] == group]
        if found:
            came = fmean(each["rules"][CHOSEN]["realised"] for each in found)
            goal = f"{group}: realised FPR at a promised 1 %, calibrated again every hour"
            told.append(_goal(goal, KEPT_WITHIN, came, most=True))
    return told


def _quantised(plain: Mapping[str, Any]) -> list[Plain]:
    judged = [
        name
        for name, found in plain["sets"].items()
        if SHIPPED in found["variants"] and not found["variants"][SHIPPED]["passed"]
    ]
    if not any(SHIPPED in found["variants"] for found in plain["sets"].values()):
        return []
    goal = f"sets on which {SHIPPED} does not answer like float32" + (
        f": {', '.join(judged)}" if judged else ""
    )
    return [_goal(goal, 0, len(judged), most=True)]


def _figure(found: Mapping[str, Any] | None, figure: str) -> float | None:
    if found is None or OURS not in found["models"]:
        return None
    return float(found["models"][OURS]["figures"][figure])


def _goal(goal: str, wanted: float, measured: float, *, most: bool = False) -> Plain:
    return {
        "goal": goal,
        "wanted": f"{'at most' if most else 'at least'} {wanted:g}",
        "measured": measured,
        "reached": measured <= wanted if most else measured >= wanted,
    }
