"""Whether explanations name what is odd, and what it takes to undo an alert.

usage: python benchmarks/explanations.py DATA [--alerts 200]

On attacks of ``inject``, whose causes are known, the share of alerts with a true cause among the
first three features. On real alerts the share that comes under the threshold once one to four
causes are as in a benign flow like it, beside features in the order of their share set to the
mean of all benign flows, and to the nearest prototype. One seed. Prints one JSON object.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection import Detector, Explanation, explain
from edgeguard_core.detection.counterfactual import Counterfactuals
from edgeguard_core.detection.shares import shares
from edgeguard_core.features.context import with_context
from edgeguard_core.features.preprocessing import ModelInput
from edgeguard_core.features.transform import inverse
from edgeguard_core.flows import Flows
from edgeguard_core.inference import Scorer
from edgeguard_core.pipeline.preprocess import preprocess
from edgeguard_core.pipeline.progress import silent
from edgeguard_core.pipeline.reading import read_all
from edgeguard_core.pipeline.score import scored_batches
from edgeguard_core.pipeline.train import TrainRequest, train
from edgeguard_core.sources import ReadOptions, ReadReport
from edgeguard_core.sources.synthesis import ATTACKS, STRENGTHS, inject
from edgeguard_core.sources.synthesis.causes import TRUE_CAUSES

SEED = 0
FIRST = 3
CHANGES = (1, 2, 3, 4)
SAMPLES = Path(__file__).parents[1] / "sample_data"
HONEYPOTS = ("4-1", "5-1", "7-1")


@dataclass(frozen=True)
class Case:
    """Flows to learn from, and flows whose alerts are explained."""

    title: str
    learned: tuple[Path, ...]
    judged: tuple[Path, ...]


def cases(data: Path, folder: Path) -> list[Case]:
    """Every set: parted in halves where nothing else is given."""
    home = tuple(data / f"zeek/iot23_honeypot_{name}.csv" for name in HONEYPOTS)
    mirai = data / "zeek/iot23_34-1_conn.log.labeled.gz"
    return [
        Case("NSL-KDD", *_given(data, "nsl-kdd/KDDTrain+.txt.gz", "nsl-kdd/KDDTest+.txt.gz")),
        _halves("UNSW-NB15", data / "unsw-nb15/UNSW_NB15_82332.csv.gz", folder),
        _halves("CIC-IDS2017 Tuesday", data / "cic-ids2017/tuesday_sampled.csv.gz", folder),
        _halves("IoT-23 34-1", mirai, folder),
        Case("IoT-23 34-1, model of another home", home, (mirai,)),
        Case(
            "DDoS captures, model of a smart home", _pcaps(data, "benign-iot"), _pcaps(data, "ddos")
        ),
        Case(
            "demo (synthesised office)",
            *_given(SAMPLES, "office_day.csv.gz", "office_with_attacks.csv.gz"),
        ),
    ]


def _given(folder: Path, learned: str, judged: str) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    return (folder / learned,), (folder / judged,)


def _pcaps(data: Path, name: str) -> tuple[Path, ...]:
    return tuple(sorted(p for p in (data / "pcap" / name).rglob("*") if p.is_file()))


def _halves(title: str, path: Path, folder: Path) -> Case:
    parts = preprocess([path], folder / "parts" / title, test_share=0.5)
    return Case(title, (parts.train,), (parts.test,))


def learned(paths: Sequence[Path], out: Path) -> Detector:
    """The detector that these flows teach."""
    request = TrainRequest(paths=paths, out=out, lean=True, force=True)
    return Detector(train(request, now=lambda: datetime.now(UTC)).bundle)


def alerts_of(detector: Detector, paths: Sequence[Path], most: int) -> tuple[ModelInput, int]:
    """Some alerts as the model reads them, drawn by the seed, and how many there are.

    Of labelled flows the attacks alone.
    """
    parts = []
    for flows, scored in scored_batches(detector, paths, None, ReadReport(), silent):
        wanted = detector.threshold.alerts(scored.scores)
        if flows.labels is not None and flows.is_attack.any():
            wanted &= flows.is_attack
        parts.append(detector.bundle.preprocessor.transform(flows.select(wanted)))
    found = ModelInput.concat(parts)
    drawn = np.random.default_rng(SEED).permutation(len(found))[:most]
    return found.select(np.sort(drawn)), len(found)


def undone(detector: Detector, alerts: ModelInput) -> dict[str, Any]:
    """What share of the alerts each way brings under the threshold, by number of changes."""
    prototypes = detector.bundle.prototypes
    if prototypes is None:
        raise AssertionError("a bundle trained now has prototypes")
    ours: dict[int, float] = {}
    features: list[int] = []
    milliseconds = 0.0
    for most in CHANGES:
        near = Counterfactuals(detector, prototypes, most=most)
        started = time.perf_counter()
        order = near.order(alerts)
        found = [near.find(_one(alerts, k), order[k]) for k in range(len(alerts))]
        ours[most] = float(np.mean([one.is_under for one in found]))
        if most == FIRST:
            milliseconds = 1000 * (time.perf_counter() - started) / len(alerts)
            features = [sum(len(f.members) for f in one.changes) for one in found]
    nearest = near.inputs.select(order[:, 0])
    return {
        "causes": ours,
        "share_nearest": by_share(detector, alerts, nearest),
        "share_mean": by_share(detector, alerts, mean_flow(detector, len(alerts))),
        "features_changed": float(np.mean(features)),
        "ms_an_alert": milliseconds,
    }


def _one(inputs: ModelInput, row: int) -> ModelInput:
    return inputs.select(slice(row, row + 1))


def by_share(detector: Detector, alerts: ModelInput, other: ModelInput) -> dict[int, float]:
    """The same for single features in the order of their share, set to another flow's values."""
    order = np.argsort(
        -shares(Scorer(detector.bundle.model).score(alerts).feature_errors), axis=1, kind="stable"
    )
    n_numeric = alerts.numeric.shape[1]
    numeric, categorical = alerts.numeric.copy(), alerts.categorical.copy()
    found = {}
    for k in CHANGES:
        for row, at in enumerate(order[:, k - 1].tolist()):
            if at < n_numeric:
                numeric[row, at] = other.numeric[row, at]
            else:
                categorical[row, at - n_numeric] = other.categorical[row, at - n_numeric]
        scores = detector.score_inputs(ModelInput(numeric, categorical))
        found[k] = float((~detector.threshold.alerts(scores)).mean())
    return found


def mean_flow(detector: Detector, n: int) -> ModelInput:
    """The mean of all benign flows, and of categories the commonest, ``n`` times."""
    fitted = detector.bundle.preprocessor
    means = [inverse(np.array([f.mean]), f.transform)[0] for f in fitted.numeric]
    commonest = [int(np.argmax(known.counts)) for known in fitted.categorical]
    return ModelInput(
        np.tile(np.array(means, np.float32), (n, 1)), np.tile(np.array(commonest, np.int32), (n, 1))
    )


def first_named(told: Explanation) -> list[str]:
    """The first three features: the first of each cause, then their next ones, then by share."""
    causes = () if told.what_if is None else told.what_if.causes
    columns = zip_longest(*([feature.name for feature in cause.features] for cause in causes))
    named = [name for column in columns for name in column if name is not None]
    named += [feature.name for feature in told.features]
    return list(dict.fromkeys(named))[:FIRST]


def by_share_named(told: Explanation) -> list[str]:
    """The three features with the largest shares."""
    return [feature.name for feature in told.features[:FIRST]]


def known_causes(detector: Detector, own: Flows, most: int) -> dict[str, dict[str, Any]]:
    """Of each kind laid into these flows: alerts, and the share with a true cause named."""
    explained: dict[str, list[Explanation]] = {kind: [] for kind in ATTACKS}
    for strength in STRENGTHS:
        mixed = inject(own, (), strength, SEED)
        flows = with_context(mixed.flows).select(np.flatnonzero(mixed.is_injected))
        alerted = detector.threshold.alerts(detector.score(flows).scores)
        if flows.labels is None:
            raise AssertionError("what is laid in is labelled")
        for kind in ATTACKS:
            rows = np.flatnonzero(alerted & (flows.labels.class_name == kind))
            rows = np.random.default_rng(SEED).permutation(rows)[:most]
            explained[kind] += explain(detector, flows.select(np.sort(rows)), top=2 * FIRST)
    return {kind: _judged(kind, told) for kind, told in explained.items()}


def _judged(kind: str, told: Sequence[Explanation]) -> dict[str, Any]:
    def share(names: Callable[[Explanation], list[str]]) -> float | None:
        hits = [not set(names(one)).isdisjoint(TRUE_CAUSES[kind]) for one in told]
        return float(np.mean(hits)) if hits else None

    under = [one.what_if is not None and one.what_if.is_under for one in told]
    return {
        "alerts": len(told),
        "named": share(first_named),
        "by_share": share(by_share_named),
        "under": float(np.mean(under)) if told else None,
    }


def chance(detector: Detector) -> dict[str, float]:
    """How often three features drawn at random hold a true cause, by kind."""
    n = len(detector.features)
    names = set(detector.features)
    m = {kind: len(names.intersection(causes)) for kind, causes in TRUE_CAUSES.items()}
    return {k: 1 - float(np.prod([(n - m[k] - i) / (n - i) for i in range(FIRST)])) for k in m}


def benign_of(paths: Sequence[Path]) -> Flows:
    """The benign flows of some files."""
    flows, _ = read_all(paths, ReadOptions(), silent)
    kept: NDArray[np.bool_] = ~flows.is_attack
    return flows.select(kept)


def measure(data: Path, most: int) -> dict[str, Any]:
    """Everything, in the order of the page."""
    started = time.perf_counter()
    found: dict[str, Any] = {"alerts_drawn": most, "seed": SEED, "real": {}, "known": {}}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for case in cases(data, folder):
            detector = learned(case.learned, folder / "bundle")
            alerts, n = alerts_of(detector, case.judged, most)
            size = len(detector.bundle.files["prototypes.npz"])
            found["real"][case.title] = {
                "alerts": n, "prototypes": len(detector.bundle.prototypes or ()),
                "prototype_bytes": size, **undone(detector, alerts),
            }  # fmt: skip
        office = learned([SAMPLES / "office_day.csv.gz"], folder / "office")
        found["known"]["office"] = known_causes(
            office, benign_of([SAMPLES / "office_with_attacks.csv.gz"]), most // 4
        )
        homes = [data / f"zeek/iot23_honeypot_{name}.csv" for name in HONEYPOTS]
        home = learned([homes[0], homes[2]], folder / "home")
        found["known"]["smart home"] = known_causes(home, benign_of([homes[1]]), most // 4)
        found["chance"] = chance(office)
    found["minutes"] = round((time.perf_counter() - started) / 60, 1)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--alerts", type=int, default=200, help="explained of each set")
    asked = parser.parse_args()
    print(json.dumps(measure(asked.data, asked.alerts), indent=1))


if __name__ == "__main__":
    main()
