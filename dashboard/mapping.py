"""Which column of an unknown table means what: a first guess, and the schema it makes.

Either the columns are mapped onto those of a schema that ships, or they stay as they are and
each gets a role.
"""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path

from edgeguard_core.errors import EdgeGuardError, SchemaError
from edgeguard_core.flows.infer import infer_schema
from edgeguard_core.flows.schema import Column, LabelSpec, Role, Schema, squeeze
from edgeguard_core.flows.spellings import CANONICAL_WORDS, LABEL
from edgeguard_core.sources import sample_table

SCHEMAS = ("flow", "cicflowmeter", "unsw-nb15", "nsl-kdd")
SAMPLE_ROWS = 5
_EXAMPLES = 3  # different values shown beside a column
_HEAD_BYTES = 262_144
_DELIMITERS = ",\t;|"
_NAME_DIGITS = 6
# Features of the canonical flow that follow from an identity column.
_DERIVED = {"service": ("dst_port", "port_bucket"), "transport": ("protocol", "transport")}
# What a file's numbers are multiplied with for a target in milliseconds, by the title's ending.
_FACTORS = {"s": 1000.0, "sec": 1000.0, "secs": 1000.0, "seconds": 1000.0, "us": 0.001,
            "usec": 0.001, "micros": 0.001, "ns": 0.000001}  # fmt: skip
_TYPES = {Role.NUMERIC: "float", Role.TIME: "time"}  # of a column whose role was changed
_GUESS_FROM = 0.72  # similarity from which a guess is worth showing
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class Head:
    """The header and the first rows of a text table."""

    delimiter: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def examples(self, column: int) -> str:
        """The first different filled cells of a column.

        >>> Head(",", ("a", "b", "c"), (("1", "", "x"), ("2", "", "x"))).examples(0)
        '1 · 2'
        """
        cells = (row[column].strip() for row in self.rows if column < len(row))
        return " · ".join(list(dict.fromkeys(cell for cell in cells if cell))[:_EXAMPLES])


@dataclass(frozen=True)
class Guess:
    """What a column of the file most likely means."""

    column: str
    target: str | None
    confidence: float  # 0 to 1; 1 is the same word


def read_head(path: Path) -> Head | None:
    """The head of a Parquet file, or of one that looks like a table of text; else None.

    A table of text has one delimiter that cuts its first lines into the same number of cells,
    three at least.
    """
    text = _head_text(path)
    if text is None:
        return _head_of_parquet(path)
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    lines = lines[: SAMPLE_ROWS + 1]
    if len(lines) < 2:
        return None
    best: Head | None = None
    for delimiter in _DELIMITERS:
        cells = [
            tuple(row) for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
        ]
        width, count = Counter(map(len, cells)).most_common(1)[0]
        if width < 3 or count < len(cells) or (best is not None and width <= len(best.columns)):
            continue
        best = Head(delimiter, tuple(name.strip() for name in cells[0]), tuple(cells[1:]))
    return best


def _head_of_parquet(path: Path) -> Head | None:
    try:
        with path.open("rb") as file:
            if file.read(4) != b"PAR1":
                return None
        columns = sample_table(path).columns
    except (OSError, EdgeGuardError):
        return None
    first = [["" if cell is None else str(cell) for cell in cells[:SAMPLE_ROWS]]
             for cells in columns.values()]  # fmt: skip
    return Head("", tuple(columns), tuple(zip(*first, strict=True)))


def _head_text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            start = file.read(_HEAD_BYTES)
        if start.startswith(_GZIP):
            with gzip.open(path) as unzipped:
                start = unzipped.read(_HEAD_BYTES)
        elif start.startswith(_ZSTD):
            import zstandard

            with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as flow:
                start = flow.read(_HEAD_BYTES)
    except (OSError, EOFError):
        return None
    if b"\0" in start:
        return None
    # The last line may be cut in the middle of a letter.
    whole = start[: start.rfind(b"\n") + 1] if len(start) == _HEAD_BYTES else start
    text = whole.decode("utf-8-sig", errors="replace")
    return text if text.count("�") <= len(text) // 100 else None


def targets(schema: Schema) -> tuple[str, ...]:
    """What a column can be mapped to: every column that is read, and the label."""
    return (
        *(
            column.name
            for column in schema.columns
            if column.derived_from is None
            and not column.context
            and column.role not in (Role.IGNORED, Role.LABEL)
        ),
        LABEL,
    )


def guess(columns: Sequence[str], schema: Schema) -> list[Guess]:
    """One guess a column; no target is guessed twice, the surest guess has it.

    Examples
    --------
    >>> [g.target for g in guess(["SrcAddr", "Dport", "colour"], Schema.named("flow"))]
    ['src_ip', 'dst_port', None]
    """
    allowed = targets(schema)
    spellings = {
        squeeze(spelling): column.name
        for column in schema.columns
        if column.name in allowed
        for spelling in (column.name, *column.aliases)
    }
    ranked = sorted(
        (
            (confidence, -position, target)
            for position, name in enumerate(columns)
            for target, confidence in _candidates(squeeze(name), spellings, allowed)
        ),
        reverse=True,
    )
    taken: dict[int, tuple[str, float]] = {}
    for confidence, negative, target in ranked:
        if -negative not in taken and target not in {given for given, _ in taken.values()}:
            taken[-negative] = (target, confidence)
    return [Guess(name, *taken.get(n, (None, 0.0))) for n, name in enumerate(columns)]


def _candidates(
    name: str, spellings: Mapping[str, str], allowed: Sequence[str]
) -> list[tuple[str, float]]:
    if name in spellings:
        return [(spellings[name], 1.0)]
    if (target := CANONICAL_WORDS.get(name)) in allowed:
        return [(str(target), 0.95)]
    alike = (
        (target, SequenceMatcher(None, name, spelling).ratio())
        for spelling, target in spellings.items()
    )
    return [(target, share) for target, share in alike if share >= _GUESS_FROM]


def factor_of(title: str, target: str | None) -> float:
    """What turns a file's numbers into the target's unit, as the title tells; else 1.

    >>> factor_of("dauer_s", "bidirectional_duration_ms"), factor_of("bytes", "src2dst_bytes")
    (1000.0, 1.0)
    """
    if target is None or not target.endswith("duration_ms"):
        return 1.0
    return _FACTORS.get(title.lower().replace(" ", "_").rpartition("_")[2], 1.0)


def unit_of(schema: Schema, target: str | None) -> str:
    """The unit in which a target is kept, '' where it has none.

    >>> unit_of(Schema.named("flow"), "src2dst_bytes"), unit_of(Schema.named("flow"), None)
    ('B', '')
    """
    known = next((column for column in schema.columns if column.name == target), None)
    return "" if known is None or known.unit is None else known.unit


def twice(head: Head) -> list[str]:
    """Titles that stand more than once, so that no mapping can tell their columns apart.

    >>> twice(Head(",", ("a", "b", "a"), ()))
    ['a']
    """
    return [name for name, n in Counter(head.columns).items() if n > 1]


def drafted_schema(path: Path) -> Schema:
    """A draft that keeps the columns of a table as they are, each with a guessed role.

    Raises
    ------
    SourceError, SchemaError
        If the file is no table, or nothing in it could be a feature.
    """
    return infer_schema(sample_table(path), "own")


def mended_schema(draft: Schema, roles: Mapping[str, str]) -> Schema:
    """The draft with the roles that a person gave its columns.

    Raises
    ------
    SchemaError
        If no column is a feature, or more than one is the time.
    """
    columns = tuple(_with_role(column, Role(roles[column.name])) for column in draft.columns)
    times = [column.name for column in columns if column.role is Role.TIME]
    if len(times) > 1:
        raise SchemaError(f"Both {times[0]!r} and {times[1]!r} are the time; ignore one of them.")
    labels = tuple(column.name for column in columns if column.role is Role.LABEL)
    mended = replace(draft, columns=columns, label=LabelSpec(coarse=labels, fine=()))
    if not mended.features:
        raise SchemaError(
            "No column is numeric or categorical, so a model would have nothing to learn from; "
            "give at least one of them such a role."
        )
    return replace(mended, name=f"{draft.name}-{mended.fingerprint()[:_NAME_DIGITS]}")


def _with_role(column: Column, role: Role) -> Column:
    if role is column.role:
        return column
    return replace(column, role=role, type=_TYPES.get(role, "string"))


def mapped_schema(
    schema: Schema,
    mapping: Mapping[str, str | None],
    factors: Mapping[str, float] | None = None,
) -> Schema:
    """The schema that reads this file: each mapped column under the name it has there.

    Parameters
    ----------
    mapping
        Column of the file to target, None for a column that is left out.
    factors
        What the numbers of a column of the file are multiplied with, 1 where nothing is said.

    Raises
    ------
    SchemaError
        If two columns have one target, or no feature is mapped at all.
    """
    chosen: dict[str, str] = {}
    for name, target in mapping.items():
        if not target:
            continue
        if target in chosen:
            raise SchemaError(
                f"Both {chosen[target]!r} and {name!r} are mapped to {target!r}; clear one of them."
            )
        chosen[target] = name
    if not any(_gives_feature(schema, target) for target in chosen):
        raise SchemaError(
            "No column is mapped to a feature yet, so a model would have nothing to learn from; "
            "map at least one, such as bytes, packets or duration."
        )
    names = {squeeze(name): target for target, name in chosen.items()}
    columns = tuple(
        _with_alias(column, chosen.get(column.name), names) for column in schema.columns
    )
    label = schema.label
    if LABEL in chosen:
        others = tuple(word for word in label.coarse if squeeze(word) != squeeze(chosen[LABEL]))
        label = replace(label, coarse=(chosen[LABEL], *others))
    columns = tuple(_derived(column, chosen) for column in columns)
    columns = tuple(_scaled(column, chosen, factors or {}) for column in columns)
    mapped = replace(schema, columns=columns, label=label)
    # A schema of one's own has a name of its own, the same for the same mapping, so that a
    # bundle learned from one file reads the next one of that exporter.
    return replace(mapped, name=f"{schema.name}-{mapped.fingerprint()[:_NAME_DIGITS]}")


def _derived(column: Column, chosen: Mapping[str, str]) -> Column:
    """A bucket of the canonical flow that is not mapped itself, made of what is."""
    source, rule = _DERIVED.get(column.name, ("", ""))
    if source not in chosen or column.name in chosen or column.derived_from is not None:
        return column
    return replace(column, derived_from=source, rule=rule)


def _scaled(column: Column, chosen: Mapping[str, str], factors: Mapping[str, float]) -> Column:
    factor = factors.get(chosen.get(column.name, ""), 1.0)
    if factor == 1.0 or column.role is not Role.NUMERIC:
        return column
    if not 0 < factor < float("inf"):
        raise SchemaError(
            f"{chosen[column.name]!r} cannot be multiplied with {factor:g}; give a number above 0."
        )
    return replace(column, factor=factor)


def _gives_feature(schema: Schema, target: str) -> bool:
    return any(
        column.is_feature and target in (column.name, column.derived_from)
        for column in schema.columns
    )


def _with_alias(column: Column, name: str | None, names: Mapping[str, str]) -> Column:
    # A spelling that was given to another column must not lead here any more.
    kept = tuple(
        alias for alias in column.aliases if names.get(squeeze(alias), column.name) == column.name
    )
    if name is None or squeeze(name) in {squeeze(word) for word in (column.name, *kept)}:
        return replace(column, aliases=kept)
    return replace(column, aliases=(*kept, name))
