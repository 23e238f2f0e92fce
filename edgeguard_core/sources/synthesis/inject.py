"""Attacks laid into somebody's own flows, so that one sees which of them would be caught."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import NotEnoughDataError, SchemaError
from edgeguard_core.flows.canonical import (
    DEFAULT_LOCAL_NETWORKS,
    NetworkTable,
    canonical_columns,
)
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import ATTACK, BENIGN, LABEL_WORDS, Flows, Labels
from edgeguard_core.sources.synthesis.arrivals import MS_PER_HOUR
from edgeguard_core.sources.synthesis.attacks import ATTACKS, Cast, attack_rows, require_kinds
from edgeguard_core.sources.synthesis.rows import Rows

NOT_IN_THE_SOURCE = 0
"""The line of a flow that was laid in; lines of a source count from 1."""

_BYTES_AND_PACKETS = ("src2dst_packets", "dst2src_packets", "src2dst_bytes", "dst2src_bytes")
_FALLBACK_HOSTS = ("192.168.1.10", "192.168.1.11", "192.168.1.12")


@dataclass(frozen=True)
class Injected:
    """Flows with attacks among them.

    Attributes
    ----------
    flows
        The rows given, unchanged but for labels, and the attacks, by time where there is any.
        The line of an attack is 0.
    counts
        How many flows each kind of attack added.
    is_injected
        Which rows were added, shape ``(n,)``.
    taken_as_benign
        Whether none of the rows given was labelled, so that all became benign.
    """

    flows: Flows
    counts: dict[str, int]
    is_injected: NDArray[np.bool_]
    taken_as_benign: bool


def inject(
    flows: Flows,
    kinds: tuple[str, ...] = (),
    strength: str = "medium",
    seed: int = 0,
    *,
    local_networks: tuple[str, ...] = DEFAULT_LOCAL_NETWORKS,
) -> Injected:
    """One's own flows with attacks laid into them, every row labelled.

    Victims and hosts that were taken over are internal addresses of the flows; who attacks
    from outside has an address set aside for documentation. The attacks fall into the time of
    the flows (an attack that takes longer runs faster), or among the rows where there is no
    time. They have the columns of the flows: what these never hold stays missing, pivot keys
    are empty, and columns that depend on neighbouring flows are left out, to be computed anew.

    Parameters
    ----------
    flows
        Canonical flows. Where none of them is labelled all become benign; else labels stay.
    kinds
        Names of ``ATTACKS``; all by default.
    strength
        ``low``, ``medium`` or ``high``.
    seed
        The same flows and seed give the same attacks.
    local_networks
        CIDR ranges that are internal.

    Raises
    ------
    SchemaError
        If the flows are of another schema than ``flow``.
    NotEnoughDataError
        If there are no flows.
    SourceError
        If a kind or the strength is not known.
    """
    if flows.schema.name != Schema.named("flow").name:
        raise SchemaError(
            f"Attacks cannot be laid into flows of schema {flows.schema.name!r}, which records "
            "more of a flow than can be made up; give a Zeek log or canonical flows."
        )
    if not len(flows):
        raise NotEnoughDataError("There are no flows to lay attacks into; give at least one.")
    require_kinds(kinds)
    networks = NetworkTable(local_networks)
    cast = _cast(flows, networks)
    chosen = tuple(dict.fromkeys(kinds)) or tuple(ATTACKS)
    rows = Rows.concat([attack_rows(kind, strength, cast, seed) for kind in chosen]).with_ports()
    order, added = _order(flows, rows)
    labels = _known_labels(flows)
    own = Flows(flows.schema, _kept(flows), labels or _all_benign(len(flows)), flows.line)
    both = Flows.concat([own, _as_flows(rows, own, networks)])
    counts = dict(Counter(rows.kind.tolist()))
    return Injected(both.select(order), counts, added[order], labels is None)


def internal_hosts(
    flows: Flows, local_networks: tuple[str, ...] = DEFAULT_LOCAL_NETWORKS
) -> tuple[str, ...]:
    """The internal IPv4 hosts that attacks can meet, the busiest first; () where none is known.

    Without any, ``inject`` makes three up.
    """
    networks = NetworkTable(local_networks)
    ends = (flows.columns.get(name) for name in ("src_ip", "dst_ip"))
    seen = sum((_internal(end, networks) for end in ends), Counter[str]())
    return tuple(host for host, _ in seen.most_common())


def _kept(flows: Flows) -> dict[str, NDArray[Any]]:
    """The columns without those that neighbouring flows decide, such as a host's history."""
    known = canonical_columns(Rows.concat([]).base_columns(), NetworkTable())
    features = set(flows.schema.features)
    return {
        name: values
        for name, values in flows.columns.items()
        if name in known or (name in flows.schema.identity and name not in features)
    }


def _known_labels(flows: Flows) -> Labels | None:
    """The labels there are; None where nothing is known of any row."""
    labels = flows.labels
    known = labels is not None and np.isin(labels.label, [BENIGN, ATTACK]).any()
    return labels if known else None


def _all_benign(n: int) -> Labels:
    return Labels(np.full(n, BENIGN, np.int8), np.full(n, LABEL_WORDS[BENIGN], object))


def _cast(flows: Flows, networks: NetworkTable) -> Cast:
    sources = _internal(flows.columns.get("src_ip"), networks)
    destinations = _internal(flows.columns.get("dst_ip"), networks)
    seen = (sources + destinations).most_common()
    times = flows.time_ms
    # Without time the rows are as if a second apart; only the order counts then.
    start = 0.0 if times is None else float(np.nanmin(times))
    end = 1000.0 * len(flows) if times is None else float(np.nanmax(times))
    return Cast(
        hosts=tuple(host for host, _ in seen) or _FALLBACK_HOSTS,
        servers=tuple(host for host, _ in destinations.most_common()),
        start_ms=start,
        end_ms=end if end > start else start + MS_PER_HOUR,
    )


def _internal(addresses: NDArray[np.object_] | None, networks: NetworkTable) -> Counter[str]:
    """How often each internal IPv4 host occurs, ties by address; no directed broadcasts."""
    if addresses is None:
        return Counter()
    names, counts = np.unique(
        [str(a) for a in addresses if a is not None and ":" not in a], return_counts=True
    )
    mine = networks.words(names.astype(object)) == "internal"
    return Counter(
        {
            str(name): int(count)
            for name, count, internal in zip(names, counts, mine, strict=True)
            if internal and not str(name).endswith((".255", ".0"))
        }
    )


def _as_flows(rows: Rows, own: Flows, networks: NetworkTable) -> Flows:
    """Attacks with the columns that one's own flows have."""
    base = rows.base_columns()
    for name in _BYTES_AND_PACKETS:
        values = own.columns.get(name)
        if values is not None and np.isnan(values).all():
            base[name] = np.full(len(rows), np.nan)  # a direction that this meter does not see
    columns = canonical_columns(base, networks)
    if own.time_ms is None:
        columns["bidirectional_first_seen_ms"] = np.full(len(rows), np.nan)
    filled = {
        name: columns.get(name, _nothing(values, len(rows))) for name, values in own.columns.items()
    }
    line = np.full(len(rows), NOT_IN_THE_SOURCE, np.int64)
    return Flows(own.schema, filled, rows.labels(), line)


def _nothing(like: NDArray[Any], n: int) -> NDArray[Any]:
    return np.full(n, None, object) if like.dtype == object else np.full(n, np.nan)


def _order(flows: Flows, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """How the two tables stand together, and which rows of both are attacks."""
    times = flows.time_ms
    if times is None:
        own = 1000.0 * np.arange(len(flows))
    else:
        # A row without a time stays behind the latest one before it.
        known = np.maximum.accumulate(np.where(np.isnan(times), 0, np.arange(len(times))))
        own = np.where(np.isnan(times), np.nan_to_num(times)[known], times)
    at = np.concatenate([own, rows.start_ms])
    added = np.arange(len(at)) >= len(flows)
    return np.argsort(at, kind="stable"), added
