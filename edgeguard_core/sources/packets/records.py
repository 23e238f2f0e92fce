"""From the flows that the meter told to validated canonical flows."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.validation import Validated
from edgeguard_core.sources.base import ReadOptions
from edgeguard_core.sources.interpret import MeterInterpreter
from edgeguard_core.sources.meters import METERS
from edgeguard_core.sources.packets.meter import METER, Records

_FLAGS: Final = ("syn", "ack", "rst", "fin")
_ENDS: Final = (
    ("src_ip_str", "dst_ip_str"), ("src_port", "dst_port"),
    ("src2dst_packets", "dst2src_packets"), ("src2dst_bytes", "dst2src_bytes"),
    *((f"src2dst_{flag}_packets", f"dst2src_{flag}_packets") for flag in _FLAGS),
)  # fmt: skip
_BOTH: Final = (
    "protocol", "bidirectional_first_seen_ms", "bidirectional_duration_ms",
    "bidirectional_packets",
)  # fmt: skip
_NAMES: Final = {"src_ip_str": "src_ip", "dst_ip_str": "dst_ip"}
HEADER: Final = [*_BOTH, *(_NAMES.get(name, name) for pair in _ENDS for name in pair)]


def reader_of(options: ReadOptions) -> tuple[MeterInterpreter, Callable[[Records], Validated]]:
    """What reads NFStream's flows, and a function from records to validated canonical flows.

    Flows are numbered from 1 in the order they come: that is their line.
    """
    interpreter = MeterInterpreter(METERS[METER], HEADER, options)
    read = 0

    def validated(records: Records) -> Validated:
        nonlocal read
        line = np.arange(read + 1, read + len(records) + 1)
        read += len(records)
        return interpreter.read(columns_of(records), line)

    return interpreter, validated


def columns_of(records: Records) -> dict[str, NDArray[Any]]:
    """The columns that ``flows/schemas/nfstream.yaml`` names, shape ``(n,)`` each.

    Where a conversation goes on after a timeout, whoever began it stays the source.
    """
    columns: dict[str, NDArray[Any]] = {name: records[name].astype(np.float64) for name in _BOTH}
    turned = records["turned"]
    for src, dst in _ENDS:
        of = np.where(turned, records[dst], records[src])
        to = np.where(turned, records[src], records[dst])
        columns[_NAMES.get(src, src)] = _cells(of)
        columns[_NAMES.get(dst, dst)] = _cells(to)
    return columns


def no_cells() -> dict[str, NDArray[Any]]:
    """The same columns of no flow."""
    texts = _NAMES.values()
    return {name: np.zeros(0, object if name in texts else np.float64) for name in HEADER}


def _cells(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind != "S":
        return values.astype(np.float64)
    texts = np.empty(len(values), object)
    texts[:] = [text.decode() for text in values.tolist()]
    return texts
