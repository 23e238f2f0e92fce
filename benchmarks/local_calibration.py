"""What calibrating on the spot is worth, capture by capture, also with attacks in those hours.

usage: python benchmarks/local_calibration.py FOLDER_OF_ZEEK_LOGS [--seed 0] [--out FILE.md]

A model learns the benign flows of other captures: of each other one alone, and of all together.
On a capture it never saw, three thresholds promise the same 1 %: that of the other captures, plain
split conformal on the first third of the capture's own traffic, and ``leave_out_bursts`` on the
same, clean and with the capture's own attacks among it. What comes later is judged. Prints a page
of Markdown; nothing else is written but ``--out``.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

import numpy as np
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
from edgeguard_core.thresholds import Calibration, conformal, needed_rows

PROMISE = 0.01
ALLOWED = 0.01
"""Contamination that is allowed for; 5 % breaks that bound on purpose."""
ALL_OTHERS = "all others"
FEWEST_BENIGN = 200
"""Benign flows of a capture that is judged, or learned from alone."""
THIRDS = ("flows", "hours")
SHARES = (0.0, 0.01, 0.05)
ROLLING = {
    "each 24th, on the last": (1 / 24, False),
    "each 8th, on the last": (1 / 8, False),
    "each third, on the last": (1 / 3, False),
    "each 24th, on all so far": (1 / 24, True),
}
"""How often, as a share of the capture's hours, and whether all flows so far calibrate."""

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Outcome:
    """A threshold at work: realised false-alarm rate, recall, and calibrating flows left out."""

    realised: float
    recall: float
    left_out: int = 0


@dataclass(frozen=True)
class Row:
    """One model on one capture.

    ``plain`` and ``robust`` by the share of attacks among the calibrating flows; shares that
    the capture has no attacks for are absent. ``best`` is the threshold that alerts 1 % of the
    later benign flows, which nobody can know: no threshold finds more at that rate. ``again`` is
    the realised rate when calibrated again and again, by the word of ``ROLLING``.
    """

    learned: str
    judged: str
    third: str
    flows: int
    hours: float
    foreign: Outcome
    best: Outcome
    plain: dict[float, Outcome]
    robust: dict[float, Outcome]
    again: dict[str, float] = field(default_factory=dict)


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
    weights = train_weights(preprocessor.transform(learned), preprocessor, config)
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


def page(found: Sequence[Row], seed: int) -> str:
    """The report."""
    parts = [OPENING.format(seed=seed)]
    for third in THIRDS:
        mine = [row for row in found if row.third == third]
        parts.append(f"## Calibrated on the first third of its {third}")
        for title, chosen in (
            ("Learned on all other captures", [r for r in mine if r.learned == ALL_OTHERS]),
            ("Learned on one other capture", [r for r in mine if r.learned != ALL_OTHERS]),
        ):
            parts.append(f"### {title}\n\n" + _summary(chosen) + "\n\n" + _table(chosen))
    parts.append(AGAIN + "\n\n" + _again_table([row for row in found if row.again]))
    return "\n\n".join(parts) + "\n"


OPENING = """# What calibrating on the spot is worth

Made by `python benchmarks/local_calibration.py "$EDGEGUARD_DATA/zeek" --out
docs/benchmarks/calibration.md`, seed {seed}. A model with host context learned other captures; the
judged capture is new to it. Every threshold promises 1 %:

- *elsewhere*: calibrated on held-out flows of the captures that were learned, as a bundle ships;
- *plain*: split conformal on the first third of the capture's own benign traffic;
- *here*: the same flows as `edgeguard threshold --calibrate` and the warm-up of `watch` take
  them, with up to 1 % attacks allowed for (`leave_out_bursts`).

*clean*, *1 %*, *5 %*: attacks among the calibrating flows, the first ones of the capture in those
hours (as many as there are, where fewer); 5 % is more than was allowed for. Cells are **realised
false-alarm rate / recall**: of the benign flows after the calibration, and of all attacks of the
capture. *Best* alerts 1 % of the very benign flows that are judged: what a model cannot
separate no threshold finds, so recall is to be read beside it. – where there is nothing to
count. Flows follow one another and repeat, so a third of a day does not always promise for the
rest of it: rates above 2 % are in bold."""


AGAIN = """## Calibrated again and again

Realised after the first third of the hours, clean: calibrated once (*here*), or again each so
many of the capture's hours, on the flows since the last time or on all so far. The captures last
a day at most, so this is about hours within a day: a threshold of the last quiet hours is too low
for the lively ones that follow. Periods shorter than a day do harm."""


def _again_table(rows: Sequence[Row]) -> str:
    lines = [
        "| judged | learned | once | " + " | ".join(ROLLING) + " |",
        "|---|---|---|" + "---|" * len(ROLLING),
    ]
    chosen = [row for row in rows if row.learned == ALL_OTHERS]
    for name, learned, rates in [
        *((row.judged, row.learned, _rates(row)) for row in chosen),
        ("**mean**", ALL_OTHERS, _means([_rates(row) for row in chosen])),
        ("**mean**", "one other", _means([_rates(r) for r in rows if r.learned != ALL_OTHERS])),
    ]:
        cells = [f"**{100 * r:.1f} %**" if r > 0.02 else f"{100 * r:.1f} %" for r in rates]
        lines.append(f"| {name} | {learned} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _rates(row: Row) -> list[float]:
    return [row.robust[0.0].realised, *row.again.values()]


def _means(rates: Sequence[Sequence[float]]) -> list[float]:
    return [_mean(column) for column in zip(*rates, strict=True)]


def _summary(rows: Sequence[Row]) -> str:
    lines = [
        "| threshold | mean realised | captures or pairs above 2 % | mean recall |",
        "|---|---|---|---|",
    ]
    cases = [("elsewhere", [r.foreign for r in rows])]
    for share, word in zip(SHARES, ("clean", "1 % attacks", "5 % attacks"), strict=True):
        cases.append((f"plain, {word}", [r.plain[share] for r in rows if share in r.plain]))
        cases.append((f"here, {word}", [r.robust[share] for r in rows if share in r.robust]))
    cases.append(("best", [r.best for r in rows]))
    for word, outcomes in cases:
        if not outcomes:
            continue
        above = sum(outcome.realised > 0.02 for outcome in outcomes)
        recall = _mean(o.recall for o in outcomes)
        lines.append(
            f"| {word} | {100 * _mean(o.realised for o in outcomes):.2f} % "
            f"| {above} of {len(outcomes)} | {_recall(recall)} |"
        )
    return "\n".join(lines)


def _table(rows: Iterable[Row]) -> str:
    lines = [
        "| judged | learned | flows, hours | elsewhere | plain, clean | here, clean | here, 1 % "
        "| here, 5 % | best |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.judged} | {r.learned} | {r.flows}, {r.hours:.1f} h | "
        + " | ".join(
            map(_cell, (r.foreign, r.plain.get(0.0), *(r.robust.get(s) for s in SHARES), r.best))
        )
        + " |"
        for r in sorted(rows, key=lambda r: (r.judged, r.learned))
    ]
    return "\n".join(lines)


def _cell(outcome: Outcome | None) -> str:
    if outcome is None:
        return "–"
    rate = f"{100 * outcome.realised:.1f} %"
    return f"{f'**{rate}**' if outcome.realised > 0.02 else rate} / {_recall(outcome.recall)}"


def _recall(recall: float) -> str:
    return "–" if np.isnan(recall) else f"{recall:.2f}"


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return fmean(known) if known else float("nan")


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
