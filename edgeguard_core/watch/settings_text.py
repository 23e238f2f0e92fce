"""A settings file as keys and values, each with the line it stands on."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

_LONGEST_BYTES = 1 << 20


@dataclass(frozen=True)
class Given:
    """A value, where it was given, and the folder that its relative paths start in."""

    value: Any
    where: str
    folder: Path | None = None


def read_text(
    text: str, file: Path, keys: Mapping[str, Any], groups: Collection[str]
) -> tuple[dict[str, Given], list[str]]:
    """What a YAML text gives by key, dots between its levels, and what is wrong with it.

    Parameters
    ----------
    keys, groups
        What is known: ``batch.flows``, and ``batch``.
    """
    if len(text) > _LONGEST_BYTES:
        return {}, [f"{file} is longer than a mebibyte; it holds no settings."]
    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return {}, []
            if not isinstance(node, yaml.MappingNode):
                return {}, [f"{file} line 1: settings are lines like `sensor: gate`."]
            return _Reading(loader, file, keys, groups).mapping(node)
        finally:
            loader.dispose()
    except RecursionError:
        return {}, [f"{file}: its brackets are nested too deep; it holds no settings."]
    except yaml.YAMLError as error:
        return {}, [f"{file}{_fault(error, text)}."]


def _fault(error: yaml.YAMLError, text: str) -> str:
    """Where a text stops being YAML, why, and what to do."""
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f" line {line}: it holds the character {chr(error.character)!r}; remove it"
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or "it is no YAML"
    if "unexpected end" in what:  # what was not closed began earlier
        mark = getattr(error, "context_mark", None) or mark
    where = f" line {mark.line + 1}" if mark is not None else ""
    if "'\\t'" in what:
        return f"{where}: a tab stands there; indent with spaces"
    return f"{where}: {what}; mend the line"


@dataclass
class _Reading:
    loader: Any
    file: Path
    keys: Mapping[str, Any]
    groups: Collection[str]

    def mapping(self, node: Any, group: str = "") -> tuple[dict[str, Given], list[str]]:
        given: dict[str, Given] = {}
        problems: list[str] = []
        seen: set[str] = set()
        for key_node, value_node in node.value:
            where = f"{self.file} line {key_node.start_mark.line + 1}"
            is_word = isinstance(key_node, yaml.ScalarNode)
            key = group + (str(key_node.value) if is_word else "[…]")
            if key in seen:
                problems.append(f"{where}: {key} is given twice; remove one.")
            elif key in self.keys:
                try:
                    value = self.loader.construct_object(value_node, deep=True)
                except (ValueError, AttributeError):  # a date such as 2026-13-45, or !!int x
                    problems.append(f"{where}: {key} is no {_kind(value_node)}; put it in quotes.")
                    value = None
                if value is not None:
                    given[key] = Given(value, where, self.file.resolve().parent)
            elif key in self.groups and isinstance(value_node, yaml.MappingNode):
                inner, wrong = self.mapping(value_node, f"{key}.")
                given |= inner
                problems += wrong
            elif key in self.groups:
                inside = ", ".join(
                    k.partition(".")[2] for k in self.keys if k.startswith(key + ".")
                )
                problems.append(f"{where}: {key} holds settings of its own: {inside}.")
            else:
                near = difflib.get_close_matches(key, [*self.keys, *self.groups], 1, 0.5)
                hint = f"; did you mean {near[0]}?" if near else "; remove it."
                problems.append(f"{where}: no setting is called {key}{hint}")
            seen.add(key)
        return given, problems


def _kind(node: Any) -> str:
    """What YAML takes a value for.

    >>> _kind(yaml.ScalarNode("tag:yaml.org,2002:timestamp", "2026-13-45"))
    'timestamp'
    """
    return str(node.tag).rpartition(":")[2]
