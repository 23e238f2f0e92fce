"""What a registry holds, as one value, and the steps that lead from one to the next.

Nothing here touches a disk: each step takes a state and gives the next one, with the event that
the history will tell of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from edgeguard_core.errors import RegistryError

CHAMPION: Final = "champion"
CANDIDATE: Final = "candidate"
SHADOW: Final = "shadow"
ALIASES: Final = (CHAMPION, CANDIDATE, SHADOW)
ACTIONS: Final = ("register", "promote", "rollback", "shadow", "remove")
FORMAT: Final = 1
_FINGERPRINT_DIGITS: Final = 64


@dataclass(frozen=True)
class Said:
    """Who asked for a step, when, and why.

    >>> Said("ann", datetime(2026, 1, 1, tzinfo=UTC), "  fewer   false alarms ").why
    'fewer false alarms'
    """

    who: str
    when: datetime
    why: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "who", _one_line(self.who))
        object.__setattr__(self, "why", _one_line(self.why))


@dataclass(frozen=True)
class Event:
    """One step, as the history tells it.

    Attributes
    ----------
    sequence
        1 for the first step of a registry, and one more for each.
    when
        ISO 8601, UTC.
    version
        Which version the step was about.
    before, after
        What the alias that moved stood for before and after; None for nothing. ``register``
        moves ``candidate``, ``promote`` and ``rollback`` move ``champion``, ``shadow`` its own.
    """

    sequence: int
    when: str
    who: str
    action: str
    version: int
    before: int | None
    after: int | None
    why: str

    def to_json(self) -> dict[str, Any]:
        """One line of ``history.jsonl``; ``from`` and ``to`` are ``before`` and ``after``."""
        renamed = {"before": "from", "after": "to"}
        return {renamed.get(name, name): value for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Event":
        """What ``to_json`` gave.

        Raises
        ------
        ValueError
            If it is anything else.
        """
        found = cls(
            sequence=_number(values.get("sequence")),
            when=_text(values.get("when")),
            who=_text(values.get("who")),
            action=_text(values.get("action")),
            version=_number(values.get("version")),
            before=None if values.get("from") is None else _number(values["from"]),
            after=None if values.get("to") is None else _number(values["to"]),
            why=_text(values.get("why")),
        )
        if found.action not in ACTIONS:
            raise ValueError(f"it tells of a step {found.action!r}, which there is not")
        return found


@dataclass(frozen=True)
class RegistryState:
    """Which versions there are, and which of them the aliases stand for.

    Attributes
    ----------
    versions
        Number → fingerprint of the bundle, in order of number.
    aliases
        Name → number; an alias that stands for nothing is absent.
    former
        Champions to go back to, the latest last. ``promote`` adds the one it replaces,
        ``rollback`` takes the last one: what was rolled back from is never gone back to.
    last_number
        Of all versions that ever were: the number of a removed one is not given again.
    last
        The latest step.

    Examples
    --------
    >>> ann = Said("ann", datetime(2026, 1, 1, tzinfo=UTC), "first")
    >>> state = RegistryState().registered("a" * 64, ann).registered("b" * 64, ann)
    >>> state = state.promoted(1, ann).promoted(2, ann)
    >>> state.aliases, state.former, state.rolled_back(ann).aliases
    ({'champion': 2}, (1,), {'champion': 1})
    """

    versions: Mapping[int, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    former: tuple[int, ...] = ()
    last_number: int = 0
    last: Event | None = None

    @property
    def sequence(self) -> int:
        """How many steps led here."""
        return 0 if self.last is None else self.last.sequence

    def aliases_of(self, number: int) -> tuple[str, ...]:
        """The aliases that stand for a version."""
        return tuple(name for name in ALIASES if self.aliases.get(name) == number)

    def numbered(self, fingerprint: str) -> int | None:
        """Number of the version with this very bundle; None where there is none."""
        return next((n for n, known in self.versions.items() if known == fingerprint), None)

    def find(self, name: str | int) -> int:
        """The number of a version, by its number or by an alias.

        Raises
        ------
        RegistryError
            If there is no such version, or the alias stands for none.
        """
        if name in ALIASES:
            if name not in self.aliases:
                raise RegistryError(
                    f"No version is the {name} yet; edgeguard models list shows what there is."
                )
            return self.aliases[str(name)]
        text = str(name)
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        if number not in self.versions:
            raise RegistryError(
                f"No version {text!r} is registered; give a number that edgeguard models list "
                f"shows, or {', '.join(ALIASES)}."
            )
        return number

    def registered(self, fingerprint: str, said: Said) -> "RegistryState":
        """With one more version, which is the candidate."""
        number = self.last_number + 1
        return replace(
            self,
            versions={**self.versions, number: fingerprint},
            aliases={**self.aliases, CANDIDATE: number},
            last_number=number,
            last=self._event("register", number, self.aliases.get(CANDIDATE), number, said),
        )

    def promoted(self, number: int, said: Said) -> "RegistryState":
        """With this version as champion; the one before it can be gone back to.

        The champion itself is left as it is: a step that is done twice changes nothing.

        Raises
        ------
        RegistryError
            If nobody said why.
        """
        _require_why("promotes", said)
        champion = self.aliases.get(CHAMPION)
        if number == champion:
            return self
        former = self.former if champion is None else (*self.former, champion)
        event = self._event("promote", number, champion, number, said)
        return self._led_by(number, former, event)

    def rolled_back(self, said: Said) -> "RegistryState":
        """With the champion before this one as champion again; removed ones are passed over.

        Raises
        ------
        RegistryError
            If nobody said why, or there is none to go back to.
        """
        _require_why("rolls back", said)
        champion = self.aliases.get(CHAMPION)
        former = list(self.former)
        while former and former[-1] == champion:  # those between were removed
            former.pop()
        if not former:
            raise RegistryError(
                "There is no earlier champion to go back to; promote a version instead."
            )
        number = former.pop()
        event = self._event("rollback", number, champion, number, said)
        return self._led_by(number, tuple(former), event)

    def shadowed(self, number: int | None, said: Said) -> "RegistryState":
        """With this version as shadow; None: without one.

        Raises
        ------
        RegistryError
            If it is the champion, or there is no shadow to end.
        """
        before = self.aliases.get(SHADOW)
        if number is not None and number == self.aliases.get(CHAMPION):
            raise RegistryError(
                f"Version {number} is the champion; a shadow is another version beside it."
            )
        about = before if number is None else number
        if about is None:
            raise RegistryError("There is no shadow to end.")
        if number == before:
            return self
        aliases = {**self.aliases, SHADOW: about}
        if number is None:
            del aliases[SHADOW]
        event = self._event("shadow", about, before, number, said)
        return replace(self, aliases=aliases, last=event)

    def removed(self, number: int, said: Said) -> "RegistryState":
        """Without this version.

        Raises
        ------
        RegistryError
            If an alias stands for it.
        """
        if names := self.aliases_of(number):
            raise RegistryError(
                f"Version {number} is the {' and the '.join(names)}, which cannot be removed: "
                "let another version take its place first."
            )
        return replace(
            self,
            versions={n: print_ for n, print_ in self.versions.items() if n != number},
            former=tuple(n for n in self.former if n != number),
            last=self._event("remove", number, None, None, said),
        )

    def _led_by(self, number: int, former: tuple[int, ...], event: Event) -> "RegistryState":
        """With another champion, which is then no candidate and no shadow any more."""
        others = {name: n for name, n in self.aliases.items() if n != number and name != CHAMPION}
        return replace(self, aliases={CHAMPION: number, **others}, former=former, last=event)

    def _event(
        self, action: str, version: int, before: int | None, after: int | None, said: Said
    ) -> Event:
        when = said.when.astimezone(UTC).isoformat(timespec="seconds")
        return Event(self.sequence + 1, when, said.who, action, version, before, after, said.why)

    def to_json(self) -> dict[str, Any]:
        """The content of ``registry.json``."""
        return {
            "format": FORMAT,
            "aliases": {name: self.aliases.get(name) for name in ALIASES},
            "former_champions": list(self.former),
            "versions": {str(number): print_ for number, print_ in self.versions.items()},
            "last_number": self.last_number,
            "last_event": None if self.last is None else self.last.to_json(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "RegistryState":
        """What ``to_json`` gave.

        Raises
        ------
        ValueError
            If it is anything else. The message says what is wrong, not where.
        """
        if document.get("format") != FORMAT:
            raise ValueError(f"its format is {document.get('format')}, not {FORMAT}")
        last = document.get("last_event")
        versions = {
            _number(int(key) if key.isdigit() else key): _fingerprint(value)
            for key, value in _object(document, "versions").items()
        }
        aliases = _object(document, "aliases")
        found = cls(
            versions=dict(sorted(versions.items())),
            aliases={n: _number(aliases[n]) for n in ALIASES if aliases.get(n) is not None},
            former=tuple(map(_number, document.get("former_champions") or ())),
            last_number=_number(document.get("last_number"), least=0),
            last=None if last is None else Event.from_json(_object(document, "last_event")),
        )
        unknown = {*found.aliases.values(), *found.former} - set(found.versions)
        if unknown or max(found.versions, default=0) > found.last_number:
            raise ValueError("it names versions that it does not have")
        return found


def _require_why(does: str, said: Said) -> None:
    if not said.why:
        raise RegistryError(f"Nobody {does} without a reason: say why with --because TEXT.")


def _one_line(text: str) -> str:
    """Words as they are kept: on one line, and as UTF-8 can write them."""
    return " ".join(text.split()).encode("utf-8", "backslashreplace").decode()


def _number(value: Any, least: int = 1) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"it holds {value!r} where a number of a version should be")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"it holds {value!r} where words should be")
    return value


def _fingerprint(value: Any) -> str:
    if len(_text(value)) != _FINGERPRINT_DIGITS or not set(value) <= set("0123456789abcdef"):
        raise ValueError(f"it holds {value!r} where the fingerprint of a bundle should be")
    return str(value)


def _object(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    if not isinstance(value, dict):
        raise ValueError(f"its {key} is {value!r}, not an object")
    return value
