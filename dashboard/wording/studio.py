"""What the Threshold Studio says."""

from typing import Any

from dashboard.wording.formats import count, number, plain, plural

NO_TIME = (
    "These flows carry no time. Say below how many flows an hour brings, and alerts per hour "
    "appear; incidents need times and hosts, so they stay hidden."
)


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
        add("info", NO_TIME, "time")
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


NO_FLOWS = "This evaluation holds no flow, so there is no threshold to set. Score a file first."
NEAR = "A small move of the line would decide these otherwise; the nearest stand first."
NONE_ABOVE = "No flow alerts at this threshold."
NONE_BELOW = "Every flow alerts at this threshold."
SAVE = (
    "Writes a new version beside the bundle, which alerts by it from then on; the bundle itself "
    "and earlier versions stay as they are."
)
REASON = "why this threshold, for those who come after"
AUTHOR = "your name"
NOTHING_TO_SAVE = "The threshold in force is the one shown: move the line first."
INCOMPLETE = "A policy needs a reason and an author: give both."
LINK = "Opens this evaluation at this threshold for whoever can reach this dashboard."
NO_VERSIONS = "None yet: the bundle alerts by the threshold that it shipped with."

_METHODS = {
    "alerts_per_hour": "alerts per hour ≤ {}",
    "false_alarms_at_most": "false-alarm rate ≤ {}",
    "incidents_per_day": "incidents per day ≤ {}",
    "max_f_beta": "best F, beta {}",
    "min_cost": "lowest cost, a miss {} times a false alarm",
    "percentile": "percentile {} of benign",
    "precision_at_least": "precision ≥ {}",
    "recall_at_least": "recall ≥ {}",
    "conformal": "promised false-alarm rate {}",
}


def method(threshold: Any) -> str:
    """How a threshold was chosen (a ``Threshold``)."""
    said = _METHODS.get(threshold.method)
    if said is None or threshold.target is None:
        return "by hand" if threshold.method == "fixed" else threshold.method.replace("_", " ")
    return said.format(number(threshold.target))


def on_what(evaluated: Any) -> str:
    """What a policy was chosen on (an ``evaluations.Evaluated``)."""
    return f"the {count(len(evaluated))} flows of {evaluated.reference.title}"


def already_in_force(origin: str) -> str:
    """What is said where there is nothing to save."""
    where = "shipped with the bundle" if origin == "bundle" else f"was saved here ({origin})"
    return f"The threshold shown is the one in force; it {where}. Move the line to save another."


def saved(value: float, origin: str) -> str:
    """What is said after a policy was saved."""
    return f"Saved: {number(value)} is in force from now on ({origin})."


def nothing_changed(name: str) -> str:
    """What is said where both are one.

    >>> nothing_changed("the pinned threshold")
    'This is the pinned threshold; move the line to see what that would change.'
    """
    return f"This is {name}; move the line to see what that would change."


def change(found: Any, name: str, before: float, *, labelled: bool) -> str:
    """The difference to another threshold in words (a ``tuning.Change``)."""
    against = f"Against {name} ({number(before)}):"
    if not found.alerts:
        return f"{against} the same alerts."
    said = (
        f"{against} **{_signed(found.alerts)} {'alert' if abs(found.alerts) == 1 else 'alerts'}**"
    )
    if labelled:
        parts = [
            (part, word)
            for part, word in (
                (found.benign, "benign"),
                (found.attack, "attack"),
                (found.unlabelled, "unlabelled"),
            )
            if part
        ]
        if len(parts) == 1:
            said += f", all {parts[0][1]}"
        else:
            said += ", of which " + ", ".join(f"{count(abs(n))} {word}" for n, word in parts)
    if found.incidents:
        noun = "incident" if abs(found.incidents) == 1 else "incidents"
        said += f"; **{_signed(found.incidents)} {noun}**"
    return f"{said}."


def newly_missed(classes: dict[str, int]) -> str:
    """Attack classes that no alert is left of."""
    return f"Missed altogether now: {_listed(classes, 'had')}."


def newly_found(classes: dict[str, int]) -> str:
    """Attack classes that have alerts now."""
    return f"Seen for the first time: {_listed(classes, 'has')}."


def _listed(classes: dict[str, int], verb: str) -> str:
    return ", ".join(f"{plain(name)} ({verb} {plural(n, 'alert')})" for name, n in classes.items())


def _signed(n: int) -> str:
    return f"{'+' if n > 0 else '−'}{count(abs(n))}"
