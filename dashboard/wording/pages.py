"""What the Overview and Data pages say, and the names and helps of all pages."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dashboard.wording.formats import count, is_undefined, number, percent, plain, plural
from edgeguard_core.pipeline.demo import in_words

TAGLINE = (
    "EdgeGuard learns what is normal on your network, shows which flows are not, and runs "
    "the same small model on an edge box."
)

PAGE_HELP = {
    "overview": "What EdgeGuard does, what to do next, and the latest result.",
    "data": "Give it a capture's flows or a log, see what was understood, learn or score.",
    "train": "Train a model with settings of your own.",
    "threshold": "Drag the alert threshold and see what it catches, misses and costs.",
    "live": "Watch flows as they arrive.",
    "review": "Go through alerts, mark them true or false, report.",
    "pipeline": "Runs, registered models and drift.",
}

STAGES = {
    "read": "Reading the file",
    "train": "Learning",
    "convert": "Converting, comparing",
    "calibrate": "Calibrating",
    "score": "Scoring",
    "rehearse": "Laying attacks in",
    "write": "Writing",
    "done": "Finishing",
}

CARD_LEARN = (
    "Give it a day of flows or a log. In about half a minute it learns what is usual there and "
    "shows what is not."
)
CARD_TUNE = (
    "See what each threshold catches, misses and costs an analyst, kind by kind, before you "
    "decide on one."
)
CARD_COMMAND = "Everything here is a verb of `edgeguard` too, with `--json` for machines."

COMMANDS = "edgeguard train conn.log --out B\nedgeguard score B new.log \\\n    --out scored.csv"

DEMO_BADGE = ":orange-badge[:material/science: Demo, synthesised traffic]"
DEMO_WHAT = "An office's Tuesday with seven attacks, judged by a model of its Monday."
DEMO_TRY = "Opens the sample traffic on the Data page: every scored flow, and why it is odd."
DEMO_BUNDLE = (
    "This bundle is a demo: it learned a synthesised office and knows no real network. For "
    "traffic of yours, learn its normal instead."
)

PRESENT_HELP = (
    "Shows the demo large and without side matters, for an audience. The address then ends in "
    "present=1, so it can be kept as a bookmark."
)
SCORE_AXIS = "score (higher is more anomalous, log scale)"
FLOWS_AXIS = "flows (log scale)"
UNDERSTOOD = "What was understood"
LEARN_OR_SCORE = "Learn or score"
AGAIN = "Learn again, or score with another bundle"
RESULTS = "Results"
CANCELLED = "Cancelled; nothing was left behind."
LEARN = "Learn this file's normal"
SCORE = "Score with a bundle"
NOT_A_TABLE = "It does not look like a table of text either, so its columns cannot be mapped here."
OPTIMISTIC = (
    "The model was learned from benign flows of this same file, so its false alarms here look a "
    "little better than they will on another day."
)
NO_TRAINING = (
    "Learning needs TensorFlow, which is not installed here: "
    "`pip install 'edgeguard[train]'`. Scoring works without it."
)
NO_BUNDLES = "No bundle is at hand yet. Learn this file's normal first, or upload a bundle (.zip)."
NO_FILE = (
    "Nothing is uploaded yet. Any of these will do: Zeek `conn.log` (TSV, JSON or CSV), Argus "
    "binetflow, nfdump (text, CSV or its own files), Suricata EVE, NFStream (CSV or Parquet), "
    "CICFlowMeter CSV, UNSW-NB15, NSL-KDD, plain or as `.gz` or `.zst`. The format is told by "
    "content, not by name. Any other CSV or Parquet table can be mapped by hand."
)


def verdict(summary: Any) -> str:
    """What the scored file says, in a sentence or two (a ``results.Counts``)."""
    if not summary.flows:
        return "No flow was scored."
    said = [
        f"**{plural(summary.alerts, 'alert')}** among {plural(summary.flows, 'flow')} "
        f"({percent(summary.alerts / summary.flows)})."
    ]
    if summary.attacks:
        said.append(
            f"Caught: **{percent(summary.recall)}** of the attack flows "
            f"({count(summary.caught)} of {count(summary.attacks)})."
        )
    if summary.benign:
        said.append(
            f"False alarms: **{percent(summary.false_alarm_rate, 2)}** of the benign flows "
            f"({count(summary.false_alarms)} of {count(summary.benign)})."
        )
    if not summary.has_labels:
        said.append("The file has no labels, so nothing can be said about what was missed.")
    return " ".join(said)


def demo_verdict(done: Any) -> str:
    """What the demo shows, in two sentences (a ``pipeline.demo.Demonstration``)."""
    found = done.evaluation
    benign = found.flows - found.attacks - found.unlabelled
    said = (
        f"**{percent(found.recall)}** of the attack flows are caught, and "
        f"**{percent(found.false_positive_rate, 2)}** of the benign flows alert falsely "
        f"({count(round(found.false_positive_rate * benign))} of {count(benign)}). "
        f"{plural(found.alerts, 'alert')} make **{plural(done.incidents, 'incident')}** to look at."
    )
    if found.promise is not None and found.promise.breached:
        said += (
            f" {percent(found.promise.promised)} false alarms were promised: Tuesday is not quite "
            "like Monday, and the audit says so."
        )
    return said


def demo_provenance(done: Any) -> str:
    """What it took, and what it was made of."""
    return (
        f"{threshold_sentence(done.threshold)} Nothing was trained for this, and nothing left "
        f"this machine: {count(done.evaluation.flows)} flows took {number(done.seconds)} s."
    )


def episode(found: Any) -> str:
    """The heading of what one host did within an hour (a ``pipeline.demo.Episode``)."""
    when = datetime.fromtimestamp(found.begins_ms / 1000, UTC).strftime("%H:%M")
    benign = found.truth == "benign"
    name = "false alarm" if benign else in_words(found.truth)
    colour = "gray" if benign else "red"
    return (
        f":{colour}-badge[{name}] **{when}** · host {plain(found.host)} · "
        f"{plural(found.alerts, 'alert')} · severity {found.explanation.severity}"
    )


def unknown_network(summary: Any) -> str:
    """The banner when too many unlabelled flows alert."""
    return (
        f"{percent(summary.unlabelled_alerts / summary.unlabelled)} of the unlabelled flows alert. "
        "That is more than attacks usually make: this bundle probably does not know this "
        "network. Learn this file's normal instead."
    )


def card_score(bundles: int) -> str:
    """What the card about scoring says; the demo does not count.

    >>> card_score(1)
    'A bundle is a model with its threshold. 1 bundle is at hand; you can upload one, too.'
    """
    if not bundles:
        at_hand = "None of your own is at hand yet"
    else:
        at_hand = f"{plural(bundles, 'bundle')} {'is' if bundles == 1 else 'are'} at hand"
    return f"A bundle is a model with its threshold. {at_hand}; you can upload one, too."


def kept_promise(audit: Any) -> str:
    """What is said where no more benign flows alert than chance explains."""
    return (
        f"{percent(audit.promised, 2)} false alarms were promised, {percent(audit.realised, 2)} "
        f"came (95 % interval {percent(audit.low, 2)} to {percent(audit.high, 2)}): "
        "the promise is kept."
    )


def broken_promise(audit: Any) -> str:
    """What is said where more benign flows alert than was promised."""
    return (
        f"{percent(audit.promised, 2)} false alarms were promised, "
        f"{percent(audit.realised, 2)} came (95 % interval {percent(audit.low, 2)} to "
        f"{percent(audit.high, 2)}): these flows differ "
        "from those the threshold was calibrated on. Learn this file's normal, or calibrate here "
        "with `edgeguard threshold BUNDLE --calibrate FILE`."
    )


def unexpected(log: Path) -> str:
    """What is said of a bug."""
    return (
        f"Something went wrong that should not have. Nothing was changed; the details are in {log}."
    )


def read_in_short(found: dict[str, Any]) -> str:
    """The inspection in a line.

    >>> read_in_short({"schema": "flow", "rows": 1200, "accepted": 1198, "rejected": {"x": 2}})
    'What was understood: flow, 1,198 rows accepted, 2 rejected'
    """
    rejected = sum((found.get("rejected") or {}).values())
    return (
        f"What was understood: {found.get('schema')}, {count(found.get('accepted'))} rows "
        f"accepted, {count(rejected)} rejected"
    )


def skipped(events: dict[str, int]) -> str:
    """What a log holds beside flows.

    >>> skipped({"alert": 745, "dns": 1})
    'Also in the file, and no flows: 745 alert, 1 dns.'
    """
    listed = ", ".join(f"{count(n)} {plain(str(name))}" for name, n in events.items())
    return f"Also in the file, and no flows: {listed}."


def lint_title(findings: int) -> str:
    """How many things are odd.

    >>> lint_title(1), lint_title(12)
    ('1 thing is odd in this file', '12 things are odd in this file')
    """
    return f"{plural(findings, 'thing')} {'is' if findings == 1 else 'are'} odd in this file"


def by_rule(findings: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The findings of each rule together, in the order in which rules come first.

    >>> [(rule, len(ones)) for rule, ones in by_rule([{"rule": r} for r in "aba"])]
    [('a', 2), ('b', 1)]
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for finding in findings:
        groups.setdefault(str(finding["rule"]), []).append(finding)
    return list(groups.items())


def job_failed(error: str | None, log: Path, given: Any) -> str:
    """What is said of a job that failed; a file is called as the visitor calls it."""
    if error:
        named = error.replace(str(given.path), given.name)
        return named.replace("give --schema FILE that says", "say below")
    return f"This stopped with an error that should not have happened; the details are in {log}."


def stage(name: str) -> str:
    """A step's name for people.

    >>> stage("train"), stage("")
    ('Learning', 'Starting')
    """
    return STAGES.get(name, name.capitalize() or "Starting")


def threshold_sentence(threshold: dict[str, Any] | None) -> str:
    """Which threshold was used and where it comes from."""
    if not threshold or is_undefined(threshold.get("value")):
        return ""
    said = f"Threshold {number(threshold['value'])}"
    if threshold.get("method"):
        said += f", chosen by {threshold['method']}"
    # Of other methods the target is a score, a share of attacks or alerts an hour.
    if threshold.get("method") == "conformal" and not is_undefined(threshold.get("target")):
        said += f" for {percent(threshold['target'], 2)} false alarms"
    if threshold.get("calibrated_on"):
        said += f", calibrated on {threshold['calibrated_on']}"
    if threshold.get("set_at"):
        said += f", set at {threshold['set_at']}"
    if str(threshold.get("origin") or "bundle") != "bundle":
        said += f"; it was made here ({threshold['origin']}) and wins over the bundle's own"
    return said + "."


NOTHING_SCORED = (
    "Nothing is scored yet, and the demo is not here. Upload a file on **Data** and learn its "
    "normal or score it; what comes out opens here."
)


def context_chip(evaluated: Any, force: Any, threshold: Any) -> str:
    """The threshold a page looks through, what it does there, and where it comes from.

    Of an ``evaluations.Evaluated``, the ``InForce`` there, and the threshold.
    """
    counts = evaluated.counts(threshold)
    rate = counts.alerts / evaluated.hours if evaluated.hours else None
    said = f"θ {number(threshold.value)} · {plural(counts.alerts, 'alert')}"
    if rate is not None:
        said += f" · {number(rate)} an hour"
    tried = threshold is not force.threshold
    colour, origin = ("orange", "tried, not saved") if tried else ("blue", "in force")
    badge = f":{colour}-badge[{said} · {origin}]"
    return f"{DEMO_BADGE} {badge}" if evaluated.reference.is_demo else badge
