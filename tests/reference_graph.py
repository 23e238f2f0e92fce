"""A slow, plain numpy account of the graph, and small flows to run it on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.config import TrainingConfig
from edgeguard_core.features import ModelInput, Preprocessor
from edgeguard_core.flows.schema import Column, Role, Schema
from edgeguard_core.flows.table import ATTACK, BENIGN, Flows, Labels

SCHEMA = Schema(
    name="small",
    version=1,
    title="A small schema for tests",
    columns=(
        Column("duration_ms", Role.NUMERIC),
        Column("bytes", Role.NUMERIC),
        Column("bytes_again", Role.NUMERIC),
        Column("share", Role.NUMERIC, transform="linear"),
        Column("urgent", Role.NUMERIC),
        Column("wrong", Role.NUMERIC),
        Column("never_seen", Role.NUMERIC),
        Column("protocol", Role.CATEGORICAL, "string"),
        Column("service", Role.CATEGORICAL, "string"),
    ),
)

SMALL = TrainingConfig(steps=120, batch_rows=32, hidden=(16, 8), bottleneck=3, seed=3)
"""Enough steps to be no longer random, few enough for a test."""


def small_flows(n: int, seed: int = 0, *, attacks: int = 0) -> Flows:
    """Benign flows whose bytes follow from their duration, then attacks where they do not."""
    rng = np.random.default_rng(seed)
    total = n + attacks
    duration = rng.lognormal(4, 1.5, total)
    volume = duration * 12 + rng.normal(0, 5, total)
    volume[n:] = rng.lognormal(9, 2, attacks)
    protocol = np.where(duration > 60, "tcp", "udp").astype(object)
    service = np.array([f"port-{i}" for i in rng.zipf(1.7, total) % 40], dtype=object)
    is_attack = np.arange(total) >= n
    return Flows(
        schema=SCHEMA,
        columns={
            "duration_ms": duration,
            "bytes": volume,
            "bytes_again": volume.copy(),
            "share": rng.random(total),
            "urgent": np.zeros(total),
            "wrong": np.where(is_attack, 3.0, 0.0),
            "protocol": protocol,
            "service": service,
        },
        labels=Labels(
            np.where(is_attack, ATTACK, BENIGN).astype(np.int8),
            np.where(is_attack, "flood", "benign").astype(object),
        ),
        line=np.arange(1, total + 1),
    )


@dataclass(frozen=True)
class Answers:
    """What the graph answers, in float64."""

    x: NDArray[np.float64]
    m: NDArray[np.float64]
    s: NDArray[np.float64]
    latent: NDArray[np.float64]
    score: NDArray[np.float64]
    feature_errors: NDArray[np.float64]


def run_graph(
    inputs: ModelInput,
    preprocessor: Preprocessor,
    arrays: dict[str, NDArray[Any]],
    config: TrainingConfig,
) -> Answers:
    """The graph as the recipe tells it, one feature and one layer after the other."""
    columns = []
    for position, feature in enumerate(preprocessor.numeric):
        raw = inputs.numeric[:, position].astype(np.float64)
        u = np.sign(raw) * np.log1p(np.abs(raw)) if feature.transform == "log" else raw
        z = (u - feature.mean) / feature.scale
        columns.append(np.clip(z, -config.z_limit, config.z_limit))
    for position, known in enumerate(preprocessor.categorical):
        for value in range(len(known.values) + 1):
            hit = inputs.categorical[:, position] == value
            columns.append(hit * config.one_hot_weight)
    x = np.stack(columns, axis=1)

    h = x
    n_hidden = len(config.hidden)
    for layer in range(2 * n_hidden + 2):
        h = h @ arrays[f"kernel_{layer}"].astype(np.float64) + arrays[f"bias_{layer}"]
        if layer == n_hidden:
            latent = h
        elif layer != 2 * n_hidden + 1:
            h = h / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (h + 0.044715 * h**3)))
    m = h[:, : x.shape[1]]
    s = np.clip(h[:, x.shape[1] :], -config.log_sigma_limit, config.log_sigma_limit)

    terms = _terms((x - m) * np.exp(-s), arrays)
    errors = [terms[:, where].sum(axis=1) for where in preprocessor.expanded.values()]
    return Answers(x, m, s, latent, terms.mean(axis=1), np.stack(errors, axis=1))


def _terms(r: NDArray[np.float64], arrays: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
    """The score's parts, one row after the other."""
    if "whitening_scale" not in arrays:
        return r**2
    scale, down, up = (
        arrays[f"whitening_{part}"].astype(np.float64) for part in ("scale", "down", "up")
    )
    whitens = (np.eye(r.shape[1]) + down @ up) * scale[:, None]
    found = np.empty_like(r)
    for row, residual in enumerate(r):
        plain, whitened = residual**2, (residual @ whitens) ** 2
        weight = np.sqrt((whitened.mean() + 1e-9) / (plain.mean() + 1e-9))
        found[row] = (plain * weight + whitened / weight) / 2
    return found


def reference_loss(answers: Answers, config: TrainingConfig) -> float:
    """The loss of the recipe, summed cell by cell."""
    total = 0.0
    for x, m, s in zip(answers.x.flat, answers.m.flat, answers.s.flat, strict=True):
        error, variance = (m - x) ** 2, np.exp(2 * s)
        total += (error / (2 * variance) + s) * variance**config.beta
        total += config.mse_weight * error
    return float(total / answers.x.size)
