"""What attacks among unlabelled training flows cost, and what is said about them.

usage: python benchmarks/contamination.py DATA_FOLDER [--seed 0] [--out FILE.md]

Attacks of each set, drawn at random, are mixed without a label into the benign flows that are
learned: 0, 1 and 5 % of them.
These attacks are not judged. ROC AUC of what ``train`` makes of it, of the same network when all
flows are learned as they are, and of IsolationForest with its ``contamination`` on the same matrix.
Prints a page of Markdown; nothing else is written but ``--out``.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from quality import ours, sets
from quality.matrices import OURS, Inputs, inputs_of, matrices_of

from edgeguard_core.config import TrainingConfig
from edgeguard_core.features.context import attach, context_of
from edgeguard_core.files import write_whole
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.splits import NormalFlows, split
from edgeguard_core.pipeline.suspicion import Suspicion, suspect

NAMES = ("nsl-kdd", "unsw-nb15", "cic-tuesday", "cic-thursday", "iot-34-1", "stratosphere-008")
SHARES = (0.0, 0.01, 0.05)
ALLOWED_LOSS = 0.02
PROMISE = 0.01


@dataclass(frozen=True)
class Mixed:
    """Learned flows without labels, some of them attacks, and the labelled ones to judge by."""

    learned: Flows
    is_attack: NDArray[np.bool_]
    test: Flows
    timed: bool


@dataclass(frozen=True)
class Row:
    """One set with one share: ROC AUC by what was learned, and what training said."""

    name: str
    share: float
    attacks: int
    found: int
    benign_left_out: int
    ours: float
    as_it_is: float
    forest: float
    suspicion: Suspicion


def mixed(name: str, share: float, seed: int, data: Path) -> Mixed:
    """A set with attacks among what is learned."""
    learned, test, attacks = _parts(name, data)
    rng = np.random.default_rng(seed)
    count = round(share * len(learned) / (1 - share))
    drawn = np.sort(rng.choice(len(attacks), count, replace=False))
    unlabelled = (replace(flows, labels=None) for flows in (learned, attacks.select(drawn)))
    everything = Flows.concat(list(unlabelled))
    judged = np.ones(len(test), np.bool_)
    judged[np.flatnonzero(test.is_attack)[drawn]] = False
    order = rng.permutation(len(everything))
    is_attack = np.arange(len(everything)) >= len(learned)
    return Mixed(
        everything.select(order), is_attack[order], test.select(judged), name in sets.ATTACKED
    )


def _parts(name: str, data: Path) -> tuple[Flows, Flows, Flows]:
    """What is learned, what is judged, and the judged attacks as they would be learned."""
    if name not in sets.ATTACKED:
        parts = next(found for found in sets.listed() if found.name == name).open(data)
        learned = Flows.concat([parts.fit, parts.calibration])
        return learned, parts.test, parts.test.select(parts.is_attack)
    capture = sets.read(data, f"zeek/{sets.ATTACKED[name]}")
    benign = capture.select(capture.is_benign)
    halves = split(benign, 0.5)
    judged = capture.is_attack.copy()
    judged[np.flatnonzero(capture.is_benign)[halves.last]] = True
    test = attach(capture, context_of(capture)).select(judged)
    return benign.select(halves.first), test, capture.select(capture.is_attack)


def row(name: str, share: float, seed: int, data: Path) -> Row:
    """All detectors on one set with one share of attacks."""
    config = TrainingConfig(seed=seed)
    given = mixed(name, share, seed, data)
    n = len(given.learned)
    suspicion = suspect(
        NormalFlows(given.learned, np.ones(n, np.bool_), []),
        np.ones(n, np.bool_),
        np.zeros(n, np.int64),
        held_out=sets.CALIBRATION_SHARE,
        promise=PROMISE,
    )
    kept = np.ones(n, np.bool_)
    kept[suspicion.left_out] = False
    plain = _inputs(given, np.ones(n, np.bool_), config)
    as_it_is = _auc(plain, given.test, config)
    return Row(
        name, share, int(given.is_attack.sum()),
        found=int((~kept & given.is_attack).sum()),
        benign_left_out=int((~kept & ~given.is_attack).sum()),
        ours=as_it_is
        if kept.all()
        else _auc(_inputs(given, kept, config), given.test, config),
        as_it_is=as_it_is,
        forest=_forest(plain, given.test, config, share),
        suspicion=suspicion,
    )  # fmt: skip


def _inputs(given: Mixed, kept: NDArray[np.bool_], config: TrainingConfig) -> Inputs:
    learned = given.learned.select(kept)
    if given.timed:
        learned = attach(learned, context_of(learned))
    parts = split(learned, sets.CALIBRATION_SHARE, seed=config.seed)
    return inputs_of(
        sets.Parts(learned.select(parts.first), learned.select(parts.last), given.test), config
    )


def _auc(inputs: Inputs, test: Flows, config: TrainingConfig) -> float:
    from sklearn.metrics import roc_auc_score

    scored = ours.run(inputs, config.seed, config).variants["float32"]
    return float(roc_auc_score(test.is_attack, scored.test))


def _forest(inputs: Inputs, test: Flows, config: TrainingConfig, share: float) -> float:
    from sklearn.ensemble import IsolationForest
    from sklearn.metrics import roc_auc_score

    matrices = matrices_of(inputs, OURS, config)
    forest = IsolationForest(contamination=share or "auto", random_state=config.seed)
    scores = -forest.fit(matrices.fit).score_samples(matrices.test)
    return float(roc_auc_score(test.is_attack, scores))


def page(rows: list[Row]) -> Iterator[str]:
    """The table of the page, line by line; losses of more than .02 are in bold."""
    yield (
        "| set | attacks among what is learned | of them left out | benign left out | `train` |"
        " learned as it is | IsolationForest | said |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    clean: dict[str, Row] = {}
    for found in rows:
        first = clean.setdefault(found.name, found)
        pairs = (
            (found.ours, first.ours),
            (found.as_it_is, first.as_it_is),
            (found.forest, first.forest),
        )
        cells = [_cell(now, before, found.share) for now, before in pairs]
        said = "yes" if found.suspicion.suspected else "no" if found.share else "nothing"
        yield (
            f"| {found.name} | {found.attacks:,} ({found.share:.0%}) | {found.found:,} | "
            f"{found.benign_left_out:,} | {' | '.join(cells)} | {said} |"
        )


def _cell(now: float, before: float, share: float) -> str:
    if not share:
        return f"{now:.3f}"
    loss = f"{now - before:+.3f}"
    return f"{now:.3f} ({f'**{loss}**' if before - now > ALLOWED_LOSS else loss})"


def main() -> None:
    """Measure every set and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    rows = [row(name, share, asked.seed, asked.data) for name in NAMES for share in SHARES]
    said = [f"- {x.name}, {x.share:.0%}: {w}" for x in rows for w in x.suspicion.warnings]
    text = "\n".join([*page(rows), "", "What training said:", "", *said]) + "\n"
    print(text)
    if asked.out is not None:
        write_whole(asked.out, text)


if __name__ == "__main__":
    main()
