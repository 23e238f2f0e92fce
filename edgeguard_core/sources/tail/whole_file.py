"""A file that does not grow, packed or not, as a feed that ends with it."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows
from edgeguard_core.sources.base import ReadOptions
from edgeguard_core.sources.feed import Fed, Note
from edgeguard_core.sources.sniff import open_source

_MOST_FLOWS = 4_096


class FileFeed:
    """The flows of any file that ``open_source`` reads, as fast as they are taken.

    Raises
    ------
    SourceError, SchemaError
        As ``open_source`` does.
    """

    waits = True
    is_live = False

    def __init__(self, path: Path | str, options: ReadOptions | None = None) -> None:
        self.name = str(path)
        self._source = open_source(path, options)
        self._stopped = threading.Event()

    @property
    def meter(self) -> str:
        """What counted the flows."""
        return self._source.meter

    @property
    def schema(self) -> Schema:
        """The schema of the flows."""
        return self._source.schema

    def start(self) -> None:
        """Nothing: its head was read already."""

    def batches(self) -> Iterator[Fed]:
        """The flows, in the order of the file."""
        for batch in self._source.batches():
            rejected = Counter(rejection.rule for rejection in batch.rejections)
            flows = batch.flows
            for first in range(0, max(len(flows), 1), _MOST_FLOWS):
                if self._stopped.is_set():
                    return
                rows = np.arange(first, min(first + _MOST_FLOWS, len(flows)))
                yield Fed(flows.select(rows), rejected if not first else Counter())
        notes = [Note("log_header", warning) for warning in self._source.warnings]
        yield Fed(Flows.empty(self.schema), notes=tuple(notes))

    def stop(self) -> None:
        """End ``batches`` soon."""
        self._stopped.set()

    def counters(self) -> Mapping[str, int]:
        """Records that are no flows."""
        return {"skipped": self._source.skipped.total()}
