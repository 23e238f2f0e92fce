from types import SimpleNamespace

import pytest

from edgeguard_core.detection.drift.gathering import Gathering
from edgeguard_core.pipeline.drift.covariate import FeatureDrift
from edgeguard_core.pipeline.drift.diagnosis import Kind, Signs, diagnose
from edgeguard_core.pipeline.drift.scores import ScoreDrift, Share

VICTIM = Gathering("destination", "10.0.0.5", 0.9, 0.1)
SERVICE = Gathering("service", "http", 0.9, 0.1)


def features(moved, of=16):
    return [
        FeatureDrift(
            f"f{n}", True, 1.0, 0.0, 0.5, 0.5, 1e-6 if n < moved else 1.0, 1e-6, 100.0, 0.0, 0.0
        )
        for n in range(of)
    ]


def score(moved=False, alerts=0.01, body=0.02):
    return ScoreDrift(
        psi=0.1, distance=0.5 if moved else 0.1, p=1e-6, is_large=moved, effective_flows=500.0,
        quantiles={}, alerts=Share(alerts, 0.01, 0.0, alerts - 0.005),
        tail=Share(alerts + 0.04, 0.05, 0.0, alerts), body_shift=body,
    )  # fmt: skip


def kind(**signs):
    given = SimpleNamespace(**{
        "has_drifted": True, "features": features(0), "still_moved": (), "broken": (),
        "who_moved": (), "score": score(), "gathered": (), "knows_hosts": True,
        "are_benign": False,
    } | signs)  # fmt: skip
    return diagnose(Signs(**vars(given))).kind


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        ({"has_drifted": False}, Kind.NONE),
        ({"features": features(9), "still_moved": ["f0"] * 9}, Kind.DRIFT),
        ({"score": score(alerts=0.3), "gathered": [VICTIM], "features": features(2)}, Kind.ATTACK),
        # An attack of few flows moves no distribution, and is seen all the same.
        ({"has_drifted": False, "score": score(alerts=0.1), "gathered": [VICTIM]}, Kind.ATTACK),
        ({"broken": ["durations are 0"], "features": features(3)}, Kind.SENSOR),
        # What fits two kinds, or none, is undecided.
        ({"broken": ["durations are 0"], "who_moved": ["service"]}, Kind.UNDECIDED),
        (
            {
                "score": score(alerts=0.3), "gathered": [VICTIM], "features": features(9),
                "still_moved": ["f0"] * 9,
            },
            Kind.UNDECIDED,
        ),
        ({"score": score(alerts=0.3), "gathered": [SERVICE]}, Kind.UNDECIDED),
        ({"features": features(1)}, Kind.UNDECIDED),
        # A person's label outweighs what looks like an attack.
        ({"score": score(alerts=0.3), "gathered": [VICTIM], "are_benign": True}, Kind.DRIFT),
        # Without a reference the scores alone tell.
        ({"features": [], "score": score(moved=True, body=0.4)}, Kind.DRIFT),
        ({"features": [], "score": score(alerts=0.3), "gathered": [VICTIM]}, Kind.ATTACK),
    ],
)  # fmt: skip
def test_signs_fit_one_kind_or_none(signs, expected):
    assert kind(**signs) is expected


def test_every_kind_says_what_to_do():
    for expected in Kind:
        drift = diagnose(
            Signs(expected is not Kind.NONE, (), (), (), (), score(), (), False, False)
        )
        assert drift.sentence.endswith(".")
    assert "without addresses" in " ".join(
        diagnose(Signs(True, (), (), (), (), score(alerts=0.3), (), False, False)).evidence
    )
