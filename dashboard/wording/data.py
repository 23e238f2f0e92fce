"""What the Data page says beside what all pages do: verdicts anew, times, hosts, calibration."""

import re
from datetime import UTC, datetime
from typing import Any

from dashboard.wording.formats import count, number, percent, plain, plural

SAMPLE_CAPTION = (
    "Not sure what a file may look like? This one has a header, one flow a line, and a label that "
    "may be left out."
)
OPEN_STUDIO = "Open in the Studio"
REVIEW = "Review its alerts"
NO_TIMES = (
    "No alerts over time: the file tells no times. Export it with the time of each flow "
    "(`Timestamp` of CICFlowMeter, `ts` of Zeek, `StartTime` of Argus), and they are drawn here."
)
NO_ALERTS_IN_TIME = "No flow with a time alerts at this threshold, so there is nothing to draw."
NO_HOSTS = (
    "No hosts: the file tells no addresses. Export it with the addresses of both ends, and the "
    "hosts with most alerts are listed here."
)
NO_HOST_ALERTS = "No flow with an address alerts at this threshold."
TIMELINE_ALT = "Alerts over time: caught and unlabelled above the line, false alarms below it"
CALIBRATE = "Calibrate on this file"
CALIBRATE_WHAT = (
    "The model stays as it is. Its threshold is set anew, so that of the benign flows here no more "
    "than the promised share alerts; severity is measured against them. It is kept as a new "
    "version beside the bundle, and the file is scored again."
)
CALIBRATE_UNLABELLED = (
    "The file has no labels, so **every flow in it is taken as benign**. An attack in it would "
    "pass as normal, and so would the next one like it. Do this only with a file that you believe "
    "to be clean; otherwise learn a quiet day of this network."
)
CALIBRATE_LABELLED = (
    "Only the flows labelled benign are calibrated on; attacks and unlabelled flows are left out."
)
CALIBRATE_ASKED = "Calibrated in the dashboard, because too many flows alerted here"
LEARN_INSTEAD_BUSY = "Another file is being learned right now; this one can follow."
BUNDLE_GONE = (
    "The bundle of these scores is gone or damaged, so they are judged by the threshold they were "
    "scored with, and no other can be set. "
)
FILE_GONE = (
    "The file this page was opened with is not there any more: it was forgotten here, or deleted "
    "from the work folder. Choose another."
)
MAP_CAPTION = (
    "A column that means nothing here stays empty and is left out. What follows from others "
    "(services, rates, directions) is computed."
)
MAP_FACTOR_HELP = (
    "The file's numbers are multiplied with this. Guessed from the title: 1000 where a duration in "
    "seconds shall be one in ms, 0.001 where it is in microseconds."
)


def unknown_network(counted: Any) -> str:
    """The banner when too many unlabelled flows alert (a ``results.Counts``)."""
    return (
        f"**This bundle does not know this network.** "
        f"{percent(counted.unlabelled_alerts / counted.unlabelled)} of the unlabelled flows alert, "
        "more than attacks usually make. Two ways on: calibrate its threshold here, or learn what "
        "is normal here."
    )


def judged_anew(scored: dict[str, Any] | None, value: float, origin: str, tried: bool) -> str:
    """What is said where the file was scored at another threshold than the page shows; or ''.

    Parameters
    ----------
    scored
        The threshold that ``score`` told, if it did.
    value, origin
        The threshold the page looks through, and where the one in force comes from.
    tried
        Whether it is only tried.

    Examples
    --------
    >>> judged_anew({"value": 2.0}, 2.0, "bundle", False)
    ''
    """
    at = None if scored is None else scored.get("value")
    if at is None or float(at) == float(value):
        return ""
    where = "in force now" if origin == "bundle" else f"in force now ({origin}, made here)"
    where = "that you try" if tried else where
    return (
        f"Scored at threshold {number(float(at))}; everything here is judged anew at "
        f"{number(value)}, the one {where}. Exports are, too."
    )


def version(force: Any) -> str:
    """Who set the threshold in force, when and why (an ``evaluations.InForce``); '' for a bundle's.

    >>> from types import SimpleNamespace as N
    >>> version(N(origin="bundle", versions=()))
    ''
    """
    for made in force.versions:
        if made.origin == force.origin:
            why = f": {plain(made.why)}" if made.why else ""
            return f"Set by {plain(made.who)} on {made.when.astimezone(UTC):%Y-%m-%d %H:%M}{why}."
    return ""


def width(seconds: int) -> str:
    """A bin's width for people.

    >>> width(1), width(300), width(86_400)
    ('a second', '5 minutes', 'a day')
    """
    for size, noun in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds % size == 0:
            n = seconds // size
            if n == 1:
                return f"an {noun}" if noun == "hour" else f"a {noun}"
            return f"{n} {noun}s"
    return f"{seconds} seconds"


def timeline_caption(times: Any) -> str:
    """From when to when, and how wide a bar is (a ``judged.Timeline``)."""
    first, last = (
        datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        for at in (times.first_ms, times.last_ms)
    )
    return f"{first} to {last} (UTC); a bar is {width(times.width_s)}."


def mapping_checked(rows: int, accepted: int, rejected: dict[str, int], features: int) -> str:
    """What came of a mapping on the first rows.

    >>> mapping_checked(1000, 990, {"not a number": 10}, 12)
    'Of the first 1,000 rows 990 would be accepted. Rejected: not a number: 10. 12 features.'
    """
    why = " · ".join(f"{plain(rule)}: {count(n)}" for rule, n in rejected.items())
    said = f"Of the first {plural(rows, 'row')} {count(accepted)} would be accepted."
    if why:
        said += f" Rejected: {why}."
    return f"{said} {plural(features, 'feature')}."


def server_files_found(shown: int, found: int, more: bool) -> str:
    """How many files of the server's folder are listed.

    >>> server_files_found(500, 500, True)
    'The first 500 files are listed; type a part of the name to find others.'
    >>> server_files_found(3, 3, False)
    '3 files.'
    """
    if more:
        return f"The first {count(shown)} files are listed; type a part of the name to find others."
    return f"{plural(found, 'file')}."


def first_rows(seen: Any) -> str:
    """What the first rows were taken for (a ``first_look.FirstLook``)."""
    return (
        f"**The first {plural(seen.rows, 'row')}**: {plain(seen.format)}, read as "
        f"{plain(seen.schema)}, {count(seen.accepted)} accepted, "
        f"{count(seen.rows - seen.accepted)} rejected. The rest is being read."
    )


def rejected_so_far(rules: dict[str, int]) -> str:
    """Why rows were rejected.

    >>> rejected_so_far({"below minimum": 2})
    'Rejected so far: below minimum: 2.'
    """
    said = " · ".join(f"{plain(rule)}: {count(n)}" for rule, n in rules.items())
    return f"Rejected so far: {said}."


def title_twice(title: str) -> str:
    """What is said of a header with the same title in two places."""
    return (
        f"The title {plain(title)!r} stands more than once in the header, so only the first of its "
        "columns can be mapped; give the others names of their own."
    )


def labels_found(labels: dict[str, int]) -> str:
    """The classes that a label column would give.

    >>> labels_found({"benign": 990, "Bot": 10}), labels_found({"unlabelled": 5})
    ('Labels: benign 990, Bot 10.', 'No label: every row would be unlabelled.')
    """
    if not labels or set(labels) == {"unlabelled"}:
        return "No label: every row would be unlabelled."
    shown = [f"{plain(str(name))} {count(n)}" for name, n in list(labels.items())[:12]]
    return f"Labels: {', '.join(shown)}."


def called(sentence: str, given: Any) -> str:
    """A sentence of ours in which the file is called as its visitor calls it."""
    return re.sub(r"\S*/" + re.escape(given.path.name), lambda _: given.name, sentence)
