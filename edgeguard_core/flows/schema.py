"""Schemas: what the columns of a flow table are called, mean, and may hold."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, cached_property
from importlib import resources
from typing import Any

import yaml

from edgeguard_core.errors import SchemaError

RECOGNISED_SHARE = 0.6
"""A file is of a native schema when it has at least this share of its feature columns."""

CONTEXT_VERSION = 1
"""Raised whenever the same flows would get other context; kept in files that hold context."""

_TYPES = ("float", "integer", "string", "address", "port", "time")
_TRANSFORMS = ("log", "linear")
_RULES = ("port_bucket", "transport")


class Role(StrEnum):
    """What a column is for."""

    IDENTITY = "identity"
    TIME = "time"
    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    LABEL = "label"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Column:
    """One column of a schema.

    ``minimum`` and ``maximum`` are hard: a row outside is rejected. ``derived_from`` and
    ``rule`` make a categorical column out of another one, such as the service bucket of a
    port. ``words`` translates a source's words into EdgeGuard's; others become missing.
    ``factor`` is what a file's number is multiplied with to be in the column's unit.
    ``context`` marks a feature that is computed from the flows before this one, and that no
    source brings.
    ``transform`` is what the model's graph applies before standardising.
    """

    name: str
    role: Role
    type: str = "float"
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] | None = None
    aliases: tuple[str, ...] = ()
    transform: str = "log"
    derived_from: str | None = None
    rule: str | None = None
    words: Mapping[str, str] | None = None
    factor: float | None = None
    context: bool = False
    description: str = ""

    def __post_init__(self) -> None:
        for value, allowed, key in (
            (self.type, _TYPES, "type"),
            (self.transform, _TRANSFORMS, "transform"),
            (self.rule or _RULES[0], _RULES, "rule"),
        ):
            if value not in allowed:
                raise SchemaError(
                    f"Column {self.name!r} has {key} {value!r}; use one of {', '.join(allowed)}."
                )

    @property
    def is_feature(self) -> bool:
        """Whether a model reads this column."""
        return self.role in (Role.NUMERIC, Role.CATEGORICAL)


@dataclass(frozen=True)
class LabelSpec:
    """Where the labels stand and which words are known.

    ``coarse`` columns decide benign or attack, ``fine`` ones name the class; the first
    present of each counts. ``attack`` and ``benign`` list words of known meaning, in any
    spelling; one with a ``*`` is a pattern. ``strip`` is what every word begins with and that
    says nothing. With ``only_known`` any other word is unlabelled instead of an attack.
    """

    coarse: tuple[str, ...] = ("label", "class", "attack")
    fine: tuple[str, ...] = ("attack_type", "attack_cat")
    attack: tuple[str, ...] = ()
    benign: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()
    only_known: bool = False


@dataclass(frozen=True)
class Schema:
    """The columns of one kind of flow table.

    Examples
    --------
    >>> schema = Schema.named("nsl-kdd")
    >>> schema.numeric[:2], schema.categorical
    (('duration_s', 'src_bytes'), ('protocol_type', 'service', 'flag'))
    >>> schema.column("src_bytes").unit
    'B'
    """

    name: str
    version: int
    title: str
    columns: tuple[Column, ...]
    label: LabelSpec = field(default_factory=LabelSpec)

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SchemaError(f"Schema {self.name!r} has column {twice[0]!r} twice; remove one.")
        claims: dict[str, str] = {}
        labels = {squeeze(word) for word in (*self.label.coarse, *self.label.fine)}
        for column in self.columns:
            spelt = [column.name, *column.aliases]
            if twice := [word for word in spelt if spelt.count(word) > 1]:
                raise SchemaError(
                    f"Column {column.name!r} of schema {self.name!r} lists {twice[0]!r} twice; "
                    "remove one."
                )
            if column.is_feature and (both := [word for word in spelt if squeeze(word) in labels]):
                raise SchemaError(
                    f"Schema {self.name!r} takes {both[0]!r} for the label and for the feature "
                    f"{column.name!r}; remove it from one."
                )
            for spelling in {squeeze(word) for word in (column.name, *column.aliases)}:
                if (other := claims.setdefault(spelling, column.name)) != column.name:
                    raise SchemaError(
                        f"Schema {self.name!r} gives {spelling!r} to both {other!r} and "
                        f"{column.name!r}; remove it from one."
                    )
            if column.derived_from is not None and column.derived_from not in names:
                raise SchemaError(
                    f"Column {column.name!r} is derived from {column.derived_from!r}, "
                    f"which schema {self.name!r} does not have; add that column."
                )

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises
        ------
        SchemaError
            If there is none.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise SchemaError(f"Schema {self.name!r} has no column {name!r}.") from None

    def _of_role(self, role: Role) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.role is role)

    @cached_property
    def numeric(self) -> tuple[str, ...]:
        """Names of the numeric features, in the schema's order."""
        return self._of_role(Role.NUMERIC)

    @cached_property
    def categorical(self) -> tuple[str, ...]:
        """Names of the categorical features, in the schema's order."""
        return self._of_role(Role.CATEGORICAL)

    @cached_property
    def identity(self) -> tuple[str, ...]:
        """Names of the columns that say which flow this is."""
        return self._of_role(Role.IDENTITY)

    @property
    def features(self) -> tuple[str, ...]:
        """Numeric features, then categorical ones: the order of ``feature_errors``."""
        return self.numeric + self.categorical

    @property
    def measured(self) -> tuple[str, ...]:
        """Features that a source brings or that follow from its columns; context does not."""
        return tuple(name for name in self.features if not self.column(name).context)

    @property
    def context(self) -> tuple[str, ...]:
        """Features that are computed from the flows before."""
        return tuple(name for name in self.features if self.column(name).context)

    @property
    def time(self) -> str | None:
        """Name of the time column (milliseconds UTC once read), if the schema has one."""
        return next(iter(self._of_role(Role.TIME)), None)

    def match(self, header: Iterable[str]) -> dict[str, int]:
        """Where each schema column stands in a header, whatever its spelling.

        Of names that mean the same column the first counts, so the second of two
        ``Fwd Header Length`` is left alone.

        >>> Schema.named("nsl-kdd").match(["Dst Bytes", "protocol_type"])
        {'dst_bytes': 0, 'protocol_type': 1}
        """
        spellings = {
            squeeze(spelling): column.name
            for column in self.columns
            for spelling in (column.name, *column.aliases)
        }
        found: dict[str, int] = {}
        for position, text in enumerate(header):
            name = spellings.get(squeeze(text))
            if name is not None:
                found.setdefault(name, position)
        return found

    def coverage(self, present: Iterable[str]) -> float:
        """Share of the feature columns that these schema columns give, 0 to 1."""
        names = set(present)
        features = [self.column(name) for name in self.measured]
        given = sum(feature.name in names or feature.derived_from in names for feature in features)
        return given / len(features) if features else 0.0

    def to_yaml(self) -> str:
        """The schema as a YAML text that ``from_yaml`` reads back."""
        document: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "title": self.title,
            "label": _label_to_plain(self.label),
            "columns": [_column_to_plain(column) for column in self.columns],
        }
        return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)

    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the schema's YAML text."""
        return hashlib.sha256(self.to_yaml().encode()).hexdigest()[:16]

    @classmethod
    def from_yaml(cls, text: str, *, origin: str = "the schema") -> "Schema":
        """The schema that a YAML text describes.

        Raises
        ------
        SchemaError
            If the text is no YAML, lacks a key, or has one that is not known.
        """
        try:
            document = yaml.load(text, _StrictLoader)  # a SafeLoader, see below
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f" line {mark.line + 1}" if mark is not None else ""
            if isinstance(error, _RepeatedKeyError):
                raise SchemaError(
                    f"{origin}{where} has {error.problem} twice; remove one."
                ) from error
            raise SchemaError(f"{origin}{where} is not YAML; mend it by hand.") from error
        if not isinstance(document, dict) or not isinstance(document.get("columns"), list):
            raise SchemaError(f"{origin} has no list 'columns'; see `edgeguard schema show flow`.")
        _only_known(document, ("name", "version", "title", "label", "columns"), origin)
        try:
            return cls(
                name=str(document["name"]),
                version=int(document.get("version", 1)),
                title=str(document.get("title", document["name"])),
                columns=tuple(_column_from_plain(item, origin) for item in document["columns"]),
                label=_label_from_plain(document.get("label") or {}, origin),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SchemaError(f"{origin} is not a schema ({error}); check that key.") from error

    @classmethod
    @cache
    def named(cls, name: str) -> "Schema":
        """One of the schemas that ship with EdgeGuard.

        Raises
        ------
        SchemaError
            If none has that name; the message lists those there are.
        """
        if name not in shipped_schemas():
            raise SchemaError(
                f"No schema is called {name!r}; there are {', '.join(shipped_schemas())}."
            )
        return cls.from_yaml(shipped_text(name), origin=f"schemas/{name}.yaml")


class _RepeatedKeyError(yaml.MarkedYAMLError):
    """A mapping with a key twice, of which YAML would silently take the last."""


class _StrictLoader(yaml.SafeLoader):
    """Plain values alone, and every key once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [repr(self.construct_object(key, deep=True)) for key, _ in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                mark = node.value[position][0].start_mark
                raise _RepeatedKeyError(problem=f"the key {key}", problem_mark=mark)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def squeeze(text: str) -> str:
    """A column name reduced to lower-case letters and digits, so that spellings compare.

    >>> squeeze(' "Flow Bytes/s"'), squeeze("flow_bytes_s")
    ('flowbytess', 'flowbytess')
    """
    return re.sub(r"[^a-z0-9]", "", text.lower())


def shipped_text(name: str) -> str:
    """The YAML text of a file in ``flows/schemas``, without its ending."""
    return (resources.files("edgeguard_core.flows") / "schemas" / f"{name}.yaml").read_text("utf-8")


def shipped_schemas() -> tuple[str, ...]:
    """Names of the schemas that ship, the canonical one first."""
    return ("flow", "cicflowmeter", "unsw-nb15", "nsl-kdd")


def _column_to_plain(column: Column) -> dict[str, Any]:
    plain: dict[str, Any] = {"name": column.name, "role": str(column.role)}
    for key, value in vars(column).items():
        if key in plain or value == getattr(Column, key, None):
            continue
        plain[key] = list(value) if isinstance(value, tuple) else value
    return plain


def _column_from_plain(item: Any, origin: str) -> Column:
    if not isinstance(item, Mapping) or "name" not in item or "role" not in item:
        raise SchemaError(f"{origin} has a column without name or role: {item!r}; give both.")
    _only_known(item, tuple(Column.__dataclass_fields__), f"{origin}, column {item['name']!r},")
    roles = [str(role) for role in Role]
    if item["role"] not in roles:
        raise SchemaError(
            f"{origin}, column {item['name']!r}, has role {item['role']!r}; "
            f"use one of {', '.join(roles)}."
        )
    chosen = dict(item) | {"role": Role(item["role"])}
    for key in ("aliases", "values"):
        if chosen.get(key) is not None:
            chosen[key] = tuple(str(value) for value in chosen[key])
    return Column(**chosen)


def _label_from_plain(item: Mapping[str, Any], origin: str) -> LabelSpec:
    _only_known(item, tuple(LabelSpec.__dataclass_fields__), f"{origin}, label,")
    only_known = bool(item.get("only_known", False))
    lists = {key: words for key, words in item.items() if key != "only_known"}
    return LabelSpec(
        **{key: tuple(str(word) for word in words) for key, words in lists.items()},
        only_known=only_known,
    )


def _label_to_plain(spec: LabelSpec) -> dict[str, Any]:
    # The first three stand in every schema since format 1; the others where they say something.
    plain: dict[str, Any] = {key: list(getattr(spec, key)) for key in ("coarse", "fine", "attack")}
    plain |= {key: list(words) for key in ("benign", "strip") if (words := getattr(spec, key))}
    return plain | ({"only_known": True} if spec.only_known else {})


def _only_known(item: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    if unknown := sorted(set(item) - set(known)):
        raise SchemaError(f"{where} has an unknown key {unknown[0]!r}; use {', '.join(known)}.")
