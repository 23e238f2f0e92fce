"""Where alerts go: the records of a watch, the spool that keeps them, and the sinks."""

from edgeguard_core.outputs.delivery import Delivery, SinkStatus
from edgeguard_core.outputs.opening import open_sink
from edgeguard_core.outputs.records import Kind, Record, iso_time, record_id
from edgeguard_core.outputs.sink import Sink, SinkBusy, SinkEnded
from edgeguard_core.outputs.spool import DEFAULT_MOST_BYTES, Spool

__all__ = [
    "DEFAULT_MOST_BYTES",
    "Delivery",
    "Kind",
    "Record",
    "Sink",
    "SinkBusy",
    "SinkEnded",
    "SinkStatus",
    "Spool",
    "iso_time",
    "open_sink",
    "record_id",
]
