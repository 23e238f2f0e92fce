"""What the Review page says: triage, compare, report."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from dashboard.wording.formats import UNDEFINED, count, number, percent, plain, plural
from edgeguard_core.detection.queue import Standing
from edgeguard_core.detection.retune import MOST_QUIET_SAMPLES, Retune
from edgeguard_core.detection.review import Deed, Verdict

TRIAGE, COMPARE, REPORT = "Triage", "Compare", "Report"
PARTS = (TRIAGE, COMPARE, REPORT)

QUEUE_HELP = "Raised incidents, grouped by host and cause; the highest score first."
BY_CAUSE_ALONE = (
    "Grouped by cause alone: these flows have no times or no hosts, so there are no incidents and "
    "every alert counts. Flows with times and addresses are grouped by host and ten minutes too."
)
NO_ALERTS = (
    "Nothing alerts at this threshold, so there is nothing to triage. Lower it on **Threshold** "
    "to see what lies just below."
)
NO_INCIDENTS = (
    "No incident is raised at this threshold. Single alerts call nobody; to go through them all "
    "the same, switch on **Alerts without an incident**."
)
ALL_HIDDEN = "Everything in the queue is hidden by the filters above."
SELECT_A_GROUP = "Select a row to see its worst flows, why they are odd, and to decide."
LONE_HELP = (
    "One or two odd flows of a host within ten minutes raise no incident, unless one is as odd as "
    "the scale goes."
)
DECIDE_HELP = (
    "With nothing selected in the table above, a verdict decides every alert of the group; select "
    "flows to decide only those. Keys: 1 true, 2 false, 3 known benign, U undo, J next, K previous."
)
NO_ACTOR = "Write your name first: the log keeps who decided."
ACTOR = "Your name"
REASON = "Reason (optional)"
REASON_HINT = "such as: backup to the new server"
HISTORY = "History: every verdict and exclusion, nothing is ever changed or deleted"
NO_HISTORY = "Nothing has been decided yet."
NO_VERDICTS = (
    "Nothing is decided yet. Each verdict keeps who, when and why; a handful of true and false "
    "ones tell which threshold would have spared you the false ones, and they go into the report."
)

VERDICT_LABELS = {
    Verdict.TRUE: "True positive",
    Verdict.FALSE: "False positive",
    Verdict.KNOWN: "Known benign",
    Verdict.WITHDRAWN: "Undo",
}
_STANDING_LABELS = {
    Standing.OPEN: "○ open",
    Standing.PARTLY: "◐ partly decided",
    Standing.TRUE: "● true positive",
    Standing.FALSE: "● false positive",
    Standing.KNOWN: "● known benign",
    Standing.MIXED: "● mixed",
}

EXCLUDE = "Exclude alerts like this"
EXCLUDE_HELP = (
    "Hides matching alerts from this queue until it expires. Scores, metrics and thresholds do not "
    "change, and **Threshold** goes on counting them."
)
EXCLUDE_REASON = "Why it is harmless"
REASON_MISSING = "Write down why it is harmless first."
NO_EXCLUSIONS = "Nothing is excluded. Select a group above to exclude alerts like it."
CONDITION_LABELS = {
    "host": "Host",
    "src_ip": "Source",
    "dst_ip": "Destination",
    "dst_port": "Destination port",
    "protocol": "Protocol number",
    "cause": "Cause",
    "service": "Service",
}
CONDITION_HELP = "An address or a network such as 10.0.0.0/8; empty asks for nothing."

RETUNE = "What your verdicts would change"
RETUNE_REASONS = {
    "few": "Decide at least five alerts, one of them true, to see which threshold spares the "
    "false ones.",
    "none false": "None of the decided alerts is false, so there is nothing a threshold could "
    "spare you.",
    "none true": "None of the decided alerts is true. A threshold above all false ones might lose "
    "every attack; mark a true one first.",
    "inseparable": "Every false alert scores at least as high as the lowest true one: no "
    "threshold tells them apart. Exclude them, or train with such traffic.",
}
BIASED = (
    "You judge what alerts, so this estimates precision and nothing else: what the threshold "
    "misses, no alert can tell. Judge some random flows below it to learn about recall."
)
NEVER_APPLIED = "Nothing changes until you save a threshold on **Threshold**."
TRY_IT = "Open it in the Studio"
HAND_ON_TITLE = "Teach the next model"
HAND_ON = "Use these verdicts in the next training"
HAND_ON_WHAT = (
    "Writes the verdicts on this file to a feedback file in the work folder; a run of the pipeline "
    "that names it learns known-benign flows, holds false positives as benign and never learns "
    "true positives. Nothing is trained now."
)
HAND_ON_GONE = "The judged file is gone, so nobody could tell which flows these verdicts are about."
TO_PIPELINE = "Start a run on Pipeline"
QUIET = f"Judge {MOST_QUIET_SAMPLES} random flows below the threshold"
QUIET_HELP = "Drawn once for this file and threshold. Select flows, then decide."


def standing(word: str) -> str:
    """How far a group is decided, as the queue shows it.

    >>> standing("known benign")
    '● known benign'
    """
    return _STANDING_LABELS[Standing(word)]


def verdict(code_word: str) -> str:
    """A verdict out of the log as the screen names it; other deeds as they are.

    >>> verdict("false"), verdict("withdrawn"), verdict("excluded")
    ('False positive', 'Withdrawn', 'Excluded')
    """
    if code_word in (Verdict.TRUE, Verdict.FALSE, Verdict.KNOWN):
        return VERDICT_LABELS[Verdict(code_word)]
    return code_word.capitalize()


def group_name(host: str, cause: str) -> str:
    """A group in words.

    >>> group_name("10.0.0.7", "volume"), group_name("", "volume")
    ('10.0.0.7 · volume', 'volume')
    """
    return " · ".join(part for part in (host, cause or "no cause") if part)


def progress(decided: int, groups: int, decided_alerts: int, alerts: int) -> str:
    """How far the queue is.

    >>> progress(2, 23, 40, 1616)
    '2 of 23 groups decided · 40 of 1,616 alerts'
    """
    return (
        f"{count(decided)} of {plural(groups, 'group')} decided · "
        f"{count(decided_alerts)} of {plural(alerts, 'alert')}"
    )


def not_shown(decided: int, excluded: int, lone: int, left_out: int) -> str:
    """What the queue holds back, each with its count; empty where it shows all."""
    said = []
    if decided:
        said.append(f"{plural(decided, 'decided group')} hidden")
    if excluded:
        said.append(f"{plural(excluded, 'alert')} hidden by exclusions")
    if lone:
        said.append(f"{plural(lone, 'alert')} {'raises' if lone == 1 else 'raise'} no incident")
    if left_out:
        said.append(f"{plural(left_out, 'group')} with lower scores not listed")
    return " · ".join(said) + "." if said else ""


def blast_radius(alerts: int, windows: int, chosen: int) -> str:
    """What a verdict decides, said before it is given.

    >>> blast_radius(214, 9, 0), blast_radius(214, 9, 1)
    ('A verdict here decides all 214 alerts in 9 windows.', 'A verdict here decides the 1 selected flow.')
    """  # noqa: E501
    if chosen:
        return f"A verdict here decides the {plural(chosen, 'selected flow')}."
    where = f" in {plural(windows, 'window')}" if windows else ""
    if alerts == 1:
        return f"A verdict here decides 1 alert{where}."
    return f"A verdict here decides all {plural(alerts, 'alert')}{where}."


def judged(verdict: Verdict, flows: int, about: str) -> str:
    """What was just decided."""
    if verdict is Verdict.WITHDRAWN:
        return f"Undone: {plural(flows, 'flow')} of {plain(about)} undecided again."
    return f"{plural(flows, 'flow')} of {plain(about)}: {VERDICT_LABELS[verdict].lower()}."


def exclusion_effect(alerts: int, attacks: int, flows: int, labelled: bool) -> str:
    """What an exclusion would hide now."""
    if not alerts:
        rest = f" ({plural(flows, 'quiet flow')} match)" if flows else ""
        return f"Hides no alert now{rest}."
    if not labelled:
        return f"Would hide {plural(alerts, 'alert')}."
    if not attacks:
        return f"Would hide {plural(alerts, 'alert')}, none of them labelled attack."
    return f"Would hide {plural(alerts, 'alert')}, **{count(attacks)} of them labelled attack**."


def history_line(deed: Deed) -> dict[str, Any]:
    """One deed as a row of the history."""
    return {
        "When": deed.at,
        "Who": deed.actor,
        "What": verdict(deed.what),
        "Flows": deed.flows or None,
        "Over": deed.about,
        "Reason": deed.reason,
    }


def retune_sentence(found: Retune) -> str:
    """What the suggested threshold would spare, in one sentence."""
    if found.candidate is None:
        return RETUNE_REASONS[found.reason]
    said = [plural(found.now.false, "false verdict")] if found.now.false else []
    if found.now.known:
        said.append(f"{found.now.known:,} known benign")
    kept = "the 1 true one" if found.now.true == 1 else f"all {count(found.now.true)} true ones"
    return (
        f"With your {' and '.join(said)}, θ {number(found.candidate.threshold)} keeps {kept} and "
        f"removes **{count(found.removed)}**."
    )


def handed_on(path: Path, counts: Mapping[str, int], is_current: bool) -> str:
    """Where the verdicts were written, and whether they are still the same.

    >>> handed_on(Path("w/a.feedback.jsonl"), {"true": 1, "false": 0}, True)
    'Written to `w/a.feedback.jsonl`: 1 true, 0 false. Name it, and the judged file under `data`:'
    """
    counted = ", ".join(f"{count(number_)} {word}" for word, number_ in counts.items())
    stale = "" if is_current else " **Verdicts changed since; write it again.**"
    return (
        f"Written to `{plain(str(path))}`: {counted}.{stale} Name it, and the judged file under "
        "`data`:"
    )


def feedback_config(files: Sequence[str]) -> str:
    """The part of a config that uses some feedback files.

    >>> print(feedback_config(["a.feedback.jsonl"]))
    feedback:
      files:
        - "a.feedback.jsonl"
    """
    named = "\n".join(f"    - {json.dumps(name, ensure_ascii=False)}" for name in files)
    return f"feedback:\n  files:\n{named}"


def attacks_lost(found: Retune) -> str:
    """What labels say about a suggested threshold; empty without any loss."""
    if not found.attacks_lost:
        return ""
    return (
        f"By the labels it would also lose {plural(found.attacks_lost, 'attack flow')} that nobody "
        "has judged yet."
    )


def judged_below(judged: int, true: int, low: float, high: float) -> str:
    """What judged flows below the threshold say about recall."""
    if not judged:
        return "None of them is judged yet."
    return (
        f"Of {count(judged)} judged, {count(true)} should have alerted: {percent(true / judged)} "
        f"of what lies below (95 % interval {percent(low)} to {percent(high)})."
    )


def exclusion_row(state: str, expires: datetime) -> str:
    """Whether an exclusion runs, and until when."""
    if state == "active":
        return f"until {expires.date().isoformat()}"
    return state


def ratio(value: float) -> str:
    """How far above the threshold a score lies.

    >>> ratio(12.44), ratio(float("nan"))
    ('12.4 ×', '–')
    """
    return UNDEFINED if value != value else f"{value:,.1f} ×"


REPORT_WHAT = (
    "One page of HTML that needs nothing else (it also prints), and the same as JSON. Made of "
    "counts and of the worst incidents; versions, hashes and limitations are always in it."
)
SECTION_LABELS = {
    "summary": "Summary",
    "threshold": "Threshold and promise",
    "distribution": "Scores",
    "classes": "Recall by class",
    "synthetic": "Synthetic attacks",
    "incidents": "Incidents",
    "verdicts": "Verdicts",
    "exclusions": "Exclusions",
    "model": "Model and data",
}
MAKE_REPORT = "Make the report"
NO_REPORT = "No report made yet. Choose what goes in, then make it; nothing leaves this machine."
PSEUDONYMS = "Replace addresses by pseudonyms"
PSEUDONYMS_HELP = (
    "Each address becomes a keyed hash (HMAC-SHA256), also inside sentences, file and class names. "
    "Who has the key can tell whether a pseudonym is an address they know; nobody else can."
)
PSEUDONYM_KEY = "Key"
PSEUDONYM_KEY_HELP = "Made for this visit; put your own here to get the same names as last time."
PSEUDONYM_KEY_SHORT = "Give a key of at least 8 characters."
PSEUDONYM_KEY_KEEP = (
    "Keep the key if later reports should use the same names: it is not stored and not in the "
    "report."
)
PSEUDONYMS_IN = "Addresses are replaced by pseudonyms."
ADDRESSES_IN = "It names addresses: mind whom you give it to."
STALE_REPORT = "Made of another evaluation or at another threshold than the bar above shows."
OTHER_REPORT = "Made with other choices than those above; make it again to apply them."
NO_SENTENCES = "The report names no reasons, for the model could not be asked."
