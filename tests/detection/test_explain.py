import json
from dataclasses import replace

import numpy as np
import pytest

from edgeguard_core.detection import FeatureReason, explain
from edgeguard_core.detection.explain import sentence


def reason(**more):
    usual = {
        "name": "bytes",
        "actual": 5.2e6,
        "reconstructed": 800.0,
        "usual_low": 60.0,
        "usual_high": 9100.0,
        "share": 0.41,
        "usual_values": None,
        "unit": "B",
    }
    return FeatureReason(**(usual | more))


def category(**more):
    usual = {
        "name": "protocol",
        "actual": "icmp",
        "reconstructed": "tcp",
        "usual_low": "tcp",
        "usual_high": "udp",
        "usual_values": ("tcp", "udp"),
        "unit": None,
    }
    return reason(**(usual | more))


def test_the_weightiest_feature_comes_first_with_its_values(detector, odd):
    flood = explain(detector, odd)[1]
    first = flood.features[0]
    assert flood.row == 20
    assert flood.is_alert
    assert flood.severity == 100
    assert flood.extrapolated
    assert first.name == "src2dst_bytes"
    assert first.actual == 5.2e9
    assert 0 < first.usual_low < first.usual_high < 1e5
    assert first.reconstructed < 5.2e9
    assert first.unit == "B"
    assert flood.sentence.startswith("src2dst_bytes was 5.2 GB, usually ")


def test_categories_are_told_in_words_and_missing_values_as_missing(detector, odd):
    words = explain(detector, odd, top=6)[2]
    by_name = {feature.name: feature for feature in words.features}
    assert by_name["protocol"].actual == "icmp"
    assert by_name["protocol"].reconstructed in ("tcp", "udp", "")
    assert by_name["protocol"].usual_values == ("tcp", "udp")
    assert (by_name["protocol"].usual_low, by_name["protocol"].usual_high) == ("tcp", "udp")
    assert by_name["service"].actual is None
    assert by_name["duration_ms"].actual is None
    assert "icmp" in words.sentence


def test_what_was_expected_stays_within_what_the_column_can_be(detector, odd, monkeypatch):
    raw = detector.raw(odd, details=True)
    wild = replace(raw, reconstruction=np.full_like(raw.reconstruction, -9.0))
    monkeypatch.setattr(detector, "raw", lambda *_args, **_more: wild)
    for explanation in explain(detector, odd, top=6):
        expected = {feature.name: feature.reconstructed for feature in explanation.features}
        assert expected["bytes_share"] == 0.0
        assert expected["src2dst_bytes"] == 0.0


def test_shares_fall_and_add_up_to_one_over_all_features(detector, benign):
    every = explain(detector, benign.select(np.arange(20)), top=99)
    for explanation in every:
        share = [feature.share for feature in explanation.features]
        assert share == sorted(share, reverse=True)
        assert sum(share) == pytest.approx(1.0)


def test_explained_scores_are_the_scores(detector, benign):
    some = benign.select(np.arange(30))
    scored = detector.score(some)
    explained = explain(detector, some, top=2)
    assert [e.score for e in explained] == scored.scores.tolist()
    assert [e.severity for e in explained] == scored.severity.tolist()
    assert [e.p_value for e in explained] == scored.p_values.tolist()
    assert all(len(e.features) == 2 for e in explained)


def test_an_explanation_is_strict_json_with_the_agreed_keys(detector, odd):
    plain = [explanation.to_json() for explanation in explain(detector, odd)]
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert {"row", "score", "p_value", "severity", "features", "sentence"} <= plain[0].keys()
    keys = {"name", "actual", "reconstructed", "usual_low", "usual_high", "share"}
    assert keys <= plain[0]["features"][0].keys()


def test_nothing_to_explain(detector, benign):
    assert explain(detector, benign.select(np.arange(0))) == []


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (reason(), "bytes was 5.2 MB, usually 60 B to 9.1 kB"),
        (reason(usual_low=0.0, usual_high=0.0), "bytes was 5.2 MB, usually 0 B"),
        (reason(actual=80.0), "bytes was 80 B, where the rest of the flow suggests about 800 B"),
        (
            reason(actual=800.0),
            "bytes was 800 B, which fits the rest of the flow less clearly than usual",
        ),
        (reason(actual=None), "bytes was missing (counted as 0 B), usually 60 B to 9.1 kB"),
        (category(), "protocol was icmp, usually tcp or udp"),
        (category(actual="udp"), "protocol was udp, where the rest of the flow suggests tcp"),
        (category(actual=None), "protocol was missing, usually tcp or udp"),
        (
            category(actual="udp", reconstructed=""),
            "protocol was udp, where the rest of the flow suggests a rare value",
        ),
        (category(usual_values=("tcp",)), "protocol was icmp, usually tcp"),
        (
            category(usual_values=("tcp", "udp", "sctp")),
            "protocol was icmp, usually tcp, udp or sctp",
        ),
        (category(usual_values=()), "protocol was icmp, usually a rare value"),
    ],
)
def test_one_feature_in_plain_english(one, text):
    assert sentence([one]) == f"{text} (41 % of the score)."


def test_three_features_at_most_and_none_that_weighs_nothing():
    four = sentence([reason(name=name) for name in "abcd"])
    assert four.count(" of the score)") == 3
    assert sentence([reason(share=0.0)]) == "Every feature is as the model expected."
    assert sentence([]) == "Every feature is as the model expected."


def test_a_flow_whose_score_is_zero_has_shares_of_zero(detector, benign, monkeypatch):
    raw = detector.raw(benign.select(np.arange(2)), details=True)
    silent = replace(
        raw, score=np.zeros_like(raw.score), feature_errors=np.zeros_like(raw.feature_errors)
    )
    monkeypatch.setattr(detector, "raw", lambda *_args, **_more: silent)
    for explanation in explain(detector, benign.select(np.arange(2))):
        assert {feature.share for feature in explanation.features} == {0.0}
        assert explanation.sentence == "Every feature is as the model expected."
