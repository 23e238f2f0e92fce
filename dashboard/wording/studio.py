"""What the Threshold Studio says."""

from typing import Any

from dashboard.wording.formats import count, plural


def notes(sketch: Any, *, labelled: bool, incidents: Any) -> list[dict[str, str | None]]:
    """What must be known about these flows before their figures are read.

    A note with ``until`` goes away when that becomes known.
    """
    said: list[dict[str, str | None]] = []

    def add(kind: str, text: str, until: str | None = None) -> None:
        said.append({"kind": kind, "text": text, "until": until})

    total = int(sketch.n.sum())
    if sketch.n_nan:
        add("warning", f"{plural(sketch.n_nan, 'score')} {'is' if sketch.n_nan == 1 else 'are'} "
            "not a number and count nowhere here: score the file again.")  # fmt: skip
    if all_equal(sketch):
        add("warning", f"All {count(total)} flows have the same score, so a threshold has nothing "
            "to tell apart: either every flow alerts or none does.")  # fmt: skip
    if not labelled:
        add("info", "These flows have no labels. All are taken as benign: percentile, alert rate "
            "and alerts are right, what is caught or missed cannot be known.")  # fmt: skip
    elif not sketch.n_attacks:
        add("info", "None of the labelled flows is an attack, so precision and recall cannot be "
            "known. Score a file with attacks to see them.")  # fmt: skip
    elif not sketch.n_benign:
        add("info", "None of the labelled flows is benign, so precision and false alarms cannot "
            "be known. Score a file with benign flows to see them.")  # fmt: skip
    if not sketch.duration_hours:
        add("info", "These flows carry no time. Say below how many flows an hour brings, and alerts "
            "per hour appear; incidents need times and hosts, so they stay hidden.", "time")  # fmt: skip
    elif incidents is None:
        add("info", "Incidents are not counted for these flows: they need the hosts of each flow "
            "beside its time.")  # fmt: skip
    return said


def no_curves(sketch: Any, *, labelled: bool) -> str:
    """Why there is no curve."""
    if not labelled:
        return "PR, ROC, DET and cost curves need labels, and these flows have none."
    missing = "attack" if not sketch.n_attacks else "benign flow"
    return f"PR, ROC, DET and cost curves compare attacks with benign flows; there is no {missing}."


def all_equal(sketch: Any) -> bool:
    """Whether every score is the same."""
    return bool(sketch.complete and sketch.edges.size <= 2 and sketch.n.sum() > 1)
