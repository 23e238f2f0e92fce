"""What calibrating on the spot is worth, capture by capture, also with attacks in those hours.

usage: python benchmarks/local_calibration.py FOLDER_OF_ZEEK_LOGS [--seed 0] [--out FILE.md]

A model learns the benign flows of other captures: of each other one alone, and of all together.
On a capture it never saw, three thresholds promise the same 1 %: that of the other captures, plain
split conformal on the first third of the capture's own traffic, and ``leave_out_bursts`` on the
same, clean and with the capture's own attacks among it. What comes later is judged. Prints a page
of Markdown; nothing else is written but ``--out``.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from local_calibration_page import ALL_OTHERS, ROLLING, SHARES, THIRDS, Outcome, Row, page
from numpy.typing import NDArray
from quality import sets

from edgeguard_core.config import TrainingConfig
from edgeguard_core.detection.incidents import hosts
from edgeguard_core.detection.local_scores import LocalScores
from edgeguard_core.features.context import attach, context_of
from edgeguard_core.features.preprocessing import Preprocessor
from edgeguard_core.files import write_whole
from edgeguard_core.flows.table import Flows
from edgeguard_core.inference import Scorer
from edgeguard_core.pipeline.splits import split
from edgeguard_core.pipeline.thinning import thinned
from edgeguard_core.thresholds import Calibration, conformal, needed_rows

PROMISE = 0.01
ALLOWED = 0.01
"""Contamination that is allowed for; 5 % breaks that bound on purpose."""
FEWEST_BENIGN = 200
"""Benign flows of a capture that is judged, or learned from alone."""
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Model:
    """A fitted model, and the threshold it would ship with."""

    preprocessor: Preprocessor
    scorer: Scorer
    columns: frozenset[str]
    foreign: float

    def score(self, flows: Flows) -> Scores:
        """Scores of flows that have their context, ``(n,)``."""
        known = {name: c for name, c in flows.columns.items() if name in self.columns}
        found = self.scorer.score(self.preprocessor.transform(replace(flows, columns=known)))
        return np.asarray(found.score, np.float32)


def fitted(captures: Sequence[Flows], shared: frozenset[str], seed: int) -> Model:
    """A model of the benign flows of some captures, as ``train`` makes it."""
    from edgeguard_core.model import convert, train_weights

    config = TrainingConfig(seed=seed)
    normals = [_with_context(flows.select(flows.is_benign)) for flows in captures]
    timeline = np.repeat(np.arange(len(normals)), [len(flows) for flows in normals])
    flows = Flows.concat(
        [
            replace(each, columns={n: c for n, c in each.columns.items() if n in shared})
            for each in normals
        ]
    )
    parts = split(flows, sets.CALIBRATION_SHARE, timeline=timeline)
    learned = flows.select(parts.first)
    preprocessor = Preprocessor.fit(learned, config)
    fitted = preprocessor.transform(learned)
    fitted = fitted.select(thinned(fitted, preprocessor, config))
    weights = train_weights(fitted, preprocessor, config)
    scorer = Scorer(convert(weights, preprocessor, config, "float32"))
    model = Model(preprocessor, scorer, shared, 0.0)
    return replace(model, foreign=_plain(model.score(flows.select(parts.last))))


def rows(model: Model, learned: str, name: str, capture: Flows) -> Iterator[Row]:
    """The capture judged with each kind of first third."""
    everything = _with_context(capture)
    scores, times = model.score(everything), everything.time_ms
    assert times is not None
    benign, attack = everything.is_benign, everything.is_attack
    for third in THIRDS:
        until_ms = _end_of_third(times, benign, third)
        within = times <= until_ms
        later = benign & ~within

        def outcome(
            threshold: float, left_out: int = 0, later: NDArray[np.bool_] = later
        ) -> Outcome:
            alerts = scores >= np.float32(threshold)
            recall = float(alerts[attack].mean()) if attack.any() else float("nan")
            return Outcome(float(alerts[later].mean()), recall, left_out)

        plain, robust = {}, {}
        for share in SHARES:
            kept = _with_attacks(benign & within, attack & within, times, share)
            if kept is None:
                continue
            local = _with_context(capture.select(kept))
            local_scores = model.score(local)
            plain[share] = outcome(_plain(local_scores))
            collected = LocalScores(most=None)
            assert local.time_ms is not None
            collected.add(local_scores, hosts(local), local.time_ms)
            found = collected.calibrate(PROMISE, name, ALLOWED)
            robust[share] = outcome(found.threshold.value, found.left_out)
        yield Row(
            learned, name, third, int((benign & within).sum()),
            (until_ms - float(times.min())) / 3.6e6, outcome(model.foreign),
            outcome(float(np.quantile(scores[later], 1 - PROMISE, method="higher"))),
            plain, robust,
            _again(model, capture, scores, until_ms) if third == "hours" else {},
        )  # fmt: skip


def _again(model: Model, capture: Flows, scores: Scores, until_ms: float) -> dict[str, float]:
    """Realised rates after ``until_ms`` if calibrated again and again on clean benign flows."""
    clean = _with_context(capture.select(capture.is_benign))
    assert clean.time_ms is not None
    order = np.argsort(clean.time_ms, kind="stable")
    times, seen_from = clean.time_ms[order], hosts(clean)[order]
    own, judged = model.score(clean)[order], scores[capture.is_benign][order]
    later = times > until_ms
    found = {}
    for word, (share, all_so_far) in ROLLING.items():
        every_ms = share * (times[-1] - times[0])
        alerts, threshold, first, begun = np.zeros(len(times), np.bool_), None, 0, 0
        for at in range(len(times)):
            if times[at] - times[begun] >= every_ms and at - first >= needed_rows(PROMISE):
                collected = LocalScores(most=None)
                collected.add(own[first:at], seen_from[first:at], times[first:at])
                threshold = collected.calibrate(PROMISE, word, ALLOWED).threshold
                begun, first = at, 0 if all_so_far else at
            if threshold is not None:
                alerts[at] = judged[at] >= np.float32(threshold.value)
        found[word] = float(alerts[later].mean())
    return found


def _end_of_third(times: NDArray[np.float64], benign: NDArray[np.bool_], third: str) -> float:
    if third == "flows":
        ordered = np.sort(times[benign])
        return float(ordered[round(len(ordered) * sets.LOCAL_CALIBRATION_SHARE) - 1])
    return float(times.min() + (times.max() - times.min()) * sets.LOCAL_CALIBRATION_SHARE)


def _with_attacks(
    benign: NDArray[np.bool_], attack: NDArray[np.bool_], times: NDArray[np.float64], share: float
) -> NDArray[np.bool_] | None:
    """The benign flows, and the first attacks of the same hours up to that share; None of none."""
    wanted = round(share * np.count_nonzero(benign) / (1 - share))
    first = np.flatnonzero(attack)
    first = first[np.argsort(times[first], kind="stable")][:wanted]
    if wanted and not len(first):
        return None
    chosen = benign.copy()
    chosen[first] = True
    return chosen


def _plain(scores: Scores) -> float:
    return conformal(Calibration.fit(scores).sketch, PROMISE, "").value


def _with_context(flows: Flows) -> Flows:
    return attach(flows, context_of(flows))


def measured(data: Path, seed: int) -> list[Row]:
    """Every capture with every model that did not learn it."""
    from edgeguard_core.pipeline.progress import silent
    from edgeguard_core.pipeline.reading import read_all
    from edgeguard_core.sources import ReadOptions

    files = {**sets.ATTACKED, **sets.BENIGN_ONLY}
    captures = {n: read_all([data / f], ReadOptions(), silent)[0] for n, f in files.items()}
    shared = frozenset.intersection(
        *(frozenset(_with_context(flows).columns) for flows in captures.values())
    )
    large = [n for n, flows in captures.items() if int(flows.is_benign.sum()) >= FEWEST_BENIGN]
    found: list[Row] = []
    for name in large:
        alone = fitted([captures[name]], shared, seed)
        for judged in large:
            if judged != name:
                found += rows(alone, name, judged, captures[judged])
        others = [flows for other, flows in captures.items() if other != name]
        found += rows(fitted(others, shared, seed), ALL_OTHERS, name, captures[name])
        print(f"{name} is done", flush=True)
    return found


def main() -> None:
    """Measure every pair and print the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    text = page(measured(asked.folder, asked.seed), asked.seed)
    if asked.out is not None:
        write_whole(asked.out, text.encode())
    print(text)


if __name__ == "__main__":
    main()
