"""Random quantities as networks have them: log-normal bodies with Pareto tails, never Gaussian."""

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_KNEE_SPREADS = 1.5  # where the tail begins: this many spreads above the median, in logs


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A random generator for one purpose: drawing more for another one does not change it.

    >>> bool(generator(1, "web").random() == generator(1, "web").random())
    True
    >>> bool(generator(1, "web").random() == generator(1, "mail").random())
    False
    """
    words = [p if isinstance(p, int) else zlib.crc32(p.encode()) for p in purpose]
    return np.random.default_rng([seed, *words])


@dataclass(frozen=True)
class Size:
    """A heavy-tailed positive quantity: bytes, packets, milliseconds.

    Flow sizes and durations are log-normal in their body and Pareto in their tail (Downey,
    "Lognormal and Pareto distributions in the Internet", 2005).

    Attributes
    ----------
    median
        Of the body, in the unit of the quantity.
    spread
        Standard deviation of the natural logarithm of the body.
    tail
        Share of the draws that come from the Pareto tail, 0 to 1.
    alpha
        Exponent of the tail; below 2 the variance of an unlimited tail is infinite.
    most
        No draw is larger.

    Examples
    --------
    >>> draws = Size(1000, 1.0, tail=0.1).draw(generator(0), 10_000)
    >>> bool(np.quantile(draws, 0.99) > 10 * np.median(draws))
    True
    """

    median: float
    spread: float = 1.0
    tail: float = 0.0
    alpha: float = 1.2
    most: float = 2e9

    def draw(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """``n`` independent draws, shape ``(n,)``, each above 0 and at most ``most``."""
        body = rng.lognormal(np.log(self.median), self.spread, n)
        heavy = rng.random(n) < self.tail
        knee = self.median * np.exp(_KNEE_SPREADS * self.spread)
        tail = knee * (1 - rng.random(n)) ** (-1 / self.alpha)
        return np.minimum(np.where(heavy, tail, body), self.most)


ONE = Size(1, 0.0)


def counts(values: NDArray[np.float64], least: int = 1) -> NDArray[np.float64]:
    """Draws as whole numbers that are not below ``least``, still float64."""
    return np.maximum(np.rint(values), least)
