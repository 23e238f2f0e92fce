"""Sources: every file becomes batches of validated flows."""

from edgeguard_core.sources.base import Batch, ReadOptions, ReadReport, Source
from edgeguard_core.sources.reading import expand, read_batches, read_flows, require_usable
from edgeguard_core.sources.sample import sample_table
from edgeguard_core.sources.sniff import open_source

__all__ = [
    "Batch",
    "ReadOptions",
    "ReadReport",
    "Source",
    "expand",
    "open_source",
    "read_batches",
    "read_flows",
    "require_usable",
    "sample_table",
]
