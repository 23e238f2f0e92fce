"""A demonstration that never ends: an office's working days, with attacks whenever asked for.

The office's own time runs faster than the clock, so that a few flows an hour look like a busy
network. The history of hosts is computed in the office's own time, where its gaps and counts
are what a model of the office learned; only then does a flow get its stamp of now. So what
comes out carries its context columns already. A flow comes when it begins, with all that it
will have been at its end.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeguard_core.clock import Clock, now_ms
from edgeguard_core.errors import SourceError
from edgeguard_core.flows.canonical import NetworkTable
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows
from edgeguard_core.sources.feed import Fed
from edgeguard_core.sources.synthesis.attacks import attack_rows
from edgeguard_core.sources.synthesis.benign import Site
from edgeguard_core.sources.synthesis.profiles import PROFILES
from edgeguard_core.sources.synthesis.request import MONDAY_MS, cast_of
from edgeguard_core.sources.synthesis.rows import Rows
from edgeguard_core.sources.synthesis.working_days import WorkingDays

SPEED = 150.0
"""Seconds of the office that pass in one: 16 to 40 flows a second in its busy hours."""

STARTS_MS = MONDAY_MS + (24 + 10) * 3_600_000.0
"""The office's own time at the start: Tuesday at ten."""

SEED = 7
"""Of the office that the shipped bundle has learned a Monday of."""

_LEAST_SPEED, _MOST_SPEED = 1.0, 1_000.0
_STEP_S = 0.1  # between two batches
_LONGEST_STEP_S = 2.0  # a machine that slept makes no flood of it
_LONGEST_ATTACK_S = 60.0  # by the clock; what would take longer runs faster
_MOST_WAITING = 20_000  # flows of attacks that are still to come
_MOST_NAMED = 50  # addresses that an answer lists
_MOST_COMMAND_BYTES = 65_536  # read at a time


@dataclass(frozen=True)
class _Command:
    """One line of the commands file that can be carried out."""

    id: str
    attack: str
    strength: str
    speed: float | None

    @classmethod
    def read(cls, line: bytes) -> "_Command | None":
        try:
            said = json.loads(line)
            speed = said.get("speed")
            return cls(
                str(said.get("id", "")),
                str(said.get("attack", "")),
                str(said.get("strength", "medium")),
                None if speed is None else min(max(float(speed), _LEAST_SPEED), _MOST_SPEED),
            )
        except (ValueError, TypeError, AttributeError):
            return None


class ReplayFeed:
    """Flows of an office as they come, and attacks on command; a ``Feed``.

    Parameters
    ----------
    commands
        A file of JSON lines that grows, or is not there yet: ``{"attack": kind, "strength":
        word, "id": text}`` lays an attack in, ``{"speed": number}`` changes the speed. A line
        that says neither is passed over.
    answers
        A file that gets one JSON line as each attack begins: ``id, attack, strength, flows,
        began_ms, sources, targets`` (at most 50 addresses each), or ``id, error``.
    clock
        Tells the time that flows are stamped with.
    add_context
        Gives flows their context columns; called in the order of the office's own time.
    speed
        Seconds of the office that pass in one.
    is_watched
        Asked at each batch; when it says no, the replay ends.
    """

    name = "demo replay"
    meter = "synthetic"
    waits = True
    is_live = True

    def __init__(
        self,
        commands: Path,
        answers: Path,
        clock: Clock,
        add_context: Callable[[Flows], Flows],
        *,
        speed: float = SPEED,
        seed: int = SEED,
        is_watched: Callable[[], bool] = lambda: True,
    ) -> None:
        self._commands, self._answers = commands, answers
        self._clock, self._add_context, self._is_watched = clock, add_context, is_watched
        self._speed, self._seed = speed, seed
        self._site = self.site(seed)
        self._days = WorkingDays(self._site, STARTS_MS)
        self._networks = NetworkTable()
        self._waiting = Rows.concat([])  # attacks, in the office's time
        self._read_bytes = 0
        self._counts = {"attacks": 0, "attack_flows": 0, "commands_refused": 0}
        self._given = 0
        self._stopped = threading.Event()

    @staticmethod
    def site(seed: int = SEED) -> Site:
        """The office that is replayed."""
        return Site.of(PROFILES["office"], seed)

    @property
    def schema(self) -> Schema:
        """The canonical flow, with context."""
        return Schema.named("flow")

    def start(self) -> None:
        """Let the hosts have the history of this morning."""
        self._remember(self._days.earlier_today())

    def batches(self) -> Iterator[Fed]:
        """What has begun since the last batch, ten times a second, until it is stopped."""
        before_ms = self._now_ms()
        while not self._stopped.is_set() and self._is_watched():
            self._clock.sleep(_STEP_S)
            # Never back, whatever the clock does.
            now_ms = max(self._now_ms(), before_ms)
            notes = self._take_commands(now_ms)
            yield Fed(self._until(before_ms, now_ms), notes=tuple(notes))
            before_ms = now_ms

    def stop(self) -> None:
        """End ``batches`` with the next batch."""
        self._stopped.set()

    def counters(self) -> Mapping[str, int]:
        """How many attacks were laid in, with how many flows, and what was refused."""
        return dict(self._counts)

    def _now_ms(self) -> float:
        return now_ms(self._clock)

    def _until(self, before_ms: float, now_ms: float) -> Flows:
        """The flows between two times of the clock, stamped with it."""
        step_ms = min(now_ms - before_ms, _LONGEST_STEP_S * 1000.0)
        if self._days.now_ms >= self._days.closes_ms:
            self._open_next_day()
        begin_ms = self._days.now_ms
        until_ms = min(begin_ms + step_ms * self._speed, self._days.closes_ms)
        due = self._waiting.start_ms < until_ms
        rows = Rows.concat([self._days.take(until_ms), self._waiting.select(due)]).in_time_order()
        self._waiting = self._waiting.select(~due)
        if not len(rows):
            return Flows.empty(self.schema)
        flows = self._numbered(self._add_context(rows.to_flows(self._networks)))
        stamps = now_ms - step_ms + np.maximum(rows.start_ms - begin_ms, 0.0) / self._speed
        columns = {**flows.columns, str(self.schema.time): np.round(stamps, 3)}
        return replace(flows, columns=columns, labels=None)

    def _numbered(self, flows: Flows) -> Flows:
        first = self._given + 1
        self._given += len(flows)
        return replace(flows, line=np.arange(first, self._given + 1, dtype=np.int64))

    def _open_next_day(self) -> None:
        evening_ms = self._days.now_ms
        self._remember(self._days.open_next_day())
        later = self._waiting.start_ms + (self._days.now_ms - evening_ms)
        self._waiting = replace(self._waiting, start_ms=later)

    def _remember(self, rows: Rows) -> None:
        if len(rows):
            self._add_context(rows.to_flows(self._networks))

    def _take_commands(self, now_ms: float) -> Iterator[str]:
        for line in self._new_lines():
            command = _Command.read(line)
            if command is None:
                self._counts["commands_refused"] += 1
                continue
            if command.speed is not None:
                self._speed = command.speed
            if command.attack:
                try:
                    yield self._lay_in(command, now_ms)
                except SourceError as error:
                    self._counts["commands_refused"] += 1
                    self._answer({"id": command.id, "error": str(error)})

    def _new_lines(self) -> list[bytes]:
        """Whole lines that were appended to the commands since the last look."""
        try:
            with self._commands.open("rb") as file:
                file.seek(self._read_bytes)
                found = file.read(_MOST_COMMAND_BYTES)
        except OSError:  # nobody commanded anything yet
            return []
        whole = found[: found.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        return whole.splitlines()

    def _lay_in(self, command: _Command, now_ms: float) -> str:
        """Let an attack begin now; the sentence that tells of it.

        Raises
        ------
        SourceError
            If there is no such attack, or too many flows wait already.
        """
        if len(self._waiting) > _MOST_WAITING:
            raise SourceError(
                f"{len(self._waiting):,} flows of attacks are still to come; wait a minute."
            )
        begin_ms = self._days.now_ms
        longest_ms = _LONGEST_ATTACK_S * 1000.0 * self._speed
        cast = cast_of(self._site, begin_ms, begin_ms + longest_ms)
        seed = self._seed + self._counts["attacks"]
        rows = attack_rows(command.attack, command.strength, cast, seed).with_ports()
        at_once = begin_ms + rows.start_ms - rows.start_ms[0]
        rows = replace(rows, start_ms=at_once)
        self._waiting = Rows.concat([self._waiting, rows])
        self._counts["attacks"] += 1
        self._counts["attack_flows"] += len(rows)
        self._answer(
            {
                "id": command.id,
                "attack": command.attack,
                "strength": command.strength,
                "flows": len(rows),
                "began_ms": now_ms,
                "sources": _first(rows.src.tolist()),
                "targets": _first(rows.dst.tolist()),
            }
        )
        return (
            f"Laid in on request: {command.attack.replace('_', ' ')}, {command.strength}, "
            f"{len(rows):,} flows."
        )

    def _answer(self, said: Mapping[str, Any]) -> None:
        with self._answers.open("a", encoding="utf-8") as file:
            file.write(json.dumps(said) + "\n")


def _first(addresses: list[str]) -> list[str]:
    return list(dict.fromkeys(addresses))[:_MOST_NAMED]
