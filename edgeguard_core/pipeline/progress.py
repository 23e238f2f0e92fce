"""How a long stage says where it is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a run is: its stage, the share of that stage done (0 to 1), and a line for people.

    ``loss`` and ``step`` of ``steps`` are set while training.
    """

    stage: str
    done: float
    message: str = ""
    loss: float | None = None
    step: int | None = None
    steps: int | None = None


OnProgress = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Progress that nobody watches."""


def reading(on_progress: OnProgress, message: str) -> Callable[[float], None]:
    """A callback for readers, which only know the share that is read."""
    return lambda share: on_progress(Progress("read", share, message))
