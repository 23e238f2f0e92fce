"""Records from the spool to the sinks: at least once, in order, each sink at its own pace."""

import random
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from edgeguard_core.clock import Clock
from edgeguard_core.errors import OutputError
from edgeguard_core.outputs.records import UNSPOOLED, Kind, Record
from edgeguard_core.outputs.sink import Sink, SinkEnded
from edgeguard_core.outputs.spool import Spool

_FIRST_DELAY_S = 0.5
_MOST_DELAY_S = 30.0
_MOST_ASKED_S = 300.0  # a receiver may ask for a longer pause, up to this
_MOST_RECORDS = 200
_MOST_BYTES = 512 << 10
_MOST_COUNTS = 200  # hours that a sink which is away may miss
_COUNTS_AT_ONCE = 20
_LOOK_S = 0.5  # a clock that is turned by hand wakes nobody


@dataclass(frozen=True)
class SinkStatus:
    """How a sink does.

    Attributes
    ----------
    waiting
        Records that it has not had yet.
    delivered
        Records it took since the start.
    failed
        Deliveries that did not work since the start.
    lost
        Records that had to go before it could have them, over all starts.
    dead
        Records that its receiver refused for good since the start; they are in its dead letters.
    error
        Why the last delivery failed; None once one worked.
    ended
        Whether it takes nothing any more: the reader of a pipe went away.
    """

    waiting: int
    delivered: int
    failed: int
    lost: int
    dead: int
    error: str | None
    ended: bool


class Delivery:
    """A thread for each sink that takes what the spool holds for it.

    No thread runs before ``start`` or the first ``accept``: a packet meter forks before. A sink
    that fails gets the same records again, after half a second at first and half a minute at
    most; meanwhile the others go on.

    Heartbeats are not spooled: of a sensor only the last counts, so a sink that was away gets
    that one, and none outlives the process. Nor are counts of an hour, which only a store takes:
    of each hour the last ones count.

    Parameters
    ----------
    seed
        For the jitter of the pauses. Give each box its own, or all come back at once.
    """

    def __init__(self, spool: Spool, sinks: Sequence[Sink], clock: Clock, *, seed: int = 0) -> None:
        spool.register([sink.name for sink in sinks])
        self.spool = spool
        self._changed = threading.Condition()
        self._workers = [
            _Worker(sink, spool, clock, self._changed, random.Random(f"{seed} {sink.name}"))
            for sink in sinks
        ]
        self._is_started = False
        self._is_closed = False

    @property
    def ended(self) -> bool:
        """Whether a sink takes nothing any more, which is when a watch on a pipe stops."""
        return any(worker.ended for worker in self._workers)

    def start(self) -> None:
        """Begin to deliver what is left from before."""
        if self._is_started:
            return
        self._is_started = True
        for worker in self._workers:
            worker.start()

    @property
    def takes_counts(self) -> bool:
        """Whether a sink takes counts of an hour."""
        return any(worker.takes_counts for worker in self._workers)

    def accept(self, records: Sequence[Record]) -> None:
        """The records are safe on disk when this returns; they are on their way.

        Raises
        ------
        OutputError
            If the disk is full or fails: nothing of these was kept, everything before is. The
            same records may be given again.
        """
        self.start()
        self.spool.append([record for record in records if record.kind not in UNSPOOLED])
        with self._changed:
            for record in records:
                if record.kind in UNSPOOLED:
                    for worker in self._workers:
                        worker.keep_last(record)
            self._changed.notify_all()

    def status(self) -> Mapping[str, SinkStatus]:
        """How each sink does, by its name."""
        return {worker.sink.name: worker.status() for worker in self._workers}

    def flush(self, within_s: float) -> bool:
        """Wait until all sinks have everything; whether that came about in time."""
        deadline_s = time.monotonic() + within_s
        with self._changed:
            while not all(worker.is_idle() for worker in self._workers):
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    return False
                self._changed.wait(left_s)
        return True

    def close(self, within_s: float) -> bool:
        """Deliver what is left, for at most this long, and stop; whether all of it went out.

        What did not is in the spool and goes out after the next start. A sink that fails now
        is not tried again.
        """
        if self._is_closed:
            return True
        self._is_closed = True
        self.start()
        deadline_s = time.monotonic() + within_s
        with self._changed:
            for worker in self._workers:
                worker.closing = True
            self._changed.notify_all()
        for worker in self._workers:
            worker.join(max(0.0, deadline_s - time.monotonic()))
        with self._changed:
            for worker in self._workers:
                worker.abandoned = True  # one that hangs in its sink touches the spool no more
            self._changed.notify_all()
        done = all(worker.is_idle() for worker in self._workers)
        self.spool.close()
        return done


class _Worker(threading.Thread):
    """One sink and its thread."""

    def __init__(
        self,
        sink: Sink,
        spool: Spool,
        clock: Clock,
        changed: threading.Condition,
        dice: random.Random,
    ) -> None:
        super().__init__(name=f"edgeguard {sink.name}", daemon=True)
        self.sink = sink
        self.takes_counts = bool(getattr(sink, "takes_counts", False))
        # The last heartbeat of each sensor and counts of each hour; under `changed`.
        self.last: dict[str, Record] = {}
        self.closing = False
        self.abandoned = False
        self.ended = False
        self.until_s: float | None = None  # by the clock; the end of a pause
        self._spool = spool
        self._clock = clock
        self._changed = changed
        self._dice = dice
        self._delivered = 0
        self._failed = 0
        self._failures = 0  # one after another
        self._error: str | None = None
        self._linger_s = float(getattr(sink, "linger_s", 0.0))

    def status(self) -> SinkStatus:
        name, letters = self.sink.name, getattr(self.sink, "dead_letters", None)
        return SinkStatus(
            waiting=self._spool.waiting(name),
            delivered=self._delivered,
            failed=self._failed,
            lost=self._spool.lost(name),
            dead=0 if letters is None else letters.count,
            error=self._error,
            ended=self.ended,
        )

    def keep_last(self, record: Record) -> None:
        """A record that is not spooled takes the place of the one before it."""
        if record.kind is Kind.HEARTBEAT:
            self.last[record.sensor] = record
        elif self.takes_counts:
            self.last[record.id] = record
            counts = [key for key, one in self.last.items() if one.kind is Kind.COUNTS]
            for key in counts[:-_MOST_COUNTS]:
                del self.last[key]

    def is_idle(self) -> bool:
        """Whether nothing waits."""
        nothing = not self.last and self._spool.waiting(self.sink.name) == 0
        return nothing or self.ended

    def run(self) -> None:
        try:
            while self._wait():
                pause_s = self._deliver()
                if pause_s is not None and not self._pause(pause_s):
                    return
        finally:
            with suppress(Exception):
                self.sink.close()

    def _wait(self) -> bool:
        """Wait for work; whether there is some, as opposed to an end."""
        with self._changed:
            while not self.ended and not self.abandoned:
                if not self.is_idle():
                    self._linger()
                    return True
                if self.closing:
                    return False
                due_s = self._spool.save_due_s(self.sink.name)
                if due_s == 0.0:
                    return True  # no work, but the cursor is to be saved
                self._changed.wait(due_s)
            return False

    def _linger(self) -> None:
        """Let more come that can share a commit."""
        until_s = time.monotonic() + self._linger_s
        while not self.closing and (left_s := until_s - time.monotonic()) > 0:
            self._changed.wait(left_s)

    def _deliver(self) -> float | None:
        """One batch to the sink; how long to pause before the next try, None if it worked."""
        with self._changed:
            last = dict(list(self.last.items())[:_COUNTS_AT_ONCE])
        try:
            chunk = self._spool.read(self.sink.name, _MOST_RECORDS, _MOST_BYTES)
            batch = [*chunk.records, *last.values()]
            if batch:
                self.sink.send(batch)
        except SinkEnded as error:
            self.ended, self._error = True, str(error)
            with self._changed:
                self._changed.notify_all()
            return None
        except OutputError as error:
            return self._failure(str(error), getattr(error, "retry_after_s", 0.0))
        except Exception as error:  # a bug in one sink must not end the others, nor this one
            return self._failure(f"{self.sink.name}: {type(error).__name__}: {error}", 0.0)
        with self._changed:
            if self.abandoned:
                return None
            self._spool.passed(self.sink.name, chunk)
            self._delivered += len(batch)
            self._failures, self._error = 0, None
            for key, record in last.items():
                if self.last.get(key) is record:
                    del self.last[key]
            if self.is_idle():
                self._changed.notify_all()  # for who waits in `flush`
        if self._spool.save_due_s(self.sink.name) == 0.0:
            self._spool.save(self.sink.name)
        return None

    def _failure(self, error: str, asked_s: float) -> float:
        self._failed += 1
        self._error = error
        delay_s = min(_FIRST_DELAY_S * 2.0 ** min(self._failures, 16), _MOST_DELAY_S)
        self._failures += 1
        return max(delay_s * self._dice.uniform(0.5, 1.0), min(asked_s, _MOST_ASKED_S))

    def _pause(self, pause_s: float) -> bool:
        """Wait before the next try; whether there will be one."""
        self.until_s = self._clock.monotonic() + pause_s
        with self._changed:
            while not self.closing and not self.abandoned:
                left_s = self.until_s - self._clock.monotonic()
                if left_s <= 0:
                    self.until_s = None
                    return True
                self._changed.wait(min(left_s, _LOOK_S))
        return False
