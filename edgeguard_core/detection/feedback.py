"""Feedback: verdicts on the flows of one file, in a file of their own that can be handed on.

Text, one JSON object a line. The first names the judged file and its SHA-256, how many verdicts
follow and their hash; each further line is one flow: its line in the judged file, the verdict, who
said so, when and why, and how the flow looked to the model that was judged. No path is kept, so
both files may be moved; what is judged is known by its content alone.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from edgeguard_core.bundle import strict_json
from edgeguard_core.detection.review import JudgedFlow, Reviews, Verdict
from edgeguard_core.errors import EdgeGuardError, SourceError
from edgeguard_core.files import sha256_hex, write_whole

FORMAT: Final = 1
ENDING: Final = ".feedback.jsonl"
_MOST_BYTES: Final = 256 << 20
_WORDS: Final = tuple(word.value for word in (Verdict.TRUE, Verdict.FALSE, Verdict.KNOWN))
_OF_FLOW: Final = tuple(
    field.name for field in fields(JudgedFlow) if field.name not in ("source", "row")
)
_TEXTS: Final = ("model_sha256", "host", "cause", "src_ip", "dst_ip")


@dataclass(frozen=True)
class Judgement:
    """What somebody said of one flow.

    ``flow`` says which one it is and how it stood then; ``when`` has a zone.
    """

    flow: JudgedFlow
    verdict: Verdict
    who: str
    when: datetime
    reason: str = ""
    about: str = ""

    def to_json(self) -> dict[str, Any]:
        """One line of a feedback file; what is not known of the flow is left out."""
        about_flow = {name: getattr(self.flow, name) for name in _OF_FLOW}
        return {
            "row": self.flow.row,
            "verdict": self.verdict.value,
            "who": self.who,
            "when": self.when.astimezone(UTC).isoformat(timespec="seconds"),
            "reason": self.reason,
            "about": self.about,
            **{name: value for name, value in about_flow.items() if value not in (None, "")},
        }

    @classmethod
    def from_json(cls, line: Mapping[str, Any], source: str) -> "Judgement":
        """The judgement that ``to_json`` wrote, about a file of that SHA-256.

        Raises
        ------
        ValueError
            If something is missing or is not what it must be; the message names it.
        """
        row, word, when = line.get("row"), line.get("verdict"), _moment(line.get("when"))
        if type(row) is not int or row < 1:
            raise ValueError(f"row {row!r} is no line number")
        if word not in _WORDS:
            raise ValueError(f"verdict {word!r} is none of {', '.join(_WORDS)}")
        who, reason, about = (str(line.get(name) or "") for name in ("who", "reason", "about"))
        if not who.strip():
            raise ValueError("nobody is named under who")
        known = {name: line[name] for name in _OF_FLOW if line.get(name) is not None}
        for name, value in known.items():
            if not isinstance(value, str if name in _TEXTS else int | float):
                raise ValueError(f"{name} {value!r} is no {_kind(name)}")
        flow = JudgedFlow(source, row, **{"model_sha256": "", "score": None, **known})
        return cls(flow, Verdict(word), who, when, reason, about)


@dataclass(frozen=True)
class Feedback:
    """The verdicts in force on one judged file, by its lines in ascending order.

    Attributes
    ----------
    judged
        Name of the judged file, for people; ``sha256`` of its content says which it is.
    made
        When this was written.

    Examples
    --------
    >>> noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    >>> flow = JudgedFlow("5e" * 32, 7, "", 9.5)
    >>> said = Feedback("a.csv", "5e" * 32, (Judgement(flow, Verdict.KNOWN, "ann", noon),), noon)
    >>> said.counts
    {'ann': {'known benign': 1}}
    >>> parse(said.to_text()) == said
    True
    """

    judged: str
    sha256: str
    judgements: tuple[Judgement, ...]
    made: datetime

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Flows by who said it and by verdict."""
        found: dict[str, dict[str, int]] = {}
        for each in self.judgements:
            of_person = found.setdefault(each.who, {})
            of_person[each.verdict.value] = of_person.get(each.verdict.value, 0) + 1
        return found

    @property
    def by_verdict(self) -> dict[str, int]:
        """Flows by verdict, every word with its count."""
        return {word: sum(each.verdict == word for each in self.judgements) for word in _WORDS}

    def require_of(self, sha256: str, name: str) -> None:
        """Nothing, when a file of that content is the one that was judged.

        Raises
        ------
        SourceError
            If it is another one: a line number says nothing there.
        """
        if sha256 != self.sha256:
            raise SourceError(
                f"The verdicts are about {self.judged} (SHA-256 {self.sha256[:12]}…) and {name} is "
                f"another file ({sha256[:12]}…); give the one that was judged."
            )

    def to_text(self) -> str:
        """The content of the file."""
        body = "".join(_line(each.to_json()) for each in self.judgements)
        head = {
            "edgeguard_feedback": FORMAT,
            "judged": self.judged,
            "sha256": self.sha256,
            "verdicts": len(self.judgements),
            "made": self.made.astimezone(UTC).isoformat(timespec="seconds"),
            "verdicts_sha256": sha256_hex(body.encode()),
        }
        return _line(head) + body


def feedback_of(reviews: Reviews, source: str, judged: str, now: datetime) -> Feedback:
    """The verdicts in force on one file, out of the log of the Review page.

    Parameters
    ----------
    source, judged
        SHA-256 and name of the judged file.

    Raises
    ------
    EdgeGuardError
        If nothing is decided about it.
    """
    found = tuple(
        Judgement(flow, Verdict(deed.what), deed.actor, deed.at, deed.reason, deed.about)
        for deed, flow in reviews.in_force(source)
    )
    if not found:
        raise EdgeGuardError(f"Nothing is decided about {judged} yet: judge some alerts first.")
    return Feedback(judged, source, found, now)


def write_feedback(path: Path, feedback: Feedback) -> None:
    """The feedback as a file, whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written there.
    """
    write_whole(path, feedback.to_text())


def read_feedback(path: Path) -> Feedback:
    """The feedback in a file.

    Raises
    ------
    SourceError
        If it cannot be read, is no such file, of a later format, or not as it was written.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SourceError(
            f"Cannot read the feedback in {path}: {error.strerror or error}; check the path."
        ) from error
    if len(content) > _MOST_BYTES:
        raise SourceError(f"{path} is larger than any feedback: name the file that Review wrote.")
    try:
        return parse(content.decode("utf-8"))
    except EdgeGuardError as error:
        raise SourceError(f"{path} {error}") from error
    except ValueError as error:  # also what is no UTF-8
        reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise SourceError(
            f"{path} cannot be used as feedback ({reason}); export it again."
        ) from error


def parse(text: str) -> Feedback:
    """The feedback in a text that ``to_text`` made.

    Raises
    ------
    ValueError
        If it is no such text, or damaged; the message says where.
    SourceError
        If it is of a later format.
    """
    first, _, body = text.partition("\n")
    try:
        head = strict_json.load(first.encode())
    except ValueError as error:
        raise ValueError(f"line 1: {error}") from error
    number = head.get("edgeguard_feedback")
    if type(number) is not int:
        raise ValueError("its first line names no edgeguard_feedback")
    if number > FORMAT:
        raise SourceError(
            f"is feedback of format {number}, this EdgeGuard knows {FORMAT}: update EdgeGuard."
        )
    judged, sha256 = head.get("judged"), head.get("sha256")
    if not isinstance(judged, str) or not isinstance(sha256, str) or len(sha256) != 64:
        raise ValueError("its first line names no judged file")
    if sha256_hex(body.encode()) != head.get("verdicts_sha256"):
        raise ValueError("its verdicts are not as they were written")
    lines = body.split("\n")[:-1]  # a reason may hold what splitlines() takes for an end
    if len(lines) != head.get("verdicts"):
        raise ValueError(f"it holds {len(lines)} verdicts and names {head.get('verdicts')}")
    made = _moment(head.get("made"))
    return Feedback(judged, sha256, tuple(_judgements(lines, sha256)), made)


def read_all_feedback(paths: Iterable[Path]) -> list[Feedback]:
    """The feedback in some files; raises as ``read_feedback``."""
    return [read_feedback(path) for path in paths]


def _judgements(lines: Sequence[str], source: str) -> Iterable[Judgement]:
    for number, line in enumerate(lines, start=2):
        try:
            yield Judgement.from_json(strict_json.load(line.encode()), source)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error


def _line(document: Mapping[str, Any]) -> str:
    plain = strict_json.without_nan(document)
    return json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n"


def _moment(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is no time") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _kind(name: str) -> str:
    return "text" if name in _TEXTS else "number"
