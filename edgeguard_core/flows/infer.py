"""A first draft of a schema for an unknown table, guessed from its titles and some rows.

A draft is for a person to read and mend; nothing is ever trained by one that nobody saw.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import SchemaError
from edgeguard_core.flows import cells
from edgeguard_core.flows.labels import ATTACK_WORDS, BENIGN_WORDS
from edgeguard_core.flows.schema import Column, LabelSpec, Role, Schema, squeeze
from edgeguard_core.flows.spellings import LABEL, canonical_name

_MOST_CATEGORIES = 50
_CATEGORY_SHARE = 0.2  # more distinct words than this share of the rows are keys
_UNIT_ENDINGS = {
    "us": "us", "usec": "us", "micros": "us", "ms": "ms", "msec": "ms", "millis": "ms", "s": "s",
    "sec": "s", "secs": "s", "seconds": "s", "ns": "ns", "bytes": "B", "octets": "B",
    "packets": "packets", "pkts": "packets", "bps": "bit/s", "pps": "packets/s",
}  # fmt: skip
_MS_FACTORS = {"s": 1e3, "us": 1e-3, "ns": 1e-6}
_PART = re.compile(r"[A-Za-z]+|\d+")
_TIME_TITLES = re.compile(r"time|stamp|date|(first|last).?seen|^ts$|start$|end$", re.I)
_KEY_ENDINGS = frozenset(
    ("id", "uid", "uuid", "guid", "hash", "key", "index", "host", "hostname", "mac", "user")
)


@dataclass(frozen=True)
class Sample:
    """The titles of a table and the cells of some rows, each column of shape ``(n,)``."""

    columns: Mapping[str, NDArray[np.object_]]


def infer_schema(sample: Sample, name: str) -> Schema:
    """A draft: role, type and unit of each column, with the reason as its description.

    Raises
    ------
    SchemaError
        If a title stands twice in any spelling, or no column could be a feature.

    Examples
    --------
    >>> cells = {"Src IP": ["10.0.0.1", "10.0.0.2"], "sbytes": ["60", "1500"],
    ...          "kind": ["benign", "Bot"]}
    >>> columns = {title: np.array(values, object) for title, values in cells.items()}
    >>> schema = infer_schema(Sample(columns), "mine")
    >>> [(column.name, str(column.role), column.unit) for column in schema.columns]
    [('Src IP', 'identity', None), ('sbytes', 'numeric', 'B'), ('kind', 'label', None)]
    """
    _require_titles(list(sample.columns))
    columns = [_guess(title, values) for title, values in sample.columns.items()]
    columns = _only_one_time(columns)
    labels = tuple(column.name for column in columns if column.role is Role.LABEL)
    schema = Schema(
        name=name,
        version=1,
        title=f"Draft for {name}: read each line, mend what is wrong",
        columns=tuple(columns),
        label=LabelSpec(coarse=labels, fine=()),
    )
    if not schema.features:
        raise SchemaError(
            f"No column of {name} could be a feature; give a table with counts, sizes or durations."
        )
    return schema


def draft_yaml(schema: Schema) -> str:
    """The draft as YAML, with what to do about it at its head."""
    return (
        "# A draft, guessed from titles and first rows. Check every role and unit; each\n"
        "# description says why it was guessed. `role: ignored` leaves a column out. To read the\n"
        "# file as canonical flows instead, take `edgeguard schema show flow` and add its titles\n"
        "# there as aliases. Then: edgeguard train FILE --schema THIS.yaml --out BUNDLE\n"
    ) + schema.to_yaml()


def _require_titles(titles: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for position, title in enumerate(titles, start=1):
        if not squeeze(title):
            raise SchemaError(
                f"Column {position} has no title in letters ({title!r}); give it one."
            )
        if (other := seen.setdefault(squeeze(title), title)) != title:
            raise SchemaError(f"Columns {other!r} and {title!r} are spelt alike; rename one.")


def _guess(title: str, values: NDArray[np.object_]) -> Column:
    """One column, by its values first and its title second."""
    target = canonical_name(title)
    filled = values[cells.texts(values) != ""]
    alike = _likeness(title, target)

    def column(role: Role, kind: str, why: str, unit: str | None = None) -> Column:
        return Column(title, role, type=kind, unit=unit, description=why + alike)

    if not len(filled):
        return column(Role.IGNORED, "string", "empty in every row looked at")
    if _holds_label_words(filled) or (target == LABEL and _distinct(filled) <= _MOST_CATEGORIES):
        return column(Role.LABEL, "string", f"holds {_shown(filled)}")
    found = _identity(title, target, filled)
    if found is not None:
        return column(*found)
    if cells.numbers(filled)[1].any():
        few = _distinct(filled) <= max(
            _MOST_CATEGORIES * _CATEGORY_SHARE, _CATEGORY_SHARE * len(filled)
        )
        if few and _distinct(filled) <= _MOST_CATEGORIES:
            return column(Role.CATEGORICAL, "string", f"few different words: {_shown(filled)}")
        return column(Role.IDENTITY, "string", f"many different words: {_shown(filled)}")
    unit = _unit(title)
    return column(Role.NUMERIC, "float", f"numbers: {_shown(filled)}", unit)


def _likeness(title: str, target: str | None) -> str:
    """Which canonical column this would be an alias of, for the description."""
    if target is None and squeeze(title).startswith(("dur", "flowdur")):
        factor = _MS_FACTORS.get(_unit(title) or "")
        by = f"with factor {factor:g}" if factor else "once it is in ms"
        return f"; like flow's bidirectional_duration_ms {by}"
    return f"; like flow's {target}" if target and target != LABEL else ""


def _identity(
    title: str, target: str | None, filled: NDArray[np.object_]
) -> tuple[Role, str, str] | None:
    """Role, type and reason of a column that says which flow it is; None for a feature."""
    if not cells.addresses(filled)[1].any():
        return Role.IDENTITY, "address", f"addresses: {_shown(filled)}"
    is_number = not cells.numbers(filled)[1].any()
    if target in ("src_port", "dst_port") and not cells.ports(filled)[1].any():
        return Role.IDENTITY, "port", f"ports: {_shown(filled)}"
    if target == "protocol" and not cells.protocols(filled)[1].any() and is_number:
        return Role.IDENTITY, "integer", f"protocol numbers: {_shown(filled)}"
    if _is_time(title, filled, is_number):
        return Role.TIME, "time", f"times: {_shown(filled)}"
    if _parts(title)[-1:] and _parts(title)[-1] in _KEY_ENDINGS:
        kind = "integer" if is_number and not cells.integers(filled)[1].any() else "string"
        return Role.IDENTITY, kind, f"its title is that of a key: {_shown(filled)}"
    return None


def _is_time(title: str, filled: NDArray[np.object_], is_number: bool) -> bool:
    """Dates in words; numbers only where the title says so and they lie after 1990."""
    from datetime import UTC

    stamps, wrong = cells.times_ms(filled, UTC, None)
    if wrong.any():
        stamps, wrong = cells.times_ms(filled, UTC, "day-first")
    if wrong.any():
        return False
    if not is_number:
        return True
    after_1990 = bool((stamps > 631_152_000_000.0).all())
    return after_1990 and _TIME_TITLES.search(title.strip()) is not None


def _only_one_time(columns: list[Column]) -> list[Column]:
    """The first time column; a schema has one, so later ones are left out."""
    first = next((column.name for column in columns if column.role is Role.TIME), None)
    return [
        column
        if column.role is not Role.TIME or column.name == first
        else Column(
            column.name,
            Role.IGNORED,
            type="time",
            description=f"{column.description}; {first} is the time",
        )
        for column in columns
    ]


def _holds_label_words(filled: NDArray[np.object_]) -> bool:
    known = {*BENIGN_WORDS, *ATTACK_WORDS}
    words = {word.lower() for word in cells.texts(filled)}
    return bool(words & set(known)) and len(words) <= _MOST_CATEGORIES


def _unit(title: str) -> str | None:
    """The unit that a title ends in or names.

    >>> _unit("dur_ms"), _unit("flowDurationUs"), _unit("src_bytes"), _unit("Flow Bytes/s")
    ('ms', 'us', 'B', 'B/s')
    """
    parts = _parts(title)
    if not parts:
        return None
    if "/s" in title.lower() or parts[-2:] == ["per", "s"]:
        of = next(
            (_UNIT_ENDINGS[part] for part in parts if part in ("bytes", "packets", "pkts")), "1"
        )
        return f"{of}/s"
    ending = _UNIT_ENDINGS.get(parts[-1])
    if ending is None and canonical_name(title) in ("src2dst_bytes", "dst2src_bytes"):
        return "B"
    if ending is None and canonical_name(title) in ("src2dst_packets", "dst2src_packets"):
        return "packets"
    return ending


def _parts(title: str) -> list[str]:
    """The words of a title, whatever joins them."""
    spread = re.sub(r"([a-z])([A-Z])", r"\1 \2", title)
    return [part.lower() for part in _PART.findall(spread)]


def _distinct(values: NDArray[np.object_]) -> int:
    return len(set(cells.texts(values)))


def _shown(values: NDArray[np.object_]) -> str:
    """The first three different cells."""
    words = [" ".join(str(word).split())[:24] for word in dict.fromkeys(cells.texts(values))]
    return ascii(", ".join(words[:3]))[1:-1] + (", …" if len(words) > 3 else "")
