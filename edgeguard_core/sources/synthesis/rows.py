"""Synthesised flows on their way: what a meter counts, before the derived columns."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.canonical import NetworkTable, canonical_columns
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import ATTACK, BENIGN, LABEL_WORDS, Flows, Labels

EPHEMERAL = -1.0
"""A source port that the host's system picks."""

BENIGN_KIND = LABEL_WORDS[BENIGN]
_FIRST_PORT, _N_EPHEMERAL_PORTS = 49_152, 16_384  # RFC 6335
_PORT_STRIDE = 5  # shares no factor with the number of ports, so that each comes round once


@dataclass(frozen=True)
class Rows:
    """Flows by column, each of shape ``(n,)``.

    Packets and bytes are whole float64, bytes of the IP layer; times are milliseconds UTC;
    ``kind`` is ``benign`` or the attack's name.
    """

    start_ms: NDArray[np.float64]
    duration_ms: NDArray[np.float64]
    src: NDArray[np.object_]
    src_port: NDArray[np.float64]
    dst: NDArray[np.object_]
    dst_port: NDArray[np.float64]
    protocol: NDArray[np.float64]
    src_packets: NDArray[np.float64]
    dst_packets: NDArray[np.float64]
    src_bytes: NDArray[np.float64]
    dst_bytes: NDArray[np.float64]
    state: NDArray[np.object_]
    kind: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.start_ms)

    @classmethod
    def of(cls, n: int, **columns: Any) -> "Rows":
        """``n`` rows of arrays and of single values that hold for every row."""
        texts = ("src", "dst", "state", "kind")
        return cls(
            **{
                field.name: np.array(
                    np.broadcast_to(
                        np.asarray(columns[field.name], object if field.name in texts else float),
                        n,
                    )
                )
                for field in fields(cls)
            }
        )

    @classmethod
    def concat(cls, parts: Sequence["Rows"]) -> "Rows":
        """The rows of several parts, one after the other."""
        names = [field.name for field in fields(cls)]
        if not parts:
            return cls.of(0, **dict.fromkeys(names, ()))
        return cls(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})

    def select(self, rows: NDArray[Any]) -> "Rows":
        """Some of the rows, given as a mask or as positions."""
        return Rows(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def in_time_order(self) -> "Rows":
        """The same rows, earliest first."""
        return self.select(np.argsort(self.start_ms, kind="stable"))

    def with_ports(self) -> "Rows":
        """Ephemeral source ports filled in, each host counting through its own.

        A host uses no port twice within 16,384 flows, so that five-tuples stay apart.
        """
        open_ = np.flatnonzero(self.src_port == EPHEMERAL)
        _, host = np.unique(self.src[open_].astype(str), return_inverse=True)
        order = np.argsort(host, kind="stable")
        first = np.searchsorted(host[order], np.arange(host.max(initial=0) + 1))
        rank = np.empty(len(open_), np.int64)
        rank[order] = np.arange(len(open_)) - first[host[order]]
        ports = self.src_port.copy()
        ports[open_] = _FIRST_PORT + (host * 997 + rank * _PORT_STRIDE) % _N_EPHEMERAL_PORTS
        return Rows(**(vars(self) | {"src_port": ports}))

    def base_columns(self) -> dict[str, NDArray[Any]]:
        """The columns that a meter counts, under their canonical names."""
        return {
            "src_ip": self.src,
            "src_port": self.src_port,
            "dst_ip": self.dst,
            "dst_port": self.dst_port,
            "protocol": self.protocol,
            # Whole microseconds, as captures have them.
            "bidirectional_first_seen_ms": np.round(self.start_ms, 3),
            "bidirectional_duration_ms": np.round(self.duration_ms, 3),
            "src2dst_packets": self.src_packets,
            "dst2src_packets": self.dst_packets,
            "src2dst_bytes": self.src_bytes,
            "dst2src_bytes": self.dst_bytes,
            "state": self.state,
        }

    def labels(self) -> Labels:
        """Benign, or an attack whose class is its kind."""
        return Labels(np.where(self.kind == BENIGN_KIND, BENIGN, ATTACK).astype(np.int8), self.kind)

    def to_flows(self, networks: NetworkTable) -> Flows:
        """Canonical flows with every derived column, numbered from 1."""
        return Flows(
            schema=Schema.named("flow"),
            columns=canonical_columns(self.base_columns(), networks),
            labels=self.labels(),
            line=np.arange(1, len(self) + 1, dtype=np.int64),
        )
