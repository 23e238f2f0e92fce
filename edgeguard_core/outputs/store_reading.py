"""What a store holds, for pages that show it; reads only, and never holds up a watch.

Needs SQLAlchemy (extra ``store``), so nothing on the edge path imports this module at its top.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    cast,
    func,
    inspect,
    or_,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from edgeguard_core.bundle.arrays import load_arrays
from edgeguard_core.errors import OutputError, SourceError
from edgeguard_core.outputs.store_engine import check_format, open_engine, parse_url, reason, shown
from edgeguard_core.outputs.store_rows import body_of
from edgeguard_core.outputs.store_tables import alerts, events, heartbeats, hour_counts, incidents

_HOUR_MS = 3_600_000.0
_Of = TypeVar("_Of")


@dataclass(frozen=True)
class StoredAlert:
    """An alert as the store holds it; ``body`` is its JSON line.

    ``(received_ms, id)`` is its place in the order of arrival.
    """

    id: str
    sensor: str
    time_ms: float
    received_ms: float
    incident_id: str | None
    host: str | None
    cause: str | None
    src_ip: str | None
    src_port: int | None
    dst_ip: str | None
    dst_port: int | None
    protocol: int | None
    score: float
    p_value: float
    severity: int
    body: Mapping[str, Any]

    @property
    def place(self) -> tuple[float, str]:
        """What ``AlertStore.alerts(after=…)`` takes to go on from here."""
        return self.received_ms, self.id


@dataclass(frozen=True)
class StoredIncident:
    """An incident as it was last told."""

    id: str
    sensor: str
    window_ms: float
    host: str
    cause: str
    score: float
    severity: int
    flows: int
    alerts: int
    first_ms: float
    last_ms: float
    revision: int
    body: Mapping[str, Any]


@dataclass(frozen=True)
class LaneCell:
    """The alerts of one host in one span of time, which begins at ``time_ms``."""

    host: str
    time_ms: float
    alerts: int
    highest_severity: int


@dataclass(frozen=True)
class StoredEvent:
    """What a watch told about itself: ``kind`` is audit, drift or sensor."""

    id: str
    sensor: str
    kind: str
    time_ms: float
    message: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class StoredHeartbeat:
    """How a box was at ``time_ms``; counts since its watch started."""

    sensor: str
    time_ms: float
    flows: int
    alerts: int
    dropped: int
    lag_s: float | None
    body: Mapping[str, Any]


@dataclass(frozen=True)
class StoredCounts:
    """What a watch counted within an hour of its traffic; ``packed`` are arrays as ``.npz``.

    ``first`` is how many flows the watch had seen before: parts follow on one another.
    """

    id: str
    sensor: str
    what: str
    bundle: str
    hour_ms: float
    received_ms: float
    first: int
    flows: int
    revision: int
    body: Mapping[str, Any]
    packed: bytes

    @property
    def figures(self) -> dict[str, Any]:
        """The small figures beside the arrays."""
        return dict(self.body.get("edgeguard") or {})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays.

        Raises
        ------
        SourceError
            If they are damaged.
        """
        try:
            return load_arrays(self.packed)
        except ValueError as error:
            raise SourceError(
                f"The counts of {self.sensor} in the store are damaged ({error}): ask for fewer "
                "hours."
            ) from error


class AlertStore:
    """A store to read from; several threads may.

    A store that has no tables yet, because no watch has written to it, is empty and no error.
    Close it, or use it in a ``with`` block.

    Raises
    ------
    SourceError
        From each method: the database is away, or a newer EdgeGuard wrote it.
    OutputError
        If the address cannot be read or the driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self._url = parse_url(url)
        self._address = shown(self._url)
        self._is_sqlite = self._url.get_backend_name() == "sqlite"
        self._engine = open_engine(self._url, read_only=True)
        self._is_known = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    def alerts(
        self,
        after: tuple[float, str] | None = None,
        sensors: Collection[str] | None = None,
        hosts: Collection[str] | None = None,
        least_severity: int = 0,
        since_ms: float | None = None,
        most: int = 200,
    ) -> list[StoredAlert]:
        """The alerts that arrived last, newest first.

        ``after`` is the ``place`` of an alert: only those that arrived later. ``hosts`` are the
        hosts of their incidents; ``since_ms`` counts from the begin of the flow.
        """
        query = select(alerts).order_by(alerts.c.received_ms.desc(), alerts.c.id.desc())
        query = _among(_among(query, alerts.c.sensor, sensors), alerts.c.host, hosts)
        if after is not None:
            received_ms, identity = after
            same = and_(alerts.c.received_ms == received_ms, alerts.c.id > identity)
            # The first says nothing new, but bounds what the index is searched for.
            query = query.where(alerts.c.received_ms >= received_ms)
            query = query.where(or_(alerts.c.received_ms > received_ms, same))
        if least_severity > 0:
            query = query.where(alerts.c.severity >= least_severity)
        if since_ms is not None:
            query = query.where(alerts.c.time_ms >= since_ms)
        return self._read(query.limit(most), StoredAlert)

    def alert(self, id: str) -> StoredAlert | None:
        """One alert, or None if the store does not hold it."""
        found = self._read(select(alerts).where(alerts.c.id == id), StoredAlert)
        return found[0] if found else None

    def incident(self, id: str) -> StoredIncident | None:
        """One incident, or None if the store does not hold it."""
        found = self._read(select(incidents).where(incidents.c.id == id), StoredIncident)
        return found[0] if found else None

    def alerts_of(self, incident_id: str, most: int = 200) -> list[StoredAlert]:
        """The alerts of an incident in the order of their flows; twenty, as a rule."""
        query = select(alerts).where(alerts.c.incident_id == incident_id)
        return self._read(query.order_by(alerts.c.time_ms, alerts.c.id).limit(most), StoredAlert)

    def incidents(
        self, since_ms: float, sensors: Collection[str] | None = None, most: int = 200
    ) -> list[StoredIncident]:
        """The incidents with an alert since then, the one with the latest alert first."""
        query = select(incidents).where(incidents.c.last_ms >= since_ms)
        query = _among(query, incidents.c.sensor, sensors)
        query = query.order_by(incidents.c.last_ms.desc(), incidents.c.id).limit(most)
        return self._read(query, StoredIncident)

    def lanes(
        self,
        since_ms: float,
        bin_ms: float,
        sensors: Collection[str] | None = None,
        until_ms: float | None = None,
    ) -> list[LaneCell]:
        """Host by span of time, for swim lanes: how many alerts, and how severe the worst is.

        Spans are whole multiples of ``bin_ms`` since 1970; those without alerts are left out.
        Only alerts that were told one by one count: of a flood these are the first twenty.
        """
        ratio = alerts.c.time_ms / bin_ms
        # Casting cuts in SQLite and rounds in PostgreSQL.
        cell = cast(ratio if self._is_sqlite else func.floor(ratio), BigInteger)
        query = (
            select(alerts.c.host, cell, func.count(), func.max(alerts.c.severity))
            .where(alerts.c.time_ms >= since_ms, alerts.c.host.is_not(None))
            .group_by(alerts.c.host, cell)
            .order_by(cell, alerts.c.host)
        )
        if until_ms is not None:
            query = query.where(alerts.c.time_ms < until_ms)
        query = _among(query, alerts.c.sensor, sensors)
        return [
            LaneCell(host, float(number * bin_ms), count, severity)
            for host, number, count, severity in self._rows(query)
        ]

    def events(
        self,
        since_ms: float,
        kinds: Collection[str] | None = None,
        sensors: Collection[str] | None = None,
        most: int = 200,
    ) -> list[StoredEvent]:
        """What the watches told about themselves, newest first."""
        query = select(events).where(events.c.time_ms >= since_ms)
        query = _among(_among(query, events.c.kind, kinds), events.c.sensor, sensors)
        query = query.order_by(events.c.time_ms.desc(), events.c.id).limit(most)
        return self._read(query, StoredEvent)

    def last_heartbeats(self) -> list[StoredHeartbeat]:
        """The last heartbeat of each sensor, by name; boxes that went silent are among them."""
        last = (
            select(heartbeats.c.sensor, func.max(heartbeats.c.time_ms).label("time_ms"))
            .group_by(heartbeats.c.sensor)
            .subquery()
        )
        is_last = and_(heartbeats.c.sensor == last.c.sensor, heartbeats.c.time_ms == last.c.time_ms)
        query = select(heartbeats).join(last, is_last).order_by(heartbeats.c.sensor)
        return self._read(query, StoredHeartbeat)

    def heartbeats(
        self, since_ms: float, sensors: Collection[str] | None = None, most: int = 10_000
    ) -> list[StoredHeartbeat]:
        """The heartbeats since then, oldest first; of too many the latest."""
        query = select(heartbeats).where(heartbeats.c.time_ms >= since_ms)
        query = _among(query, heartbeats.c.sensor, sensors)
        query = query.order_by(heartbeats.c.time_ms.desc(), heartbeats.c.sensor.desc())
        return self._read(query.limit(most), StoredHeartbeat)[::-1]

    def counted_last(self, what: str) -> str | None:
        """Hash of the bundle of the latest counts; None where there are none.

        ``what`` is as of ``hour_counts``.
        """
        table = hour_counts.c
        query = select(table.bundle).where(table.what == what)
        rows = self._rows(query.order_by(table.received_ms.desc()).limit(1))
        return str(rows[0][0]) if rows else None

    def hour_counts(
        self, what: str, bundle: str, hours: float, sensors: Collection[str] | None = None
    ) -> list[StoredCounts]:
        """What the watches of a bundle counted in the last hours, in the order of the flows.

        Parameters
        ----------
        what
            ``"drift"`` or ``"shadow"``.
        bundle
            Hash of its ``SHA256SUMS``.
        hours
            Back from the latest hour that is there; the traffic's own time, not the clock's.
        """
        table = hour_counts.c
        query = _among(
            select(func.max(table.hour_ms)).where(table.what == what, table.bundle == bundle),
            table.sensor,
            sensors,
        )
        latest = next((row[0] for row in self._rows(query)), None)
        if latest is None:
            return []
        chosen = select(hour_counts).where(table.what == what, table.bundle == bundle)
        chosen = chosen.where(table.hour_ms > latest - hours * _HOUR_MS)
        chosen = _among(chosen, table.sensor, sensors)
        return self._read(chosen.order_by(table.sensor, table.hour_ms, table.first), StoredCounts)

    def counts(self) -> Mapping[str, int]:
        """How many rows each table holds."""
        tables: tuple[Table, ...] = (alerts, incidents, events, heartbeats, hour_counts)
        return {
            table.name: sum(r[0] for r in self._rows(select(func.count()).select_from(table)))
            for table in tables
        }

    def _read(self, query: Select[Any], kind: type[_Of]) -> list[_Of]:
        return [
            kind(**{**row._mapping, "body": body_of(row._mapping["body"])})
            for row in self._rows(query)
        ]

    # The type is quoted: in SQLAlchemy 2.0 a Row has one argument.
    def _rows(self, query: Select[Any]) -> "Sequence[Row[*tuple[Any, ...]]]":
        if self._is_sqlite and not Path(self._url.database or "").exists():
            return []
        with self._connection() as connection:
            if not self._is_known:
                self._is_known = check_format(connection, self._address)
            if hour_counts in query.get_final_froms() and not self._has_counts(connection):
                return []
            return connection.execute(query).all() if self._is_known else []

    @staticmethod
    def _has_counts(connection: Connection) -> bool:
        """Whether the store is of a version that kept counts; an older one has none."""
        return inspect(connection).has_table(hour_counts.name)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except OutputError as error:
            raise SourceError(str(error)) from error
        except SQLAlchemyError as error:
            self._is_known = False
            raise SourceError(
                f"The store {self._address} cannot be read: {reason(error)}; start its database, "
                "or name another store."
            ) from error


def _among(
    query: Select[Any], column: ColumnElement[Any], values: Collection[str] | None
) -> Select[Any]:
    return query if values is None else query.where(column.in_(list(values)))
