"""A report as one page of HTML that needs nothing else, from aggregates alone.

``plain`` makes a document strict JSON of bounded size, ``page`` draws that document: so the page
and its JSON twin cannot disagree. All texts are escaped; nothing is fetched, nothing runs.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from edgeguard_core.evaluation import report_charts as charts
from edgeguard_core.evaluation.report_markup import (
    UNDEFINED,
    Html,
    count,
    element,
    facts,
    joined,
    number,
    percent,
    table,
)
from edgeguard_core.evaluation.report_style import STYLE

SECTIONS: Final = (
    "summary", "threshold", "distribution", "classes", "synthetic", "incidents", "verdicts",
    "exclusions", "model",
)  # fmt: skip
"""What can be chosen; provenance of the flows and the limitations are always there."""

MOST_BYTES: Final = 2_000_000
MOST_CLASSES: Final = 200
MOST_INCIDENTS: Final = 50
MOST_EXCLUSIONS: Final = 100
LONGEST_TEXT: Final = 400
_MOST_ITEMS: Final = 500

Document = Mapping[str, Any]


def plain(value: Any) -> Any:
    """The same document in the types of strict JSON: undefined is None, texts and lists bounded.

    Characters that nobody can see, or that no file can hold, become a question mark in a box.

    >>> plain({"a": float("nan"), "b": (1, "x" * 900)})["b"][1][-3:]
    'xx…'
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        items = list(value.items())[:_MOST_ITEMS]
        return {_text(str(key)): plain(item) for key, item in items}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value[:_MOST_ITEMS]]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _text(str(value))


def page(document: Document) -> str:
    """The document as one HTML page, below 2 MB for whatever ``plain`` let through.

    >>> page(plain({"title": "<b>", "source": {}, "limitations": []}))[:15]
    '<!DOCTYPE html>'
    """
    parts = [_PARTS[name](document[name]) for name in SECTIONS if document.get(name) is not None]
    title = str(document.get("title", "Report"))
    body = element(
        "main",
        element("h1", title),
        element("p", _made(document), class_="quiet"),
        parts,
        _source(document.get("source") or {}),
        _limitations(document.get("limitations") or []),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy",
                content="default-src 'none'; style-src 'unsafe-inline'"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Html(STYLE)),
    )  # fmt: skip
    return f"<!DOCTYPE html>\n{element('html', head, element('body', body), lang='en')}\n"


def _made(document: Document) -> str:
    said = f"EdgeGuard {document.get('edgeguard_version', '')}, {document.get('created', '')}"
    if document.get("pseudonyms"):
        said += ". Addresses are replaced by keyed hashes: the same key gives the same names."
    return said


def _summary(summary: Document) -> Html:
    cards = [
        ("Flows", count(summary.get("flows"))),
        ("Alerts", count(summary.get("alerts"))),
        ("Alerts an hour", number(summary.get("alerts_per_hour"))),
        ("Incidents", count(summary.get("incidents"))),
        ("Incidents a day", number(summary.get("incidents_per_day"))),
        ("Recall", percent(summary.get("recall"))),
        ("Precision", percent(summary.get("precision"))),
        ("False-alarm rate", percent(summary.get("false_positive_rate"), 2)),
    ]
    return _section(
        "Summary",
        element("p", summary.get("sentence", ""), class_="lead"),
        element(
            "ul",
            [
                element("li", element("span", name), element("strong", value))
                for name, value in cards
                if value != UNDEFINED
            ],
            class_="cards",
        ),
    )


def _threshold(line: Document) -> Html:
    promise = line.get("promise")
    audit = None
    if promise:
        verdict = "broken" if promise["breached"] else "kept"
        audit = element(
            "p",
            element("strong", f"Promise {verdict}: "),
            f"{percent(promise['promised'], 2)} of benign flows may alert, "
            f"{percent(promise['realised'], 2)} did (95 % interval "
            f"{percent(promise['low'], 2)} to {percent(promise['high'], 2)}).",
            class_="bad" if promise["breached"] else "good",
        )
    return _section(
        "Threshold",
        facts(
            [
                ("Value", number(line.get("value"))),
                ("Chosen by", line.get("method")),
                ("Asked for", number(line.get("target"))),
                ("Calibrated on", line.get("calibrated_on")),
                ("Comes from", line.get("origin")),
                ("Set by", line.get("who")),
                ("Set at", line.get("when")),
                ("Reason", line.get("why")),
            ]
        ),
        audit or element("p", line.get("no_promise", ""), class_="quiet"),
    )


def _distribution(drawn: Document) -> Html:
    parts = [charts.histogram(drawn["edges"], drawn["counts"], drawn["threshold"])]
    if drawn.get("precision_recall"):
        at = drawn["at"]
        parts += [
            charts.curve(
                drawn["precision_recall"],
                (at["recall"], at["precision"]),
                titles=("recall", "precision"),
            ),
            charts.curve(
                drawn["roc"],
                (at["false_positive_rate"], at["recall"]),
                titles=("false-alarm rate", "recall"),
                log_x=True,
            ),
        ]
    return _section("Scores", element("div", parts, class_="charts"))


def _classes(found: list[Document]) -> Html:
    rows = [
        [
            one["name"],
            count(one["flows"]),
            count(one["found"]),
            percent(one["recall"]) + (" *" if one.get("few") else ""),
            f"{percent(one['low'])} to {percent(one['high'])}",
            charts.interval_bar(one["recall"], one["low"], one["high"]),
        ]
        for one in found[:MOST_CLASSES]
    ]
    more = len(found) - len(rows)
    return _section(
        "Recall by attack class",
        table(
            ["Class", "Flows", "Found", "Recall", "95 % (Wilson)", ""], rows, numeric=(1, 2, 3, 4)
        )
        if rows
        else element("p", "No flow is labelled as an attack."),
        element("p", f"{more:,} more classes are not listed.") if more > 0 else None,
        element("p", "* few flows: the interval says more than the figure.", class_="quiet")
        if any(one.get("few") for one in found)
        else None,
    )


def _synthetic(found: Document) -> Html:
    """Recall on attacks that were laid in; a row a kind, a column a strength."""
    strengths = list(found["mean_recall"])
    cells = {(one["kind"], one["strength"]): one for one in found["attacks"]}
    kinds = list(dict.fromkeys(one["kind"] for one in found["attacks"]))
    rows = [
        [kind.replace("_", " "), *(_laid(cells.get((kind, name))) for name in strengths)]
        for kind in kinds
    ]
    means = [percent(mean) for mean in found["mean_recall"].values()]
    return _section(
        "Recall on synthetic attacks",
        element("p", found["sentence"]),
        table(
            ["Kind of attack", *(f"{name.capitalize()} strength" for name in strengths)],
            [*rows, ["mean of the kinds", *means]],
            numeric=tuple(range(1, len(strengths) + 1)),
        ),
        element("p", "* few flows: the figure is a rough one.", class_="quiet")
        if any(one.get("few") for one in found["attacks"])
        else None,
    )


def _laid(one: Document | None) -> str:
    if one is None or not one["flows"]:
        return UNDEFINED
    share = percent(one["recall"]) + (" *" if one.get("few") else "")
    return f"{share} ({count(one['found'])} of {count(one['flows'])})"


def _incidents(found: Document) -> Html:
    listed = found["listed"][:MOST_INCIDENTS]
    rows = [
        [
            one.get("host") or UNDEFINED,
            one.get("begins") or UNDEFINED,
            one.get("cause") or UNDEFINED,
            count(one.get("flows")),
            number(one.get("highest")),
            count(one.get("severity")),
            one.get("class") or UNDEFINED,
            one.get("sentence") or UNDEFINED,
        ]
        for one in listed
    ]
    columns = ["Host", "From (UTC)", "Cause", "Flows", "Score", "Severity", "Labelled", "Why"]
    return _section(
        "Incidents",
        element("p", found["sentence"]),
        table(columns, rows, numeric=(3, 4, 5), kind="incidents") if rows else None,
    )


def _verdicts(found: Document) -> Html:
    return _section(
        "Verdicts",
        element("p", found["sentence"]),
        table(
            ["Verdict", "Flows"],
            [[name, count(flows)] for name, flows in found["flows"].items()],
            numeric=(1,),
        ),
    )


def _exclusions(found: list[Document]) -> Html:
    rows = [
        [
            one["conditions"],
            one["state"],
            count(one.get("hides")),
            one["reason"],
            one["by"],
            one["created"],
            one["expires"],
        ]
        for one in found[:MOST_EXCLUSIONS]
    ]
    columns = ["Conditions", "State", "Hides alerts", "Reason", "By", "Made", "Ends"]
    return _section(
        "Exclusions",
        table(columns, rows, numeric=(2,)) if rows else element("p", "Nothing was excluded."),
    )


def _model(model: Document) -> Html:
    return _section(
        "Model",
        facts([(name.replace("_", " ").capitalize(), _shown(v)) for name, v in model.items()]),
    )


def _source(source: Document) -> Html:
    return _section(
        "Flows",
        facts([(name.replace("_", " ").capitalize(), _shown(v)) for name, v in source.items()]),
    )


def _limitations(sentences: list[str]) -> Html:
    return _section("Limitations", element("ul", [element("li", one) for one in sentences]))


def _section(title: str, *parts: Any) -> Html:
    return element("section", element("h2", title), joined(*parts))


def _shown(value: Any) -> Any:
    """A value of a document for a list of facts."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_nested(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(str(_nested(item)) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else value


def _nested(value: Any) -> Any:
    shown = _shown(value)
    return f"({shown})" if isinstance(value, (Mapping, list)) else shown


def _text(text: str) -> str:
    clean = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return clean if len(clean) <= LONGEST_TEXT else clean[: LONGEST_TEXT - 1] + "…"


_PARTS: Final[Mapping[str, Callable[[Any], Html]]] = {
    "summary": _summary,
    "threshold": _threshold,
    "distribution": _distribution,
    "classes": _classes,
    "synthetic": _synthetic,
    "incidents": _incidents,
    "verdicts": _verdicts,
    "exclusions": _exclusions,
    "model": _model,
}
