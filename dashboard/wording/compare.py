"""What the Compare part of the Review page says: models side by side, and plain detectors."""

from typing import Any

from dashboard.wording.formats import UNDEFINED, count, number, percent, plain, plural
from edgeguard_core.evaluation.compare import Comparison
from edgeguard_core.evaluation.paired import Lead

COMPARE_NEEDS_TWO = (
    "Only one model has scored this file. Score it with another bundle above, or learn one on "
    "**Data** or **Train**, and they stand side by side here, at as many alerts each."
)
CHOOSE_TWO = "Choose two to four models."
COMPARE_FIRST = "The first one is what the others are held against."
BUDGET_BY_HOUR = "Alerts an hour, of each model"
BUDGET_BY_FLOWS = "Alerts in 1,000 flows, of each model"
BUDGET_HELP = (
    "Scores of two models are different numbers, so each gets the threshold at which it raises at "
    "most so many alerts. Default: what the threshold in the bar above raises."
)
OTHER_BUNDLE = "Score this file with another bundle"
SCORE_OTHER = "Score it"
NO_OTHER_BUNDLE = (
    "No further bundle at hand reads such flows. Learn one on Data, or upload one there."
)
SOURCE_GONE = "The file itself is gone, so no other bundle can score it; upload it again on Data."
SCORING_FAILED = "The last scoring of this file failed; Data shows why."


PEERS_TITLE = "Beside plain detectors"
PEERS = "Plain detectors"
COMPARE_PEERS = "Compare"
PEERS_WHAT = (
    "Well-known detectors at their usual settings, on the very numbers that the model reads. They "
    "learn from the benign flows of the file's earliest third, on which nothing is judged here: so "
    "the figures are not those of the table above."
)
PEERS_BESIDE_ONE = "Choose at least one detector."
AHEAD = "Recall ahead of the first, points (95 % interval)"
INTERVAL_HELP = (
    "95 % interval of a paired bootstrap over the attacks: where it holds 0, the file cannot tell "
    "the two apart."
)


def lead(difference: float, low: float, high: float) -> str:
    """A lead in recall with its interval, in points of a hundred.

    >>> lead(0.125, 0.02, 0.2), lead(-0.3, -0.4, -0.2), lead(float("nan"), 0.0, 0.0)
    ('+12.5 (+2.0 to +20.0)', '−30.0 (−40.0 to −20.0)', '–')
    """
    if difference != difference:
        return UNDEFINED
    told = [f"{100 * value:+.1f}".replace("-", "−") for value in (difference, low, high)]
    return f"{told[0]} ({told[1]} to {told[2]})"


def peer_rows(result: dict[str, Any]) -> list[dict[str, str]]:
    """The answer of the command, a row a model."""
    rows = []
    for model in result["models"]:
        ahead = model["lead_on_first"].get("recall")
        rows.append(
            {
                "Model": model["name"],
                "Recall": percent(_known(model["recall"])),
                "Recall ahead of the first, points": lead(*map(_known, ahead.values()))
                if ahead
                else UNDEFINED,
                "Precision": percent(_known(model["precision"])),
                "False-alarm rate": percent(_known(model["false_positive_rate"]), 2),
                "ROC AUC": fraction(_known(model["roc_auc"])),
                "Average precision": fraction(_known(model["average_precision"])),
                "Alerts shared with the first": percent(_known(model["overlap"])),
            }
        )
    return rows


def peers_judged(result: dict[str, Any]) -> str:
    """What the figures beside plain detectors are of."""
    return (
        f"{plural(result['flows'], 'flow')} judged, at most "
        f"{plural(result['alerts_each'], 'alert')} each; the others learned from "
        f"{plain(result['peers_fitted_on'])}."
    )


def _known(value: float | None) -> float:
    return float("nan") if value is None else value


def compared(found: Comparison, hours: float | None, labelled: bool) -> str:
    """What the comparison is about, and what it cannot say."""
    said = [f"{plural(found.flows, 'flow')} that all of them scored"]
    if found.left_out:
        said.append(f"{plural(found.left_out, 'flow')} not scored by all are left out")
    said.append(f"at most {plural(found.budget, 'alert')} each")
    text = ", ".join(said) + "."
    if not labelled:
        text += " Without labels nobody can say which alerts are right: only their number shows."
    if hours is None:
        text += " Without times there are no alerts an hour and no incidents."
    return text


def comparison_rows(
    found: Comparison, model_bytes: list[int], leads: tuple[dict[str, Lead], ...] = ()
) -> list[dict[str, str]]:
    """The figures as text, a row a figure and a column a model; rows without any are left out."""

    def row(name: str, cells: list[str]) -> dict[str, str]:
        return {"": name} | {m.name: c for m, c in zip(found.models, cells, strict=True)}

    rates = list(found.models[0].tpr_at_fpr)
    rows = [
        row("Threshold", [number(m.threshold) for m in found.models]),
        row("Alerts", [count(m.alerts) for m in found.models]),
        row("Alerts an hour", [number(m.alerts_per_hour) for m in found.models]),
        row("Overlap of alerts with the first", [percent(m.overlap) for m in found.models]),
        row("Incidents", [count(m.incidents) for m in found.models]),
        row("Incidents a day", [number(m.incidents_per_day) for m in found.models]),
        row("Recall", [percent(m.recall) for m in found.models]),
        *([row(AHEAD, [UNDEFINED, *(_ahead(one) for one in leads)])] if leads else []),
        row("Precision", [percent(m.precision) for m in found.models]),
        row("False-alarm rate", [percent(m.false_positive_rate, 2) for m in found.models]),
        row("ROC AUC", [fraction(m.roc_auc) for m in found.models]),
        row("Average precision", [fraction(m.average_precision) for m in found.models]),
        *(
            row(f"Recall at {percent(rate)} false alarms",
                [percent(m.tpr_at_fpr[rate]) for m in found.models])
            for rate in rates
        ),
        row("Model", [f"{size / 1000:.1f} kB" for size in model_bytes]),
    ]  # fmt: skip
    return [r for r in rows if any(cell != UNDEFINED for name, cell in r.items() if name)]


def _ahead(leads: dict[str, Lead]) -> str:
    found = leads.get("recall")
    return UNDEFINED if found is None else lead(found.difference, found.low, found.high)


def fraction(value: float) -> str:
    """A figure between 0 and 1 with four digits, so that good models can be told apart.

    >>> fraction(0.99874), fraction(float("nan"))
    ('0.9987', '–')
    """
    return UNDEFINED if value != value else f"{value:.4f}"
