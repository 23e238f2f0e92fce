"""What a store lets go of: rows that are too old, and the oldest when the file is too large.

Needs SQLAlchemy (extra ``store``), so nothing on the edge path imports this module at its top.
"""

from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, delete, exists, func, inspect, select, tuple_

from edgeguard_core.clock import Clock
from edgeguard_core.errors import OutputError
from edgeguard_core.outputs.store_engine import one_writer, store_now_ms
from edgeguard_core.outputs.store_tables import alerts, events, heartbeats, hour_counts, incidents

_DAY_MS = 86_400_000.0
_HEARTBEAT_DAYS = 3.0  # a heartbeat a minute is 13 MB a box in that time
_COUNT_DAYS = 7.0  # an hour of a network that is never still takes 50 kB
_EVERY_S = 600.0
_ROWS_AT_ONCE = 2_000  # a transaction stays short, so that a page can read meanwhile
_MOST_ROUNDS = 50  # the rest goes next time: alerts are not held up by a large clean-up
_VACUUM_PAGES = 2_000


class Retention:
    """Applied by the store's sink every ten minutes.

    Alerts go by their arrival, so that a capture of last year that is read today stays; an
    incident goes with the last of its alerts, once its window is too old as well.

    Raises
    ------
    OutputError
        If the days or the bytes are not above zero.
    """

    def __init__(self, days: float, clock: Clock, most_bytes: float | None = None) -> None:
        if not days > 0:
            raise OutputError(f"retention_days is {days}; it must be above 0.")
        if most_bytes is not None and not most_bytes >= 1e6:
            raise OutputError("most_megabytes must be at least 1.")
        self._days = days
        self._clock = clock
        self._most_bytes = most_bytes
        self._due_s = clock.monotonic()

    def apply_when_due(self, engine: Engine) -> None:
        """Let go of what is old, if that was not done within the last ten minutes."""
        if self._clock.monotonic() < self._due_s:
            return
        self._due_s = self._clock.monotonic() + _EVERY_S
        self.apply(engine)

    def apply(self, engine: Engine) -> None:
        """Let go of what is old or too much, and give the room back to the disk."""
        with engine.connect() as connection:
            time_ms = store_now_ms(connection, self._clock)
        oldest_ms = time_ms - self._days * _DAY_MS
        oldest_beat_ms = time_ms - min(self._days, _HEARTBEAT_DAYS) * _DAY_MS
        last = select(heartbeats.c.sensor, func.max(heartbeats.c.time_ms)).group_by(
            heartbeats.c.sensor
        )
        _delete(engine, alerts, alerts.c.received_ms < oldest_ms, alerts.c.received_ms)
        _delete(engine, events, events.c.time_ms < oldest_ms, events.c.time_ms)
        _delete(
            engine,
            heartbeats,
            and_(
                heartbeats.c.time_ms < oldest_beat_ms,
                tuple_(heartbeats.c.sensor, heartbeats.c.time_ms).not_in(last),
            ),
            heartbeats.c.time_ms,
        )
        oldest_count_ms = time_ms - min(self._days, _COUNT_DAYS) * _DAY_MS
        arrival = hour_counts.c.received_ms
        if inspect(engine).has_table(hour_counts.name):  # an older store has none
            _delete(engine, hour_counts, arrival < oldest_count_ms, arrival)
        self._drop_empty_incidents(engine, oldest_ms)
        if engine.dialect.name == "sqlite":
            if self._most_bytes is not None:
                self._shrink(engine, self._most_bytes)
            _vacuum(engine)

    def _drop_empty_incidents(self, engine: Engine, before_ms: float) -> None:
        without_alerts = ~exists().where(alerts.c.incident_id == incidents.c.id)
        old = and_(incidents.c.last_ms < before_ms, without_alerts)
        _delete(engine, incidents, old, incidents.c.last_ms)

    def _shrink(self, engine: Engine, most_bytes: float) -> None:
        """Drop the oldest alerts, and the incidents they leave empty, until the rest fits."""
        for _ in range(_MOST_ROUNDS):
            if _used_bytes(engine) <= most_bytes:
                return
            with one_writer(engine) as connection:
                oldest = select(alerts.c.id).order_by(alerts.c.received_ms).limit(_ROWS_AT_ONCE)
                gone = connection.execute(
                    select(func.max(alerts.c.time_ms)).where(alerts.c.id.in_(oldest))
                ).scalar()
                connection.execute(delete(alerts).where(alerts.c.id.in_(oldest)))
            if gone is None:
                return
            self._drop_empty_incidents(engine, float(gone))


def _delete(engine: Engine, table: Any, old: ColumnElement[bool], by: Any) -> None:
    """Delete rows in short transactions, the oldest first."""
    key = list(table.primary_key.columns)
    for _ in range(_MOST_ROUNDS):
        chosen = select(*key).where(old).order_by(by).limit(_ROWS_AT_ONCE)
        with one_writer(engine) as connection:
            done = connection.execute(delete(table).where(tuple_(*key).in_(chosen)))
        if done.rowcount < _ROWS_AT_ONCE:
            return


def _used_bytes(engine: Engine) -> int:
    with engine.connect() as connection:
        pages, free, size = (
            int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * size


def _vacuum(engine: Engine) -> None:
    """Give free pages back to the disk, so many that nobody waits long."""
    with one_writer(engine) as connection:
        connection.exec_driver_sql(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()
