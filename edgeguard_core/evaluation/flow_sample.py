"""A few flows of every class, chosen by chance: the same ones for any cut into batches."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MOST_FLOWS: Final = 4_000

Columns = Mapping[str, NDArray[Any]]


@dataclass
class StratifiedSample:
    """At most ``size`` flows of a stream, the classes as even as their numbers allow.

    A flow's place in the stream and the seed give it a random rank; of each class the lowest
    ranks stay. So it does not matter how the stream is cut, and never are more than ``size``
    flows and one batch's ranks in memory.

    Examples
    --------
    >>> sample = StratifiedSample(size=4, seed=1)
    >>> sample.add(np.array([0] * 99 + [1]), ("benign", "bot"), lambda rows: {"row": rows})
    >>> sample.class_names.tolist().count("bot"), len(sample)
    (1, 4)
    """

    size: int = MOST_FLOWS
    seed: int = 0
    position: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    class_names: NDArray[np.object_] = field(default_factory=lambda: np.zeros(0, np.object_))
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)
    _seen: int = 0
    _flows: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.position)

    def add(
        self,
        class_of: NDArray[np.int64],
        classes: tuple[str, ...],
        columns: Callable[[NDArray[np.int64]], Columns],
    ) -> None:
        """Take in n more flows of the stream.

        Parameters
        ----------
        class_of, classes
            Position of each flow's class, ``(n,)``, in some names.
        columns
            What to keep of the flows at some positions of these n: arrays of that length. It is
            asked for those alone that stay.
        """
        names = np.array(classes, np.object_)[class_of]
        for name, n in zip(classes, np.bincount(class_of, minlength=len(classes)), strict=True):
            if n:
                self._flows[name] = self._flows.get(name, 0) + int(n)
        position = np.concatenate([self.position, self._seen + np.arange(len(class_of))])
        names = np.concatenate([self.class_names, names])
        kept = self._lowest(position, names)
        old, new = kept[kept < len(self)], kept[kept >= len(self)] - len(self)
        self._seen += len(class_of)
        if len(new) or len(old) < len(self):
            fresh = columns(new)
            self.columns = {
                name: np.concatenate([self.columns[name][old], values])
                if name in self.columns
                else values
                for name, values in fresh.items()
            }
            self.position, self.class_names = position[kept], names[kept]

    def _lowest(self, position: NDArray[np.int64], names: NDArray[np.object_]) -> NDArray[np.int64]:
        """Which of some flows stay, ascending: of each class those with the lowest ranks."""
        most, rank = level(list(self._flows.values()), self.size), _ranks(position, self.seed)
        kept = []
        for name in self._flows:
            mine = np.flatnonzero(names == name)
            if len(mine) > most:
                mine = mine[np.argpartition(rank[mine], most)[:most]]
            kept.append(mine)
        return np.sort(np.concatenate(kept)) if kept else np.zeros(0, np.int64)


def level(flows: list[int], size: int) -> int:
    """How many of each class fit, so that no more than ``size`` stay in all.

    It only falls as flows come in, so whoever stays in the end was never turned away.

    >>> level([90, 10], 40), level([5, 5], 40), level([9, 9, 9], 2)
    (30, 5, 0)
    """
    room, most = size, 0
    for n, left in zip(sorted(flows), range(len(flows), 0, -1), strict=True):
        most = room // left
        if n > most:
            return most
        room, most = room - n, n
    return most


def _ranks(position: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """A random number for each position, all different (SplitMix64; Steele and others, 2014)."""
    with np.errstate(over="ignore"):
        state = np.uint64(seed) * np.uint64(0xD1B54A32D192ED03)
        z = state + (position.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
