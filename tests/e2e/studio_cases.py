"""Synthetic evaluations for the Studio: log-normal scores of a million flows in fifteen classes."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from edgeguard_core.evaluation import sketch_of
from edgeguard_core.flows.table import ATTACK, BENIGN, UNLABELLED, Labels
from edgeguard_core.thresholds import ThresholdSketch, conformal

ATTACKS = (
    "DoS Hulk", "PortScan", "DDoS", "DoS GoldenEye", "FTP-Patator", "SSH-Patator", "DoS slowloris",
    "DoS Slowhttptest", "Bot", "Web Attack Brute Force", "Web Attack XSS", "Infiltration",
    "Web Attack Sql Injection", "Heartbleed",
)  # fmt: skip
FLOWS = (90_000, 60_000, 50_000, 4_000, 3_000, 2_500, 2_200, 2_000, 1_500, 900, 400, 36, 21, 11)


@dataclass(frozen=True)
class Case:
    """An evaluation to show."""

    sketch: ThresholdSketch
    incidents: ThresholdSketch | None
    in_force: float


@lru_cache(maxsize=8)
def case(name: str) -> Case:
    """The evaluation of that name, the same every time."""
    return {
        "million": lambda: _case(1_000_000),
        "small": lambda: _case(5_000),
        "tiny": lambda: _case(1_500),
        "unlabelled": lambda: _case(20_000, labels=False),
        "timeless": lambda: _case(20_000, hours=None, incidents=False),
        "equal": _equal,
        "nan": _with_nan,
        "mixed": lambda: _case(20_000, unknown=True),
    }[name]()


def _case(
    n: int,
    *,
    labels: bool = True,
    hours: float | None = 24.0,
    incidents: bool = True,
    unknown: bool = False,
) -> Case:
    rng = np.random.default_rng(7)
    sizes = [max(3, int(k * n / 1_000_000)) for k in FLOWS]
    n_benign = n - sum(sizes)
    scores = [rng.lognormal(-1.2, 0.55, n_benign)]
    names = ["benign"] * n_benign
    for position, (attack, size) in enumerate(zip(ATTACKS, sizes, strict=True)):
        scores.append(rng.lognormal(1.8 - 0.17 * position, 0.7, size))
        names += [attack] * size
    values = np.concatenate(scores).astype(np.float32)
    words = np.array(names, object)
    label = np.where(words == "benign", BENIGN, ATTACK).astype(np.int8)
    if unknown:
        label[rng.random(n) < 0.3] = UNLABELLED
    found = sketch_of(values, Labels(label, words) if labels else None, hours)
    return Case(
        found,
        _incidents(values, found, hours) if incidents else None,
        conformal(found, 0.01, "synthetic").value,
    )


def _incidents(values: np.ndarray, sketch: ThresholdSketch, hours: float | None) -> ThresholdSketch:
    """Hosts of forty flows each, in order; an incident scores as its third highest flow."""
    hosts = values[: values.size // 40 * 40].reshape(-1, 40)
    third = np.partition(hosts, -3, axis=1)[:, -3]
    return ThresholdSketch.on_edges(third, sketch.edges, duration_hours=hours)


def _equal() -> Case:
    found = sketch_of(np.full(120, 0.71, np.float32), None, 1.0)
    return Case(found, None, 0.71)


def _with_nan() -> Case:
    values = np.array([0.1, 0.2, np.nan, 0.4, np.nan] * 40, np.float32)
    found = sketch_of(values, None, 2.0)
    return Case(found, None, 0.3)
