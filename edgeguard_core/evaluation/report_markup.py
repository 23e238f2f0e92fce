"""HTML that is escaped by construction, and the numbers in it as people read them."""

import html
import math
from typing import Any

UNDEFINED = "–"


class Html(str):
    """Markup of ours; every other text is escaped where it meets one."""

    __slots__ = ()


def element(tag: str, /, *children: Any, **attributes: Any) -> Html:
    """An element with its children; texts that are no ``Html`` are escaped.

    ``class_`` gives the attribute ``class``, and ``_`` in a name a ``-``; None leaves one out.

    >>> element("p", "1 < 2 & ", element("b", "'so'"), class_="a")
    '<p class="a">1 &lt; 2 &amp; <b>&#x27;so&#x27;</b></p>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if tag in ("line", "rect", "path", "circle", "meta", "br"):
        return Html(f"<{tag}{given}/>")
    return Html(f"<{tag}{given}>{joined(*children)}</{tag}>")


def joined(*children: Any) -> Html:
    """Texts and elements in one; None is nothing, a list is its items.

    >>> joined("<", [element("i", "a"), None])
    '&lt;<i>a</i>'
    """
    parts: list[str] = []
    for child in children:
        if isinstance(child, (list, tuple)):
            parts.append(joined(*child))
        elif child is not None:
            parts.append(child if isinstance(child, Html) else html.escape(str(child)))
    return Html("".join(parts))


def table(
    columns: list[str],
    rows: list[list[Any]],
    *,
    numeric: tuple[int, ...] = (),
    kind: str | None = None,
) -> Html:
    """A table with a header; the columns at ``numeric`` stand right, ``kind`` is its class.

    >>> table(["a"], [[1]])[-42:]
    '<tbody><tr><td>1</td></tr></tbody></table>'
    """

    def aligned(position: int) -> str | None:
        return "n" if position in numeric else None

    head = [
        element("th", name, scope="col", class_=aligned(place))
        for place, name in enumerate(columns)
    ]
    body = [
        element("tr", [element("td", cell, class_=aligned(n)) for n, cell in enumerate(row)])
        for row in rows
    ]
    return element(
        "table", element("thead", element("tr", head)), element("tbody", body), class_=kind
    )


def facts(pairs: list[tuple[str, Any]]) -> Html:
    """Names with their values; what is unknown is left out.

    >>> facts([("Seed", 3), ("Who", None)])
    '<dl><dt>Seed</dt><dd>3</dd></dl>'
    """
    return element(
        "dl",
        [
            [element("dt", name), element("dd", value)]
            for name, value in pairs
            if value not in (None, "", UNDEFINED)
        ],
    )


def count(value: float | None) -> str:
    """A whole number with thousands set apart.

    >>> count(125973), count(None)
    ('125,973', '–')
    """
    return UNDEFINED if _undefined(value) else f"{value:,.0f}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share as per cent; never 0 or 100 for what is not quite.

    >>> percent(0.0312), percent(0.00004), percent(0.99999), percent(None)
    ('3.1 %', '< 0.1 %', '> 99.9 %', '–')
    """
    if share is None or _undefined(share):
        return UNDEFINED
    smallest, value = 10.0**-digits, share * 100
    if 0 < value < smallest / 2:
        return f"< {smallest:.{digits}f} %"
    if 100 - smallest / 2 < value < 100:
        return f"> {100 - smallest:.{digits}f} %"
    return f"{value:.{digits}f} %"


def number(value: float | None) -> str:
    """A number of any size with four digits that matter.

    >>> number(1.304198), number(12345.6), number(None)
    ('1.304', '12,346', '–')
    """
    if value is None or _undefined(value):
        return UNDEFINED
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _undefined(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))
