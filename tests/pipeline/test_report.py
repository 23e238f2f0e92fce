"""What a report tells is what the flows say; in both twins; without an address where so wished."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector
from edgeguard_core.detection.exclusion import Conditions
from edgeguard_core.detection.grouping import group_incidents
from edgeguard_core.detection.review import JudgedFlow, Reviews, Verdict
from edgeguard_core.errors import EdgeGuardError, OutputError, SourceError
from edgeguard_core.evaluation import class_index, sketch_of
from edgeguard_core.evaluation.laid import SYNTHETIC, LaidAttacks
from edgeguard_core.evaluation.report import MOST_BYTES, SECTIONS
from edgeguard_core.files import sha256_hex
from edgeguard_core.flows.table import Labels
from edgeguard_core.pipeline.demo import shipped
from edgeguard_core.pipeline.findings import TRIED, Findings, ReportFlows, Reviewed
from edgeguard_core.pipeline.report import make_report, require_places
from edgeguard_core.pipeline.report_file import findings_of_file
from edgeguard_core.thresholds import Threshold

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR_MS = 3_600_000.0


@pytest.fixture(scope="module")
def demo() -> Findings:
    files = shipped()
    detector = Detector(Bundle.load(files.bundle))
    return findings_of_file(detector, files.traffic, now=NOON)


def big(classes: int = 200, incidents: int = 5_000, name: str = "<b>10.1.2.3</b>") -> Findings:
    """Many classes with hostile names, and many incidents, each of three flows."""
    n = incidents * 3
    draw = np.random.default_rng(1)
    scores = draw.lognormal(1, 1, n).astype(np.float32) + np.float32(2)
    words = np.array([f"{name} {k % classes}" + "y" * 300 for k in range(n)], object)
    labels = Labels(np.ones(n, np.int8), words)
    labels.label[::7] = 0
    index, _ = class_index(labels)
    host = np.repeat(np.arange(incidents), 3)
    hosts = tuple(f"10.{k // 250 % 250}.{k % 250}.9" for k in range(incidents))
    zeros = np.zeros(n, np.int64)
    found = group_incidents(scores, zeros, np.zeros(n), host, zeros, labels.label)
    rows = np.arange(2, n + 2)
    return Findings(
        title=f"capture of 192.0.2.7 {name}",
        source="192.0.2.7.csv",
        source_sha256="a" * 64,
        flows=ReportFlows(
            scores, index, rows, sketch_of(scores, labels, 2.0), True, found, hosts, ("volume",)
        ),
        bundle=Bundle.load(shipped().bundle),
        threshold=Threshold(1.0, "fixed", 1.0, f"the flows of {name}"),
        origin=TRIED,
        created=NOON,
        sentences=dict.fromkeys(rows.tolist(), f"fe80::1 spoke to {name} and 2001:db8::5"),
        reviewed=Reviewed(
            {"true": 3}, [
                {"conditions": "source 10.9.0.0/16", "state": "active", "hides": 4,
                 "reason": f"{name} is the printer 10.9.9.9", "by": "ann@10.0.0.1",
                 "created": "2026-03-01", "expires": "2026-04-01"}
            ] * 300,
        ),
        warnings=("The meter at aa:bb:cc:dd:ee:ff differs.",),
    )  # fmt: skip


def test_the_demo_report_counts_what_the_flows_count(demo: Findings) -> None:
    made = make_report(demo)
    told = json.loads(made.json)
    assert told == made.document
    summary = told["summary"]
    alerts = demo.threshold.alerts(demo.flows.scores)
    assert (summary["flows"], summary["alerts"]) == (13_397, int(alerts.sum()))
    assert summary["incidents"] == 38
    assert summary["attacks"] == 1_632
    per_class = {one["name"]: one for one in told["classes"]}
    assert set(per_class) == set(demo.flows.sketch.classes) - {"benign"}
    for name, one in per_class.items():
        mine = demo.flows.class_of == demo.flows.sketch.classes.index(name)
        assert (one["flows"], one["found"]) == (int(mine.sum()), int(alerts[mine].sum()))
        assert one["low"] <= one["recall"] <= one["high"] + 1e-9
    assert told["threshold"]["promise"]["breached"] is True
    assert sum(told["distribution"]["counts"]["attack"]) == 1_632
    assert len(told["incidents"]["listed"]) == 38
    assert all(one["sentence"] for one in told["incidents"]["listed"])
    assert told["source"]["sha256"] == sha256_hex(shipped().traffic)
    assert demo.bundle.model_sha256 in told["model"]["model_sha256"]
    assert told["model"]["seed"] is not None
    assert told["verdicts"] is None
    assert any("demo" in one for one in told["limitations"])
    for text in ("13,397", "Promise broken", "exfiltration", told["source"]["sha256"]):
        assert text in made.html


def test_two_hundred_classes_and_five_thousand_incidents_stay_below_two_megabytes() -> None:
    made = make_report(big())
    assert len(made.html.encode()) < MOST_BYTES
    assert len(made.json.encode()) < MOST_BYTES
    assert len(made.document["classes"]) == 200
    assert made.document["incidents"]["total"] == 5_000
    assert len(made.document["incidents"]["listed"]) == 50
    assert "<b>" not in made.html


def test_pseudonyms_leave_no_address_in_either_twin_and_the_key_makes_the_names() -> None:
    findings = big(classes=5, incidents=20)
    made = make_report(findings, pseudonyms="our own key")
    for twin in (made.html, made.json):
        assert not re.findall(r"\d+\.\d+\.\d+\.\d+|fe80|2001:db8|aa:bb:cc", twin)
        assert "our own key" not in twin
    assert made.document["pseudonyms"] is True
    hosts = [one["host"] for one in made.document["incidents"]["listed"]]
    assert len(set(hosts)) == 20
    again = make_report(findings, pseudonyms="our own key")
    assert again.html == made.html
    other = make_report(findings, pseudonyms="another key")
    assert not set(hosts) & {one["host"] for one in other.document["incidents"]["listed"]}
    assert "10.0.0.9" in make_report(findings).html


def test_sections_are_chosen_and_an_unknown_one_is_refused(demo: Findings) -> None:
    made = make_report(demo, ("summary",))
    assert set(SECTIONS) & set(made.document) == {"summary"}
    assert made.document["limitations"]
    assert made.document["source"]["judged_by"].endswith(demo.bundle.model_sha256)
    with pytest.raises(EdgeGuardError, match="no section 'colour'"):
        make_report(demo, ("colour",))
    with pytest.raises(EdgeGuardError, match="at least 8"):
        make_report(demo, pseudonyms="short")


def test_without_labels_and_times_a_report_says_what_it_cannot_know(demo: Findings) -> None:
    scores = np.float32([0.5, 20.0, 30.0])
    flows = ReportFlows(
        scores, np.zeros(3, np.int64), np.arange(2, 5), sketch_of(scores, None), False
    )
    made = make_report(replace(demo, flows=flows))
    summary = made.document["summary"]
    assert (summary["alerts"], summary["incidents"]) == (2, None)
    assert [summary[name] for name in ("recall", "precision", "false_positive_rate")] == [None] * 3
    assert made.document["classes"] == []
    assert list(made.document["distribution"]["counts"]) == ["unlabelled"]
    assert "no incidents" in made.document["incidents"]["sentence"]
    said = " ".join(made.document["limitations"])
    assert "no labels" in said
    assert "no times" in said
    assert "nobody can audit" in made.document["threshold"]["no_promise"]


def test_recall_on_synthetic_attacks_is_told_as_such_and_only_where_some_were_laid_in(
    demo: Findings,
) -> None:
    plainly = make_report(demo)
    assert plainly.document["synthetic"] is None
    assert "synthetic attacks" not in plainly.html
    laid = LaidAttacks.of(
        [9.0] * 40 + [0.1], ["beaconing"] * 41, ["low"] * 41,
        kinds=("beaconing",), strengths=("low", "high"),
    )  # fmt: skip
    made = make_report(replace(demo, laid=laid))
    (low, high) = made.document["synthetic"]["attacks"]
    assert (low["found"], low["flows"], high["flows"], high["recall"]) == (40, 41, 0, None)
    assert made.document["synthetic"]["synthetic"] is True
    assert "97.6 % (40 of 41)" in made.html
    assert made.document["summary"] == plainly.document["summary"]
    assert SYNTHETIC in made.document["limitations"]


def test_verdicts_and_exclusions_of_the_log_are_told(demo: Findings, tmp_path) -> None:
    files, log = shipped(), Reviews(tmp_path / "reviews.sqlite")
    flow = JudgedFlow(sha256_hex(files.traffic), 1761, "b" * 64, 9.0)
    log.judge(Verdict.TRUE, [flow], actor="ann", reason="flood", now=NOON)
    log.exclude(
        Conditions(host="10.20.0.7"), actor="ann", reason="server", now=NOON,
        expires=NOON + timedelta(days=9),
    )  # fmt: skip
    detector = Detector(demo.bundle)
    made = make_report(findings_of_file(detector, files.traffic, now=NOON, reviews=log))
    assert made.document["verdicts"]["flows"] == {"true": 1, "false": 0, "known benign": 0}
    (one,) = made.document["exclusions"]
    assert (one["conditions"], one["state"], one["by"]) == ("host 10.20.0.7", "active", "ann")
    assert one["hides"] > 1_000


def test_places_that_would_destroy_something_are_refused(tmp_path) -> None:
    source, bundle = tmp_path / "x.csv", tmp_path / "B"
    source.write_text("a\n")
    bundle.mkdir()
    out = tmp_path / "r.html"
    require_places(out, None, source, bundle)
    with pytest.raises(OutputError, match="the file to be read"):
        require_places(source, None, source, bundle)
    with pytest.raises(OutputError, match="lies in bundle"):
        require_places(out, bundle / "r.json", source, bundle)
    with pytest.raises(OutputError, match="another file for --json-out"):
        require_places(out, out, source, bundle)
    with pytest.raises(SourceError, match="is not there"):
        require_places(out, None, source, bundle, tmp_path / "none.sqlite")
