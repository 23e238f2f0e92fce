"""Each gate at its limit and beyond it, with the figures in its sentence."""

from dataclasses import replace

import pytest

from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.pipeline.runs.artifacts import (
    AgainstChampion,
    Converted,
    Drifted,
    Evaluated,
    FalseAlarms,
    Validated,
)
from edgeguard_core.pipeline.runs.config import Limits
from edgeguard_core.pipeline.runs.gates import (
    GATES,
    judge_converted,
    judge_drifted,
    judge_evaluated,
    judge_validated,
    require_gate,
)

LIMITS = Limits()
GOOD = Validated(schema="flow", rows=1000, accepted=1000, normal=1000)
QUIET = FalseAlarms(flows=1000, alerts=11, promised=0.01, rate=0.011, low=0.006, high=0.02)
LOUD = FalseAlarms(flows=1000, alerts=80, promised=0.01, rate=0.08, low=0.06, high=0.1)
COST = {"model_bytes": 90_000, "latency_us": {"p50": 4, "p99": 9.0}, "rss_mb": 80.0}


def told(refusals):
    return [(each.gate, each.sentence) for each in refusals]


def test_good_flows_pass():
    assert told(judge_validated(GOOD, LIMITS)) == []
    assert told(judge_drifted(Drifted(), LIMITS)) == []


def test_rows_that_break_the_schema_are_refused_above_the_share():
    at = replace(GOOD, rows=1000, rejected={"below 0": 40, "no number": 10})
    assert told(judge_validated(at, LIMITS)) == []
    above = replace(at, rejected={"below 0": 41, "no number": 10})
    ((gate, sentence),) = told(judge_validated(above, LIMITS))
    assert gate == "schema"
    assert "5.1 % of the 1,000 rows" in sentence
    assert "below 0" in sentence


def test_a_missing_column_is_named_beside_what_may_be_its_new_name():
    found = replace(GOOD, missing_columns=["src2dst_bytes"], unread_columns=["sent"])
    ((gate, sentence),) = told(judge_validated(found, LIMITS))
    assert (gate, "src2dst_bytes (sent are not read" in sentence) == ("schema", True)
    assert told(judge_validated(found, replace(LIMITS, most_missing_columns=1))) == []


def test_all_gates_of_a_stage_are_told():
    found = replace(
        GOOD, normal=100, suspected=30, left_out=10, reasons=["a scan"], missing_columns=["x"]
    )
    assert [gate for gate, _ in told(judge_validated(found, LIMITS))] == [
        "schema",
        "benign_rows",
        "contamination",
    ]


def test_what_cannot_be_read_cannot_be_accepted():
    (refusal,) = judge_validated(Validated(problem="Two schemas."), LIMITS)
    assert (refusal.gate, refusal.sentence, refusal.can_accept) == ("schema", "Two schemas.", False)


def test_drift_and_contamination_are_told_apart():
    moved = Drifted(champion=3, features=10, drifted=list("abcd"), verdict="It moved.")
    ((gate, sentence),) = told(judge_drifted(moved, LIMITS))
    assert gate == "drift"
    assert "4 of 10 features moved against champion 3 (40 %, 30 % are allowed): a, b" in sentence
    assert told(judge_drifted(moved, replace(LIMITS, most_drifted_share=0.4))) == []
    attacked = Drifted(
        champion=3, features=10, suspected_share=0.1, alert_share=0.11, expected_alert_share=0.01
    )
    ((gate, sentence),) = told(judge_drifted(attacked, LIMITS))
    assert (gate, "finds 10 % more of the flows" in sentence) == ("contamination", True)


def evaluated(alarms=QUIET, **champion):
    beside = AgainstChampion(2, "f" * 64, **champion) if champion else None
    return Evaluated({}, alarms, None, beside, [])


def test_a_broken_promise_is_refused_and_bad_luck_is_not():
    assert told(judge_evaluated(evaluated(), LIMITS)) == []
    few = FalseAlarms(flows=50, alerts=2, promised=0.01, rate=0.04, low=0.005, high=0.14)
    assert told(judge_evaluated(evaluated(few), LIMITS)) == []
    ((gate, sentence),) = told(judge_evaluated(evaluated(LOUD), LIMITS))
    assert gate == "false_alarms"
    assert "8 % of 1,000 benign flows alert (6 % to 10 %), 1 % is promised" in sentence


def lead(difference, low, high):
    return {"difference": difference, "low": low, "high": high}


def test_a_model_is_worse_where_the_whole_interval_says_so():
    unsure = evaluated(leads={"roc_auc": lead(-0.1, -0.2, -0.01)})
    assert told(judge_evaluated(unsure, LIMITS)) == []
    sure = evaluated(leads={"roc_auc": lead(-0.1, -0.12, -0.08)}, overlap=0.4)
    ((gate, sentence),) = told(judge_evaluated(sure, LIMITS))
    assert gate == "champion"
    assert "behind by roc auc 0.100 (0.080 to 0.120); 0.02 is allowed" in sentence
    picky = replace(LIMITS, most_behind=0.5, least_overlap=0.5)
    ((gate, sentence),) = told(judge_evaluated(sure, picky))
    assert "shares 40 % of the alerts" in sentence


def test_what_cannot_be_held_against_the_champion_is_refused():
    ((gate, _),) = told(judge_evaluated(evaluated(problem="Other schema."), LIMITS))
    assert gate == "champion"


def test_parity_and_budget():
    good = Converted("float32", bundle="bundle", cost=COST, false_alarms=QUIET)
    assert told(judge_converted(good, LIMITS)) == []
    (refusal,) = judge_converted(Converted("float16", problem="It differs."), LIMITS)
    assert (refusal.gate, refusal.can_accept) == ("parity", False)
    tight = replace(LIMITS, most_kilobytes=50, most_latency_us=5, most_memory_mb=60)
    ((gate, sentence),) = told(judge_converted(good, tight))
    assert gate == "edge_budget"
    assert "the model is 90 kB and 50 kB are allowed" in sentence
    assert "a flow is 9 µs" in sentence
    assert "the process is 80 MB" in sentence


def test_only_gates_that_exist_are_accepted_and_only_with_a_reason():
    require_gate("drift", "new office")
    with pytest.raises(EdgeGuardError, match="No gate is called 'drfit'; did you mean drift"):
        require_gate("drfit", "x")
    with pytest.raises(EdgeGuardError, match="without a reason"):
        require_gate("drift", " ")
    with pytest.raises(EdgeGuardError, match="cannot be accepted"):
        require_gate("parity", "x")
    assert all(GATES.values())
