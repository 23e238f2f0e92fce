"""Batches with context: a file's hosts have their history before its first flow is scored."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import SchemaError, SourceError
from edgeguard_core.features.context import (
    COLUMNS,
    attach,
    can_have_context,
    context_of,
    has_context,
    needed_alone,
)
from edgeguard_core.flows.table import Flows
from edgeguard_core.sources import (
    Batch,
    ReadOptions,
    ReadReport,
    expand,
    open_source,
    read_batches,
)


def wants_context(features: Sequence[str]) -> bool:
    """Whether a model with these features needs the history of hosts."""
    return not set(COLUMNS).isdisjoint(features)


def contextual_batches(
    paths: Sequence[str | Path],
    options: ReadOptions,
    report: ReadReport,
    on_progress: Callable[[float], None],
) -> Iterator[Batch]:
    """The batches of all files, with context; each file is read once more for it, beforehand.

    Files need not be in the order of time, so the history of a file's first flow may stand at
    its end. What is kept of the first reading are 64 bytes of context a flow.

    Raises
    ------
    SchemaError
        If a file has no time stamps, and so no history.
    SourceError
        If a file cannot be read.
    """
    files = expand(paths)
    for position, path in enumerate(files):

        def relay(share: float, position: int = position) -> None:
            on_progress((position + share) / len(files))

        context, done = _context_of_file(path, options), 0
        for batch in read_batches([path], options, report, relay):
            if context is None:
                yield batch
                continue
            mine = context[done : done + len(batch.flows)]
            if len(mine) < len(batch.flows):
                raise SourceError(f"{path} grew while it was read; score a copy of it.")
            done += len(batch.flows)
            yield replace(batch, flows=attach(batch.flows, mine))


def _context_of_file(path: Path, options: ReadOptions) -> NDArray[np.float32] | None:
    """The context of a file's accepted flows, shape ``(n, 16)``; None where it brings its own.

    None, too, where its schema knows no context, or a column that context is made of is absent:
    whoever scores it will say so.
    """
    if not open_source(path, options).schema.context:
        return None
    parts: list[Flows] = []
    for batch in read_batches([path], options, ReadReport()):
        if not len(batch.flows):
            continue
        if has_context(batch.flows):
            return None
        parts.append(needed_alone(batch.flows))
    if not parts:
        return np.zeros((0, len(COLUMNS)), np.float32)
    flows = Flows.concat(parts)
    if flows.time_ms is None:
        raise SchemaError(
            f"{path} has no time stamps, and the bundle's model uses the history of hosts; give "
            "flows with times, or train a bundle on these."
        )
    return context_of(flows) if can_have_context(flows) else None
