import json
from dataclasses import replace

import numpy as np
import pytest

from edgeguard_core.detection import FeatureReason, explain
from edgeguard_core.detection.explain import Cause, WhatIf, sentence, what_if_sentence


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


@pytest.mark.parametrize("which", ["detector", "guide"])
def test_an_explanation_is_strict_json_with_the_agreed_keys(which, request, odd):
    told = explain(request.getfixturevalue(which), odd)
    plain = [explanation.to_json() for explanation in told]
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert {"row", "score", "p_value", "severity", "features", "sentence"} <= plain[0].keys()
    keys = {"name", "actual", "reconstructed", "usual_low", "usual_high", "share"}
    assert keys <= plain[0]["features"][0].keys()


def test_an_alert_is_told_by_the_changes_that_would_make_it_none(guide, odd):
    flood = explain(guide, odd)[1]
    found = flood.what_if
    assert found.is_under
    assert found.score < found.threshold <= flood.score
    assert found.causes[0].name == "src2dst_bytes"
    (bytes_,) = found.causes[0].features
    assert bytes_.actual == 5.2e9
    assert 0 < bytes_.similar_low == bytes_.similar_high < 1e6
    assert flood.sentence.startswith("src2dst_bytes was 5.2 GB, in a benign flow like it ")
    assert flood.sentence.endswith(
        f"the score would be {found.score:.3g}, under the threshold of {found.threshold:.3g}."
    )


def test_usual_is_what_the_nearest_benign_flows_have(guide, benign, odd):
    for explanation in explain(guide, odd, top=6):
        for feature in explanation.features:
            if feature.usual_values is None:
                assert feature.similar_low <= feature.similar_high
                column = benign.columns[feature.name]
                assert feature.similar_high <= 2 * column.max()
            else:
                assert feature.similar_values
                assert set(feature.similar_values) <= set(benign.columns[feature.name]) | {""}


def test_what_is_no_alert_or_not_asked_for_has_no_changes(guide, benign, odd):
    quiet = explain(guide, benign.select(np.arange(40)))
    assert not all(e.is_alert for e in quiet)
    assert all((e.what_if is not None) == e.is_alert for e in quiet)
    assert all(e.what_if is None for e in explain(guide, odd, what_if=False))


def test_without_prototypes_what_is_usual_for_all_is_told(detector, odd):
    flood = explain(detector, odd)[1]
    assert flood.what_if is None
    assert flood.features[0].similar_low is None
    assert ", usually " in flood.sentence


def test_changes_that_are_not_enough_say_so():
    causes = tuple(Cause(name, (reason(name=name, similar_low=2.0),), 9.1) for name in "ab")
    told = what_if_sentence(WhatIf(causes, 9.1, 4.6, False))
    assert told.startswith("a was 5.2 MB, in a benign flow like it 2 B (41 % of the score); b was ")
    assert told.endswith(
        "Even with both as there the score would be 9.1, not under the threshold of 4.6: "
        "the flow is odd in more than two ways."
    )


def test_a_family_is_named_with_its_first_two_features():
    members = tuple(reason(name=name, similar_low=2.0, share=0.1) for name in "abc")
    told = what_if_sentence(WhatIf((Cause("volume", members, 1.0),), 1.0, 4.6, True))
    assert told == (
        "volume: a was 5.2 MB, in a benign flow like it 2 B, and b was 5.2 MB, in a benign flow "
        "like it 2 B (30 % of the score). With this as there the score would be 1, under the "
        "threshold of 4.6."
    )


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
