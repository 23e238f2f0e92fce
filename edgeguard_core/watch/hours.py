"""What a watch counts hour by hour for its store: in parts that add up, no flow twice.

Hours are those of the traffic: a capture read fast fills its hours as the network did. A flow
that comes late belongs to the hour that is open.
"""

import base64
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.bundle.arrays import dump_arrays
from edgeguard_core.errors import OutputError
from edgeguard_core.files import write_whole
from edgeguard_core.outputs.records import Record, record_id
from edgeguard_core.outputs.wire import record_bytes, record_from
from edgeguard_core.watch.judging import Judged
from edgeguard_core.watch.telling import Teller

if TYPE_CHECKING:
    from edgeguard_core.watch.loop import Watch

HOUR_MS: Final = 3_600_000.0
EVERY_S: Final = 300.0
"""Between two tellings of an hour that grows: what a kill may cost of the counts."""
_SECRET_BYTES: Final = 16
_FORMAT: Final = "edgeguard counts 1"


class Counted(Protocol):
    """What is counted of some flows: drift, or what a shadow says of them.

    Attributes
    ----------
    what
        The word for it in the store.
    bundle
        Hash of the ``SHA256SUMS`` of the bundle that it is about.
    """

    @property
    def what(self) -> str: ...

    @property
    def bundle(self) -> str: ...

    def begin(self, first: int) -> None:
        """Count from nothing; ``first`` flows of the watch came before."""

    def add(self, judged: Judged, rows: slice) -> None:
        """Count some flows of a batch."""

    def figures(self) -> Mapping[str, Any]:
        """Small figures for people, as JSON; called once nothing waits to be counted."""

    def arrays(self, secret: bytes) -> Mapping[str, NDArray[Any]]:
        """What was counted since ``begin``; no address in it."""


class HourParts:
    """Counts of one kind, cut at hours and wherever what they are held against changes.

    Parameters
    ----------
    source
        Name of the feed.
    run
        Tells the runs of a live source apart; "" where it gives the same flows each time.
    rejected
        Rows refused before.
    """

    def __init__(
        self, counted: Counted, teller: Teller, source: str, run: str, secret: bytes, rejected: int
    ) -> None:
        self.counted = counted
        self._teller, self._source, self._run, self._secret = teller, source, run, secret
        self._hour: int | None = None
        self._first = self._flows = self._revision = 0
        self._rejected = self._rejected_now = rejected
        self._meter = ""
        self._is_dirty = False

    def add(
        self, judged: Judged, hours: NDArray[np.int64], first: int, rejected: int, meter: str
    ) -> list[Record]:
        """Count a batch of n flows; the parts that it ended.

        Parameters
        ----------
        hours
            Of each flow, never falling, shape ``(n,)``.
        first
            Flows of the watch before these.
        rejected
            Rows refused so far.
        """
        ended: list[Record] = []
        self._rejected_now = rejected
        edges = [0, *(np.flatnonzero(np.diff(hours)) + 1).tolist(), len(hours)]
        for begin, end in pairwise(edges):
            follows = first + begin == self._first + self._flows
            if int(hours[begin]) != self._hour or not follows or meter != self._meter:
                ended += self.end()
                self._begin(int(hours[begin]), first + begin, meter)
            self.counted.add(judged, slice(begin, end))
            self._flows += end - begin
            self._is_dirty = True
        return ended

    def _begin(self, hour: int, first: int, meter: str) -> None:
        self._hour, self._first, self._meter = hour, first, meter
        self._flows = self._revision = 0
        self.counted.begin(first)

    def end(self) -> list[Record]:
        """Close the part and tell it; the next flow begins another."""
        if self._hour is None:
            return []
        told, self._hour = self.tell(), None
        self._rejected = self._rejected_now
        return told

    def tell(self) -> list[Record]:
        """The part as it stands, where it has grown since it was told last."""
        if self._hour is None or not self._is_dirty:
            return []
        self._is_dirty = False
        self._revision += 1
        arrays = self.counted.arrays(self._secret)
        hour_ms = self._hour * HOUR_MS
        id = record_id(
            self._teller.sensor, self.counted.what, self.counted.bundle, self._source, self._run,
            hour_ms, self._first,
        )  # fmt: skip
        figures = {
            "what": self.counted.what,
            "bundle": self.counted.bundle,
            "source": self._source,
            "meter": self._meter,
            "first": self._first,
            "flows": self._flows,
            "rejected": self._rejected_now - self._rejected,
            **self.counted.figures(),
            "packed": base64.b64encode(dump_arrays(arrays)).decode(),
        }
        return [self._teller.counts(id, hour_ms, figures, self._revision)]


class Hours:
    """All that a watch counts hour by hour; nothing where no sink takes it.

    A part that is open when the watch ends is kept in a file. The next watch tells it and begins
    another part with the flows after it: what was counted and comes again is left out.

    Parameters
    ----------
    file
        Beside the checkpoint; None keeps nothing.
    is_wanted
        Whether any sink takes counts.
    run
        See ``HourParts``.
    """

    def __init__(
        self, teller: Teller, source: str, file: Path | None, *, is_wanted: bool, run: str = ""
    ) -> None:
        self._teller, self._source, self._file, self._run = teller, source, file, run
        self.is_wanted = is_wanted
        self._secret = os.urandom(_SECRET_BYTES)  # against whoever reads the store
        self._parts: list[HourParts] = []
        self._counted_until = self._rejected = 0
        self._next = 0
        self._told_s = float("-inf")
        self._waiting: list[Record] = []

    @classmethod
    def of(cls, watch: "Watch", checkpoint_file: Path | None) -> "Hours":
        """Those of a watch that begins, with their file beside its checkpoint."""
        feed, now_s = watch.feed, watch.clock.now().timestamp()
        file = checkpoint_file
        return cls(
            watch.teller,
            feed.name,
            None if file is None else file.with_name(f"counts-{file.stem}.jsonl"),
            is_wanted=bool(getattr(watch.delivery, "takes_counts", False)),
            run=f"{now_s:.3f}" if feed.is_live else "",
        )

    def restore(self, *, goes_on: bool, rejected: int) -> None:
        """Take up what the watch before left.

        Parameters
        ----------
        goes_on
            Whether this watch goes on where that one ended, so that flows may come again.
        rejected
            Rows refused so far.
        """
        self._rejected = rejected
        if self._file is None:
            return
        try:
            head, *lines = self._file.read_bytes().splitlines()
            form, secret, until = head.decode().rsplit(" ", 2)
            records = [record_from(line) for line in lines]
            if form != _FORMAT:
                return
            self._secret = bytes.fromhex(secret)
            if goes_on:
                self._counted_until = int(until)
        except (OSError, ValueError):
            return  # none, or of another version
        # A store that has it already leaves it out.
        self._waiting += [replace(one, revision=one.revision + 1) for one in records]

    def count(self, counted: Counted) -> None:
        """Count this kind, too, from the next flow on; another of its kind ends."""
        self.drop(counted.what)
        self._parts.append(
            HourParts(counted, self._teller, self._source, self._run, self._secret, self._rejected)
        )

    def drop(self, what: str) -> None:
        """Count this kind no more."""
        for part in self._parts:
            if part.counted.what == what:
                self._waiting += part.end()
        self._parts = [part for part in self._parts if part.counted.what != what]

    def add(
        self, judged: Judged, hours: NDArray[np.int64], first: int, rejected: int, meter: str
    ) -> None:
        """Count a batch; arguments as those of ``HourParts.add``."""
        n = len(hours)
        self._next, self._rejected = first + n, rejected
        again = min(max(self._counted_until - first, 0), n)
        if again:
            judged, hours, first = judged.after(again), hours[again:], first + again
        if not len(hours):
            return
        for part in self._parts:
            self._waiting += part.add(judged, hours, first, rejected, meter)

    def changed(self) -> None:
        """Another threshold or calibration: what comes is another part."""
        for part in self._parts:
            self._waiting += part.end()

    def due(self, now_s: float, *, at_once: bool = False) -> list[Record]:
        """What is to be told now, and keep it in the file."""
        if self._parts and (at_once or now_s - self._told_s >= EVERY_S):
            self._told_s = now_s
            open_parts = [record for part in self._parts for record in part.tell()]
            self._save(open_parts)
            self._waiting += open_parts
        told, self._waiting = self._waiting, []
        return told

    def _save(self, records: Iterable[Record]) -> None:
        if self._file is None:
            return
        head = f"{_FORMAT} {self._secret.hex()} {self._next}"
        lines = [head.encode(), *map(record_bytes, records)]
        try:
            write_whole(self._file, b"\n".join(lines))
        except OutputError:
            return  # a full disk: the hour is told again with the next flows


def hours_of(told_ms: NDArray[np.float64], newest_ms: float, now_ms: float) -> NDArray[np.int64]:
    """The hour of each flow, never falling, shape ``(n,)``.

    Parameters
    ----------
    told_ms
        When the flows came, nan where unknown: then the hour that is open, or that of ``now_ms``
        where none is.
    newest_ms
        Of all flows before; -inf before the first.

    Examples
    --------
    >>> hours_of(np.array([1.0, 3.7, 0.2, np.nan]) * HOUR_MS, -np.inf, 0.0).tolist()
    [1, 3, 3, 3]
    """
    known = np.where(np.isfinite(told_ms), told_ms, -np.inf)
    newest = np.maximum.accumulate(np.append(newest_ms, known))[1:]
    return np.floor(np.where(np.isfinite(newest), newest, now_ms) / HOUR_MS).astype(np.int64)
