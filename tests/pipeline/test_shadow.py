"""Shadow beside champion on real flows, held against counting by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr
from trained import head, noon, written

from edgeguard_core.bundle import Bundle, StateFolder, save_bundle
from edgeguard_core.detection import Detector
from edgeguard_core.errors import RegistryError
from edgeguard_core.flows.table import ATTACK
from edgeguard_core.pipeline.convert import convert_bundle
from edgeguard_core.pipeline.judge import score_all
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.shadow import shadow_report
from edgeguard_core.thresholds import Threshold

ATTACKED = "zeek/iot23_34-1_conn.log.labeled.gz"


@pytest.fixture(scope="module")
def some(data, tmp_path_factory):
    """The first 1,200 flows of a real capture, attacks among them."""
    folder = tmp_path_factory.mktemp("some")
    return written(folder / "some.log.labeled", head(data(ATTACKED), 1_200))


@pytest.fixture
def registry(bundle, some, tmp_path):
    """The Zeek bundle leads; its 8-bit variant, with another threshold, is the shadow."""
    small = convert_bundle(bundle, "dynamic_int8", tmp_path / "small", now=noon)
    converted = Bundle.load(small.bundle)
    scores = score_all(Detector(converted), [some]).scores
    threshold = Threshold(float(np.quantile(scores, 0.8)), "fixed", None, "nothing")
    other = save_bundle(tmp_path / "other", replace(converted.parts(), threshold=threshold))
    made = Registry(tmp_path / "models")
    made.register(bundle.path)
    made.promote("candidate", why="first")
    made.register(other)
    made.set_shadow("candidate")
    return made


def test_the_report_counts_what_each_alerts_on(registry, some):
    done = shadow_report(registry, [some])
    scored = [
        score_all(Detector(registry.version(n).load()), [some]) for n in ("champion", "shadow")
    ]
    ours, theirs = (each.scores for each in scored)
    mine = ours >= np.float32(registry.champion().load().threshold.value)
    its = theirs >= np.float32(registry.shadow().load().threshold.value)
    counted = (int((mine & its).sum()), int((mine & ~its).sum()), int((~mine & its).sum()))
    assert min(mine.sum(), its.sum()) > 0 < counted[1] + counted[2]
    assert (done.both, done.champion_only, done.shadow_only) == counted
    assert done.agreement == pytest.approx(counted[0] / sum(counted))
    assert done.spearman == pytest.approx(spearmanr(ours, theirs).statistic)
    assert (done.champion, done.shadow, done.flows) == (1, 2, len(ours))
    first, second = done.compared.found.models
    assert [first.name, second.name] == ["champion 0001", "shadow 0002"]
    assert first.alerts == mine.sum() >= second.alerts
    is_attack = scored[0].labels.label == ATTACK
    assert first.recall == pytest.approx((mine & is_attack).sum() / is_attack.sum())
    result = json.loads(json.dumps(done.to_json()))
    assert result["alerts"] == {
        "both": counted[0], "champion_only": counted[1], "shadow_only": counted[2],
    }  # fmt: skip
    assert result["shadow"]["threshold"]["method"] == "fixed"
    assert set(result["at_equal_alerts"]["models"][1]["lead_on_first"]) == {
        "recall", "roc_auc", "average_precision",
    }  # fmt: skip


def test_the_threshold_in_force_counts_not_the_one_that_shipped(registry, some):
    version = registry.shadow()
    StateFolder.of(version.bundle_path).add(
        version.load(), Threshold(1e9, "fixed", None, "here"),
        who="ann", when=registry._clock.now(), why="x", on_what="nothing",
    )  # fmt: skip
    done = shadow_report(registry, [some])
    assert (done.both, done.shadow_only) == (0, 0)
    assert done.thresholds[1]["origin"] == "state 0001"
    assert done.compared.found.models[1].alerts > 0


def test_without_a_shadow_there_is_nothing_to_report(registry, some):
    registry.set_shadow(None)
    with pytest.raises(RegistryError, match="No version is the shadow"):
        shadow_report(registry, [some])
