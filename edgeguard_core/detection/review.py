"""What people decided about flows: an append-only log of verdicts and exclusions.

One SQLite file for a site, whatever bundles score there. Nothing in it is ever changed or
deleted; triggers refuse both. A decision is one *deed* (who, when, what, why) over one or many
flows: a verdict on a group is kept for each of its flows, never as a rule, so a flow that comes
later and looks alike is not decided by it. The latest deed about a flow wins, and ``withdrawn``
leaves it undecided again. A flow is known by the hash of its source file and its line there, so
a verdict also holds where another bundle scores the same file.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from edgeguard_core.detection.exclusion import Conditions, Exclusion, require_expiry
from edgeguard_core.errors import EdgeGuardError, OutputError

FORMAT: Final = 1
LONGEST_TEXT: Final = 2_000
_WAIT_SECONDS: Final = 30.0
_TABLES: Final = {
    "deed": "at TEXT NOT NULL, actor TEXT NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL,"
    " about TEXT NOT NULL",
    "flow": "deed INTEGER NOT NULL REFERENCES deed (number), source TEXT NOT NULL,"
    " row INTEGER NOT NULL, model_sha256 TEXT NOT NULL, score REAL NOT NULL, host TEXT,"
    " cause TEXT, src_ip TEXT, src_port INTEGER, dst_ip TEXT, dst_port INTEGER, protocol INTEGER",
    "exclusion": "at TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL,"
    " expires TEXT NOT NULL, conditions TEXT NOT NULL",
    "revocation": "exclusion INTEGER NOT NULL REFERENCES exclusion (number), at TEXT NOT NULL,"
    " actor TEXT NOT NULL, reason TEXT NOT NULL",
}


class Verdict(StrEnum):
    """What somebody says a flow is; ``WITHDRAWN`` says that nothing is decided."""

    TRUE = "true"
    FALSE = "false"
    KNOWN = "known benign"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class JudgedFlow:
    """Which flow a verdict is about, and how it stood then.

    ``source`` is the SHA-256 of the file it was read from, ``row`` its line there; the model
    and the score are those it was judged by, empty and None where none was.
    """

    source: str
    row: int
    model_sha256: str
    score: float | None
    host: str | None = None
    cause: str | None = None
    src_ip: str | None = None
    src_port: int | None = None
    dst_ip: str | None = None
    dst_port: int | None = None
    protocol: int | None = None


@dataclass(frozen=True)
class Deed:
    """One decision: a verdict over some flows, or an exclusion made or revoked.

    ``what`` is the verdict, ``excluded`` or ``revoked``; ``about`` says in words over what.
    """

    number: int
    at: datetime
    actor: str
    what: str
    reason: str
    about: str
    flows: int


@dataclass(frozen=True)
class Reviews:
    """The log of one site, in one file that need not exist yet.

    Every call opens the file for itself, so threads and processes may share it; writers wait
    for each other.
    """

    path: Path

    def judge(
        self,
        verdict: Verdict,
        flows: Sequence[JudgedFlow],
        *,
        actor: str,
        reason: str,
        now: datetime,
        about: str = "",
    ) -> int:
        """The number of the deed that was written: one verdict over all these flows.

        Parameters
        ----------
        now
            From the caller's clock.
        about
            The group in words, for the history.

        Raises
        ------
        EdgeGuardError
            Without a flow or an actor, or when a text is too long.
        OutputError
            If the file cannot be written.
        """
        if not flows:
            raise EdgeGuardError("There is no flow to decide about: choose at least one.")
        who, why = _required(actor, "who decides"), _short(reason, "reason")
        with self._writing() as base:
            number = _insert(
                base, "deed", _stamp(now), who, Verdict(verdict).value, why, _short(about, "name")
            )
            base.executemany(
                f"INSERT INTO flow ({_FLOW_COLUMNS}) VALUES ({_FLOW_MARKS})",
                ((number, *astuple(flow)) for flow in flows),
            )
        return number

    def verdicts(self, source: str) -> dict[int, Verdict]:
        """The verdict in force of each decided flow of a source, by its line; withdrawn ones not.

        Empty where nothing was ever decided.
        """
        with self._reading() as base:
            if base is None:
                return {}
            # Of a bare column beside max() SQLite answers the row that holds the maximum.
            found = base.execute(
                "SELECT flow.row, deed.verdict, max(deed.number) FROM flow JOIN deed"
                " ON deed.number = flow.deed WHERE flow.source = ? GROUP BY flow.row",
                (source,),
            ).fetchall()
        decided = {int(row): Verdict(verdict) for row, verdict, _ in found}
        return {row: word for row, word in decided.items() if word is not Verdict.WITHDRAWN}

    def in_force(self, source: str) -> list[tuple[Deed, JudgedFlow]]:
        """Each decided flow of a source with the deed in force about it, by its line."""
        with self._reading() as base:
            if base is None:
                return []
            columns = ", ".join(f"flow.{field.name}" for field in fields(JudgedFlow))
            found = base.execute(
                "SELECT deed.number, deed.at, deed.actor, deed.verdict, deed.reason, deed.about,"
                f" 1, {columns}, max(deed.number) FROM flow JOIN deed ON deed.number = flow.deed"
                " WHERE flow.source = ? GROUP BY flow.row ORDER BY flow.row",
                (source,),
            ).fetchall()
        pairs = [(_deed(row[:7]), JudgedFlow(*row[7:-1])) for row in found]
        return [(deed, flow) for deed, flow in pairs if deed.what != Verdict.WITHDRAWN]

    def exclude(
        self,
        conditions: Conditions,
        *,
        actor: str,
        reason: str,
        now: datetime,
        expires: datetime,
    ) -> Exclusion:
        """The exclusion that was written, in force from now on.

        Raises
        ------
        EdgeGuardError
            Without an actor or a reason, or if it ends before it begins or after a year.
        OutputError
            If the file cannot be written.
        """
        require_expiry(now, expires)
        who, why = _required(actor, "who excludes"), _required(reason, "why it is harmless")
        with self._writing() as base:
            number = _insert(
                base, "exclusion", _stamp(now), who, why, _stamp(expires),
                json.dumps(conditions.given),
            )  # fmt: skip
        return Exclusion(number, conditions, why, who, now, expires)

    def revoke(self, number: int, *, actor: str, reason: str, now: datetime) -> None:
        """The end of an exclusion, appended to the log.

        Raises
        ------
        EdgeGuardError
            If there is no such exclusion, or it was revoked already.
        """
        who, why = _required(actor, "who revokes"), _short(reason, "reason")
        standing = {found.number: found for found in self.exclusions()}
        if number not in standing or standing[number].revoked is not None:
            raise EdgeGuardError(f"Exclusion {number} is not there, or was revoked: reload.")
        with self._writing() as base:
            _insert(base, "revocation", number, _stamp(now), who, why)

    def exclusions(self) -> list[Exclusion]:
        """Every exclusion ever made, the newest first; ask each whether it is active."""
        with self._reading() as base:
            if base is None:
                return []
            found = base.execute(
                "SELECT e.number, e.conditions, e.reason, e.actor, e.at, e.expires, min(r.at),"
                " r.actor FROM exclusion e LEFT JOIN revocation r ON r.exclusion = e.number"
                " GROUP BY e.number ORDER BY e.number DESC"
            ).fetchall()
        return [
            Exclusion(
                number=int(row[0]),
                conditions=Conditions.from_json(json.loads(row[1])),
                reason=row[2],
                actor=row[3],
                created=datetime.fromisoformat(row[4]),
                expires=datetime.fromisoformat(row[5]),
                revoked=None if row[6] is None else datetime.fromisoformat(row[6]),
                revoked_by=row[7],
            )
            for row in found
        ]

    def history(self, source: str | None = None, most: int = 500) -> list[Deed]:
        """What was decided, the newest first: verdicts (of one source, or all) and exclusions."""
        with self._reading() as base:
            if base is None:
                return []
            chosen = "" if source is None else "WHERE flow.source = :source"
            found = base.execute(
                "SELECT number, at, actor, what, reason, about, flows FROM ("
                " SELECT deed.number, deed.at, deed.actor, deed.verdict AS what, deed.reason,"
                "  deed.about, count(*) AS flows FROM deed JOIN flow ON flow.deed = deed.number"
                f"  {chosen} GROUP BY deed.number"
                " UNION ALL SELECT number, at, actor, 'excluded', reason, conditions, 0"
                "  FROM exclusion"
                " UNION ALL SELECT r.number, r.at, r.actor, 'revoked', r.reason, e.conditions, 0"
                "  FROM revocation r JOIN exclusion e ON e.number = r.exclusion)"
                " ORDER BY at DESC, number DESC LIMIT :most",
                {"source": source, "most": most},
            ).fetchall()
        return [_deed(row) for row in found]

    def last_actor(self) -> str:
        """Who decided last; empty where nobody did."""
        return next((deed.actor for deed in self.history(most=1)), "")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is written whole or not at all."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(_connect(self.path)) as base:
                base.execute("PRAGMA journal_mode = WAL")
                base.execute("BEGIN IMMEDIATE")
                _require_ours(base, self.path, make=True)
                yield base
                base.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise OutputError(
                f"Cannot write the reviews in {self.path}: {error}; make the folder writable, or "
                "move a damaged file away."
            ) from error

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """A connection to the file; None where there is none yet."""
        if not self.path.exists():
            yield None
            return
        try:
            with closing(_connect(self.path)) as base:
                yield base if _require_ours(base, self.path) else None
        except sqlite3.Error as error:
            raise EdgeGuardError(
                f"The reviews in {self.path} cannot be read: {error}; move the file away to begin "
                "anew."
            ) from error


_FLOW_COLUMNS: Final = ", ".join(["deed", *(field.name for field in fields(JudgedFlow))])
_FLOW_MARKS: Final = ", ".join("?" * (1 + len(fields(JudgedFlow))))


def _connect(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
    # Without it INSERT OR REPLACE would delete a row and pass the trigger that forbids it.
    base.execute("PRAGMA recursive_triggers = ON")
    return base


def _require_ours(base: sqlite3.Connection, path: Path, *, make: bool = False) -> bool:
    """Whether the tables are there, made where that is wanted."""
    (number,) = base.execute("PRAGMA user_version").fetchone()
    if number > FORMAT:
        raise EdgeGuardError(
            f"The reviews in {path} have format {number}, this EdgeGuard knows {FORMAT}: "
            "update EdgeGuard."
        )
    if number == 0 and make:
        _make(base)
        return True
    return bool(number == FORMAT)


def _make(base: sqlite3.Connection) -> None:
    for table, columns in _TABLES.items():
        base.execute(f"CREATE TABLE {table} (number INTEGER PRIMARY KEY AUTOINCREMENT, {columns})")
        for change in ("UPDATE", "DELETE"):
            base.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                "BEGIN SELECT raise(ABORT, 'the log is append-only'); END"
            )
        base.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE number = NEW.number) "
            "BEGIN SELECT raise(ABORT, 'the log is append-only'); END"
        )
    base.execute("CREATE INDEX flow_of_source ON flow (source, row, deed)")
    base.execute("CREATE INDEX flow_of_deed ON flow (deed)")
    base.execute(f"PRAGMA user_version = {FORMAT}")


def _insert(base: sqlite3.Connection, table: str, *values: Any) -> int:
    names = [column.split()[0] for column in _TABLES[table].split(",")]
    marks = ", ".join("?" * len(values))
    done = base.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", values)
    if done.lastrowid is None:
        raise RuntimeError("the row that was inserted has no number")
    return done.lastrowid


def _deed(row: Sequence[Any]) -> Deed:
    number, at, actor, what, reason, about, flows = row
    if what in ("excluded", "revoked"):
        about = Conditions.from_json(json.loads(about)).sentence
    return Deed(int(number), datetime.fromisoformat(at), actor, what, reason, about, int(flows))


def _stamp(time: datetime) -> str:
    if time.tzinfo is None:
        raise ValueError("a time without a zone cannot be compared")
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def _required(text: str, what: str) -> str:
    if not text.strip():
        raise EdgeGuardError(f"The log must know {what}: write it down.")
    return _short(text, what)


def _short(text: str, what: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise EdgeGuardError(
            f"The text for {what} has {len(text)} characters: keep it below {LONGEST_TEXT}."
        )
    return text.strip()


def tally(verdicts: Mapping[int, Verdict]) -> dict[str, int]:
    """How many flows have which verdict, every word with its count.

    >>> tally({2: Verdict.TRUE, 3: Verdict.FALSE, 9: Verdict.FALSE})
    {'true': 1, 'false': 2, 'known benign': 0}
    """
    words = (Verdict.TRUE, Verdict.FALSE, Verdict.KNOWN)
    return {word.value: sum(found is word for found in verdicts.values()) for word in words}
