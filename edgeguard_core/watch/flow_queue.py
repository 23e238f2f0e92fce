"""What waits between the reader of a source and the loop that scores: bounded, in order."""

import threading
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from edgeguard_core.sources.feed import Fed

_LOOK_S = 0.2  # a stop is seen after this at the latest


@dataclass
class FlowQueue:
    """A queue between two threads, bounded by flows.

    Parameters
    ----------
    most_flows
        Flows that may wait.
    waits
        Whether ``put`` waits for room; else the oldest flows go and are counted in ``dropped``.

    Attributes
    ----------
    most
        The most flows that ever waited since the last ``take_most``.
    """

    most_flows: int
    waits: bool
    dropped: int = 0
    most: int = 0
    _waiting: deque[Fed] = field(default_factory=deque)
    _flows: int = 0
    _is_ended: bool = False
    _is_stopped: bool = False
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __len__(self) -> int:
        return self._flows

    @property
    def is_ended(self) -> bool:
        """Whether nothing waits and nothing will come."""
        with self._changed:
            return self._is_ended and not self._waiting

    def put(self, fed: Fed) -> None:
        """Let some flows wait; what has more than may wait is taken where nothing else does."""
        with self._changed:
            if self.waits:
                while self._has_no_room(fed) and not self._is_stopped:
                    self._changed.wait(_LOOK_S)
            else:
                fed = self._cut(fed)
                while self._has_no_room(fed):
                    self._drop_oldest()
            self._waiting.append(fed)
            self._flows += len(fed.flows)
            self.most = max(self.most, self._flows)
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._is_ended = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def take(self, most_flows: int, within_s: float) -> list[Fed]:
        """What waits, up to about so many flows; after ``within_s`` perhaps nothing."""
        with self._changed:
            if not self._waiting and not self._is_ended and not self._is_stopped:
                self._changed.wait(within_s)
            taken: list[Fed] = []
            flows = 0
            while self._waiting and (
                not taken or flows + len(self._waiting[0].flows) <= most_flows
            ):
                fed = self._waiting.popleft()
                flows += len(fed.flows)
                taken.append(fed)
            self._flows -= flows
            self._changed.notify_all()
            return taken

    def take_most(self) -> int:
        """The most flows that waited since this was asked last."""
        with self._changed:
            most, self.most = self.most, self._flows
            return most

    def _has_no_room(self, fed: Fed) -> bool:
        return bool(self._flows) and self._flows + len(fed.flows) > self.most_flows

    def _cut(self, fed: Fed) -> Fed:
        beyond = len(fed.flows) - self.most_flows
        if beyond <= 0:
            return fed
        self.dropped += beyond
        kept = fed.flows.select(np.arange(beyond, len(fed.flows)))
        return Fed(kept, fed.rejected, fed.notes, fed.position)

    def _drop_oldest(self) -> None:
        """The oldest flows go; what else was told with them stays."""
        for at, fed in enumerate(self._waiting):
            if len(fed.flows):
                self.dropped += len(fed.flows)
                self._flows -= len(fed.flows)
                if fed.rejected or fed.notes:
                    nothing = fed.flows.select(np.zeros(0, np.int64))
                    self._waiting[at] = Fed(nothing, fed.rejected, fed.notes, fed.position)
                else:
                    del self._waiting[at]
                return
