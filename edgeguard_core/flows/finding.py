"""What the lint says of one oddity."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_MOST_NAMED = 6


@dataclass(frozen=True)
class Finding:
    """One oddity: how many rows it touches, what it means, and what to do about it."""

    rule: str
    columns: tuple[str, ...]
    rows: int
    share: float
    sentence: str
    remedy: str

    def to_json(self) -> dict[str, Any]:
        """An entry of ``inspect --json``."""
        return {
            "rule": self.rule,
            "columns": list(self.columns),
            "rows": self.rows,
            "share": round(self.share, 6),
            "sentence": self.sentence,
            "remedy": self.remedy,
        }


def named(columns: Iterable[str]) -> str:
    """Names for a sentence, the first six of many.

    >>> named("abcdefgh")
    'a, b, c, d, e, f and 2 more'
    """
    listed = list(columns)
    shown = ", ".join(listed[:_MOST_NAMED])
    return f"{shown} and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else shown
