"""What a person should know about the columns a model was trained on, a sentence each."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.features.preprocessing import Preprocessor
from edgeguard_core.flows.finding import named
from edgeguard_core.flows.table import Flows

EXPLODES = 1e6
"""A value so many times the largest ordinary one is a counter that ran over, or another unit."""

MOVES = 0.9
"""Distance of the first and the last third of the time from which they hardly overlap
(Kolmogorov-Smirnov for numbers, total variation for words); traffic of a day reaches .7."""

_ONE_SIDED = ("src_network", "dst_network")  # constant where all flows begin or end at home
_FEW_SHARE, _FEW = 0.01, 3  # values that explode; more of them are a scale of their own
_LEAST_ORDINARY = 1_000.0  # of a column that is 0 but for a few values
_FEWEST_ROWS = 300  # thirds of fewer differ by chance


def column_remarks(flows: Flows, preprocessor: Preprocessor) -> list[str]:
    """Columns that are constant, explode or move within the training time; at most three lines.

    Context columns are left aside: they begin at nothing in every file.

    Parameters
    ----------
    flows
        Those that were fitted, ``(n,)``.
    preprocessor
        Made of them; names the columns that the model reads.
    """
    names = [n for n in preprocessor.features if not flows.schema.column(n).context]
    remarks = [_constant(flows, names), _exploding(flows, names), _moving(flows, names)]
    return [remark for remark in remarks if remark]


def _constant(flows: Flows, names: list[str]) -> str:
    same = [n for n in names if n not in _ONE_SIDED and _is_constant(flows.columns[n])]
    if not same:
        return ""
    many = len(same) > 1
    return (
        f"{len(same)} column{'s hold' if many else ' holds'} one value in all training flows "
        f"({named(same)}), so any other will count as odd; --leave-out NAME leaves one out."
    )


def _is_constant(values: NDArray[Any]) -> bool:
    if values.dtype == np.float64:
        filled = np.where(np.isfinite(values), values, 0.0)
        return bool((filled == filled[0]).all())
    return len(set(values.tolist())) == 1


def _exploding(flows: Flows, names: list[str]) -> str:
    found = list(_explosions(flows, names))
    if not found:
        return ""
    return (
        f"A few values of {named(found)} lie many orders of magnitude beyond all others, which no "
        "scale fits both of: mend the exporter, take these flows out, or leave the column out "
        "with --leave-out NAME."
    )


def _explosions(flows: Flows, names: list[str]) -> Iterator[str]:
    """The columns, each with its largest value and the largest ordinary one."""
    for name in names:
        values = flows.columns[name]
        if values.dtype != np.float64:
            continue
        sizes = np.sort(np.abs(values[np.isfinite(values)]))
        few = max(_FEW, int(_FEW_SHARE * len(sizes)))
        if len(sizes) <= few:
            continue
        ordinary, largest = float(sizes[-few - 1]), float(sizes[-1])
        least = max(ordinary, 1.0) if ordinary > 0 else _LEAST_ORDINARY
        if largest > EXPLODES * least:
            yield f"{name} (up to {largest:.3g}, elsewhere up to {ordinary:.3g})"


def _moving(flows: Flows, names: list[str]) -> str:
    times = flows.time_ms
    known = np.flatnonzero(~np.isnan(times)) if times is not None else np.zeros(0, np.int64)
    if times is None or len(known) < _FEWEST_ROWS:
        return ""
    order = known[np.argsort(times[known], kind="stable")]
    third = len(order) // 3
    first, last = order[:third], order[-third:]
    moved = [n for n in names if _distance(flows.columns[n], first, last) >= MOVES]
    if not moved:
        return ""
    many = len(moved) > 1
    return (
        f"{named(moved)} moved within the training time: the last third hardly resembles the "
        f"first. Train on a time in which {'they are' if many else 'it is'} as will be normal."
    )


def _distance(values: NDArray[Any], first: NDArray[np.int64], last: NDArray[np.int64]) -> float:
    """How far two parts of a column are from one another, 0 to 1."""
    if values.dtype != np.float64:
        words = np.unique(np.concatenate([values[first], values[last]]).astype(str))
        shares = [
            np.bincount(np.searchsorted(words, values[part].astype(str)), minlength=len(words))
            / len(part)
            for part in (first, last)
        ]
        return float(np.abs(shares[0] - shares[1]).sum() / 2)
    a, b = (np.sort(np.nan_to_num(values[part])) for part in (first, last))
    at = np.concatenate([a, b])
    below = [np.searchsorted(part, at, side="right") / len(part) for part in (a, b)]
    return float(np.abs(below[0] - below[1]).max())
