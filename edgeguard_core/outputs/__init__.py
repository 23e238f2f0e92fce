"""Where alerts go: the records of a watch, the spool that keeps them, and the sinks."""

from edgeguard_core.outputs.opening import open_sink
from edgeguard_core.outputs.records import Kind, Record, iso_time, record_id
from edgeguard_core.outputs.sink import Sink, SinkBusy, SinkEnded

__all__ = [
    "Kind",
    "Record",
    "Sink",
    "SinkBusy",
    "SinkEnded",
    "iso_time",
    "open_sink",
    "record_id",
]
