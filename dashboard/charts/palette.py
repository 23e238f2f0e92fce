"""Colours that people with colour-blindness can tell apart (Okabe and Ito 2008).

The lighter ones stand on dark ground. Shape and words repeat what colour says.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Palette:
    """The colours of one appearance."""

    benign: str
    attack: str
    unlabelled: str
    line: str
    faint: str


LIGHT = Palette("#0072B2", "#D55E00", "#7A7A7A", "#17212B", "#5B6875")
DARK = Palette("#56B4E9", "#E69F00", "#A8A8A8", "#E6ECF2", "#9AA7B4")


def palette(dark: bool) -> Palette:
    """The colours for an appearance.

    >>> palette(True).benign
    '#56B4E9'
    """
    return DARK if dark else LIGHT
