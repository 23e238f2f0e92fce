"""How tall a table is: whole rows, so that none is cut in the middle."""

_ROW_PIXELS = 35
_BORDER_PIXELS = 3
_HALF_A_ROW = 17  # of the next row, to show that there is more


def height(rows: int, *, most: int) -> int:
    """Pixels of a table with a header and this many rows, at most ``most`` of them visible.

    >>> height(2, most=5), height(50, most=5)
    (108, 230)
    """
    if rows <= most:
        return (rows + 1) * _ROW_PIXELS + _BORDER_PIXELS
    return (most + 1) * _ROW_PIXELS + _BORDER_PIXELS + _HALF_A_ROW
