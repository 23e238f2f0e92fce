"""A report's page: escaped whatever stands in it, bounded, self-contained, the same as its JSON."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.evaluation.report import MOST_BYTES, SECTIONS, page, plain
from edgeguard_core.evaluation.report_charts import curve, histogram, interval_bar
from edgeguard_core.evaluation.report_markup import Html, element, facts, joined, table

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>&\'"`</style>'
OURS = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "section", "ul",
    "li", "span", "strong", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "div",
    "svg", "rect", "line", "path", "circle", "text",
}  # fmt: skip


class Seen(HTMLParser):
    """Which elements and attributes a page has, and what it says."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.names: set[str] = set()
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attributes}
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attributes}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def document(name: str = "scan", classes: int = 2, incidents: int = 3, text: str = "why") -> Any:
    return {
        "format": 1,
        "title": f"{name} report",
        "created": "2026-03-01T12:00:00+00:00",
        "edgeguard_version": "0.1",
        "pseudonyms": False,
        "summary": {"sentence": text, "flows": 9, "alerts": 3, "recall": 0.5, "precision": None},
        "threshold": {
            "value": 1.3, "method": name, "target": 0.01, "calibrated_on": text, "origin": "bundle",
            "who": name, "when": None, "why": text,
            "promise": {
                "promised": 0.01, "realised": 0.02, "low": 0.015, "high": 0.03, "breached": True,
            },
        },
        "distribution": {
            "edges": [0.0, 0.1, 1.0, 10.0], "counts": {"benign": [3, 2, 0], "attack": [0, 1, 4]},
            "threshold": 1.3, "precision_recall": [[0.1, 0.9, 2.0], [0.9, 0.5, 1.0]],
            "roc": [[0.001, 0.4, 2.0], [1.0, 1.0, 0.1]],
            "at": {"recall": 0.5, "precision": None, "false_positive_rate": 0.0},
        },
        "classes": [
            {"name": f"{name} {n}", "flows": 40, "found": 30, "recall": 0.75, "low": 0.6,
             "high": 0.86, "few": n == 0}
            for n in range(classes)
        ],
        "synthetic": {
            "synthetic": True, "sentence": text, "mean_recall": {"low": 0.2, name: None},
            "attacks": [
                {"kind": name, "strength": "low", "flows": 5, "found": 1, "recall": 0.2,
                 "low": 0.1, "high": 0.6, "few": True},
                {"kind": "flood", "strength": "low", "flows": 0, "found": 0, "recall": None,
                 "low": None, "high": None, "few": True},
            ],
        },
        "incidents": {
            "sentence": text,
            "listed": [
                {"host": name, "begins": "2024-03-05 06:30", "cause": name, "flows": 9,
                 "score": 2.0, "highest": 3.0, "severity": 100, "class": name, "row": n,
                 "sentence": text}
                for n in range(incidents)
            ],
        },
        "verdicts": {"sentence": text, "flows": {"true": 3, name: 2}},
        "exclusions": [
            {"conditions": name, "state": "active", "hides": 3, "reason": text, "by": name,
             "created": "2026-03-01", "expires": "2026-04-01"}
        ],
        "model": {"bundle": name, "seed": 3, "training": {name: [name, {"a": name}]}},
        "source": {"file": name, "labels": {name: 3}},
        "limitations": [text],
    }  # fmt: skip


texts = st.one_of(
    st.just(HOSTILE), st.text(max_size=60), st.text(alphabet="<>&\"'/ =a;-!\x00\ud800", max_size=40)
)


@given(name=texts, text=texts)
@settings(deadline=None, max_examples=60)
def test_nothing_in_a_document_becomes_markup(name: str, text: str) -> None:
    seen = Seen(page(plain(document(f"n{name}", text=f"t{text}"))))
    assert set(seen.tags) <= OURS
    assert seen.open == []
    assert seen.tags.count("style") == 1
    assert not {attribute for attribute in seen.names if attribute.startswith("on")}
    assert not {"src", "href"} & seen.names
    assert seen.tags == Seen(page(plain(document("a", text="b")))).tags


def test_a_hostile_class_name_is_read_as_it_is_written() -> None:
    made = page(plain(document(HOSTILE)))
    assert "<script" not in made
    assert "<img" not in made
    assert f"{HOSTILE} 1" in Seen(made).words


def test_a_page_needs_nothing_from_anywhere_and_runs_nothing() -> None:
    made = page(plain(document()))
    assert made.startswith("<!DOCTYPE html>")
    assert "default-src 'none'" in made.replace("&#x27;", "'")
    assert not re.findall(r"https?://|url\(|@import", made)
    assert "@media print" in made
    assert "prefers-color-scheme: dark" in made


@pytest.mark.parametrize("letter", ["x", "<", "\u4e00", "\U0001f600"])
def test_two_hundred_classes_and_five_thousand_incidents_stay_below_two_megabytes(
    letter: str,
) -> None:
    big = plain(document(letter * 3_000, classes=200, incidents=5_000, text=letter * 9_000))
    made = page(big)
    assert len(made.encode()) < MOST_BYTES
    assert made.count("<tr>") > 200 + 50


def test_more_classes_than_are_listed_are_counted() -> None:
    said = " ".join(Seen(page(document(classes=230))).words)
    assert "30 more classes are not listed." in said


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_that_was_not_asked_for_is_not_there(name: str) -> None:
    whole = document()
    without = {key: value for key, value in whole.items() if key != name}
    headings = len(re.findall("<h2>", page(plain(whole))))
    assert len(re.findall("<h2>", page(plain(without)))) == headings - 1


def test_undefined_and_unprintable_values_become_plain_json() -> None:
    found = plain({"a": float("nan"), "b": float("inf"), "c": "x\ud800\x00y", 3: (1, True, None)})
    assert found == {"a": None, "b": None, "c": "x\ufffd\ufffdy", "3": [1, True, None]}
    json.dumps(found, allow_nan=False).encode()


def test_markup_is_only_what_element_made() -> None:
    assert joined(element("i", "<"), "<", None, ["&"]) == "<i>&lt;</i>&lt;&amp;"
    assert element("p", "a", class_=None, aria_label='"') == '<p aria-label="&quot;">a</p>'
    # What is put together from markup is a text again, and escaped.
    assert joined(element("i", "a") + "<b>") == "&lt;i&gt;a&lt;/i&gt;&lt;b&gt;"
    assert "<b>" not in table(["<b>"], [["<b>"]])
    assert facts([("a", None), ("b", ""), ("c", 0)]) == "<dl><dt>c</dt><dd>0</dd></dl>"
    assert isinstance(facts([]), Html)


@given(
    counts=st.lists(st.integers(0, 10**6), min_size=3, max_size=3),
    threshold=st.one_of(st.just(0.0), st.floats(1e-6, 1e6)),
)
def test_every_bar_lies_inside_its_chart(counts: list[int], threshold: float) -> None:
    drawn = histogram([0.0, 0.1, 1.0, 10.0], {"attack": counts}, threshold)
    assert drawn.count('class="attack"') == sum(n > 0 for n in counts) + bool(any(counts))
    for x, width in re.findall(r'x="([\d.-]+)" y="[\d.-]+" width="([\d.-]+)"', drawn):
        assert 0 <= float(x) <= float(x) + float(width) <= 721


def test_a_curve_without_a_point_is_an_empty_chart() -> None:
    drawn = curve([(None, 0.5), (0.0, 0.5)], (None, 0.5), titles=("a", "b"), log_x=True)
    assert "<path" not in drawn
    assert "<circle" not in drawn
    assert interval_bar(None, 0.1, 0.2) == ""
    assert "whisker" in interval_bar(0.5, 0.1, 0.9)
