"""The SQL store as a sink: SQLite for one box, PostgreSQL for many sensors.

The rows of a batch are one transaction. Alerts whose id is there already are ignored, of an
incident the higher revision stands, so a batch that comes twice changes nothing.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeguard_core.clock import Clock
from edgeguard_core.errors import OutputError
from edgeguard_core.outputs.dead_letters import DeadLetters
from edgeguard_core.outputs.records import Kind, Record
from edgeguard_core.outputs.store_rows import (
    Row,
    alert_row,
    counts_row,
    event_row,
    heartbeat_row,
    incident_row,
)

if TYPE_CHECKING:  # SQLAlchemy comes with the extra `store`; imported where it is used
    from sqlalchemy import Connection, Engine, Table

DEFAULT_RETENTION_DAYS = 90.0


class StoreSink:
    """Records into the tables of ``store_tables``; made where they are missing.

    Connects at the first ``send``: a database that is away at the start is waited for like one
    that goes away later. What arrives gets a ``received_ms`` that is later than that of all
    before, so a reader that remembers the last one it saw misses none.

    Parameters
    ----------
    url
        ``sqlite:///PATH`` or ``postgresql+psycopg://USER@HOST/DATABASE``.
    retention_days
        How long rows are kept; heartbeats at most three days, but always the last.
    most_megabytes
        For SQLite: how large the file may become before the oldest alerts go; None for no
        bound.
    dead_letters
        Where single records go that the database refuses; without, they stop the sink.

    Raises
    ------
    OutputError
        If the address cannot be read, or SQLAlchemy or the driver is not installed.
    """

    takes_counts = True
    linger_s = 0.2  # a commit costs a sync: what comes within this time shares one

    def __init__(
        self,
        url: str,
        retention_days: float,
        clock: Clock,
        *,
        most_megabytes: float | None = None,
        dead_letters: DeadLetters | None = None,
    ) -> None:
        try:
            from edgeguard_core.outputs import store_engine
            from edgeguard_core.outputs.retention import Retention
        except ModuleNotFoundError as error:
            raise OutputError(
                "A store needs the package sqlalchemy; install edgeguard[store]."
            ) from error
        parsed = store_engine.parse_url(url)
        self._is_sqlite = parsed.get_backend_name() == "sqlite"
        if most_megabytes is not None and not self._is_sqlite:
            raise OutputError(
                "most_megabytes is for SQLite; bound a PostgreSQL store with retention_days."
            )
        self.name = f"store {store_engine.shown(parsed)}"
        self.dead_letters = dead_letters
        self._address = store_engine.shown(parsed)
        self._clock = clock
        self._engine: Engine = store_engine.open_engine(parsed, read_only=False)
        self._path = Path(parsed.database or "") if self._is_sqlite else None
        self._file: tuple[int, int] | None = None
        self._is_ready = False
        self._insert_into = _insert_into_sqlite if self._is_sqlite else _insert_into_postgresql
        self._retention = Retention(
            retention_days, clock, None if most_megabytes is None else most_megabytes * 1e6
        )

    def send(self, records: Sequence[Record]) -> None:
        """The records in the store, committed when this returns.

        Raises
        ------
        OutputError
            If the database is away, locked or full, or was written by a newer EdgeGuard.
        """
        from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

        from edgeguard_core.outputs.store_engine import make_tables, reason

        if self._path is not None and _identity(self._path) != self._file:
            # Somebody removed or replaced the file; SQLite would go on writing to the old one.
            self._engine.dispose()
            self._is_ready = False
        try:
            if not self._is_ready:
                make_tables(self._engine, self._address)
                self._is_ready = True
                self._file = None if self._path is None else _identity(self._path)
            try:
                self._write(records)
            except (DataError, IntegrityError) as error:
                self._write_each(records, error)
        except SQLAlchemyError as error:
            # A file that was removed or a database that was made anew has no tables.
            self._is_ready = False
            if self._is_sqlite:
                self._engine.dispose()
            raise OutputError(
                f"The store {self._address} takes nothing: {reason(error)}; it is tried again."
            ) from error
        with suppress(SQLAlchemyError):  # what is old goes next time
            self._retention.apply_when_due(self._engine)

    def close(self) -> None:
        """Let go of the connection."""
        self._engine.dispose()

    def _write_each(self, records: Sequence[Record], error: Exception) -> None:
        """One by one, because a row is refused; that one becomes a dead letter."""
        from sqlalchemy.exc import DataError, IntegrityError

        from edgeguard_core.outputs.store_engine import reason

        if self.dead_letters is None:
            raise error
        for record in records:
            try:
                self._write([record])
            except (DataError, IntegrityError) as refusal:
                self.dead_letters.keep([record], self.name, reason(refusal))

    def _write(self, records: Sequence[Record]) -> None:
        from edgeguard_core.outputs.store_engine import one_writer
        from edgeguard_core.outputs.store_tables import (
            alerts,
            events,
            heartbeats,
            hour_counts,
            incidents,
        )

        with one_writer(self._engine) as connection:
            received_ms = self._next_arrival_ms(connection)
            rows = _rows_by_table(records, received_ms)
            self._insert(connection, alerts, rows[alerts.name])
            self._insert(connection, events, rows[events.name])
            self._insert(connection, heartbeats, rows[heartbeats.name])
            self._insert(connection, incidents, rows[incidents.name], newer_by="revision")
            counts = rows[hour_counts.name]
            self._insert(connection, hour_counts, counts, newer_by="revision")

    def _next_arrival_ms(self, connection: "Connection") -> float:
        """Later than every arrival before, whatever the clock does; writers take turns."""
        from sqlalchemy import func, select

        from edgeguard_core.outputs.store_engine import store_now_ms
        from edgeguard_core.outputs.store_tables import alerts

        time_ms = store_now_ms(connection, self._clock)
        last_ms = connection.execute(select(func.max(alerts.c.received_ms))).scalar()
        return time_ms if last_ms is None else max(time_ms, float(last_ms) + 1.0)

    def _insert(
        self, connection: "Connection", table: "Table", rows: list[Row], newer_by: str | None = None
    ) -> None:
        if not rows:
            return
        insert: Any = self._insert_into(table)
        if newer_by is None:
            statement = insert.on_conflict_do_nothing()
        else:
            key = [column.name for column in table.primary_key]
            statement = insert.on_conflict_do_update(
                index_elements=key,
                set_={c.name: insert.excluded[c.name] for c in table.c if c.name not in key},
                where=insert.excluded[newer_by] > table.c[newer_by],
            )
        connection.execute(statement, rows)


def _insert_into_sqlite(table: "Table") -> Any:
    from sqlalchemy.dialects.sqlite import insert

    return insert(table)


def _insert_into_postgresql(table: "Table") -> Any:
    from sqlalchemy.dialects.postgresql import insert  # five megabytes that SQLite does not need

    return insert(table)


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file stands at a path; None where there is none."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino


def _rows_by_table(records: Sequence[Record], received_ms: float) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {"alerts": [], "events": [], "heartbeats": []}
    incidents: dict[str, Row] = {}  # of one id the highest revision of the batch
    counts: dict[str, Row] = {}
    for record in records:
        if record.kind is Kind.ALERT:
            rows["alerts"].append(alert_row(record, received_ms))
        elif record.kind is Kind.INCIDENT:
            _keep_newer(incidents, incident_row(record))
        elif record.kind is Kind.COUNTS:
            _keep_newer(counts, counts_row(record, received_ms))
        elif record.kind is Kind.HEARTBEAT:
            rows["heartbeats"].append(heartbeat_row(record))
        else:
            rows["events"].append(event_row(record))
    return {
        **rows,
        "incidents": list(incidents.values()),
        "hour_counts": list(counts.values()),
    }


def _keep_newer(rows: dict[str, Row], row: Row) -> None:
    before = rows.get(row["id"])
    if before is None or before["revision"] < row["revision"]:
        rows[row["id"]] = row
