"""One sign of attack: which flows show it, and what it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Sign:
    """Which flows show a sign, as positions ``(m,)``, and what a person reads about it.

    >>> Sign(np.array([3, 4]), "scan by 10.0.0.5: 900 ports of 10.0.0.7").count
    2
    """

    rows: NDArray[np.int64]
    reason: str

    @property
    def count(self) -> int:
        """How many flows show it."""
        return len(self.rows)
