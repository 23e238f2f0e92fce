"""One engine for a store: SQLite in WAL mode or PostgreSQL, for writing or for reading only.

Needs SQLAlchemy (extra ``store``), so nothing on the edge path imports this module at its top.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, inspect, select, text
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from edgeguard_core.clock import Clock, now_ms
from edgeguard_core.errors import OutputError
from edgeguard_core.outputs.store_tables import STORE_FORMAT, about, metadata

_BUSY_S = 10.0
_CONNECT_S = 5
# A watch that hangs in a transaction must not hold up the others at one PostgreSQL.
_POSTGRES_LIMITS = (
    "-c lock_timeout=15000 -c statement_timeout=60000 -c idle_in_transaction_session_timeout=30000"
)
POSTGRES_LOCK = 0x45_44_47_45  # "EDGE": writers of a store take turns


def parse_url(url: str) -> URL:
    """The address of a store, with its driver.

    Raises
    ------
    OutputError
        If it is none, or of a database that is not supported.

    Examples
    --------
    >>> parse_url("postgresql://edge@db.example/alerts").drivername
    'postgresql+psycopg'
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise OutputError(
            "The address of the store cannot be read; write sqlite:///PATH or "
            "postgresql+psycopg://USER@HOST/DATABASE."
        ) from error
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        if not parsed.database or parsed.database == ":memory:":
            raise OutputError(f"The store {url} has no path; write sqlite:///PATH.")
    elif parsed.drivername != "postgresql+psycopg":
        raise OutputError(
            f"A store cannot be {parsed.drivername}; use sqlite:///PATH or postgresql+psycopg://…."
        )
    elif not parsed.database:
        raise OutputError(f"The store {shown(parsed)} names no database; add /NAME at its end.")
    return parsed


def shown(url: URL) -> str:
    """The address as people may see it: without the password."""
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{url.database}"
    host = url.host or url.query.get("host", "")
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{host}{port}/{url.database}"


def open_engine(url: URL, *, read_only: bool) -> Engine:
    """An engine that has not connected yet.

    Raises
    ------
    OutputError
        If the database's driver is not installed.
    """
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite(url, read_only=read_only)
        return create_engine(
            url,
            pool_size=2 if read_only else 1,
            max_overflow=2 if read_only else 0,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": _CONNECT_S,
                "options": _POSTGRES_LIMITS,
                "application_name": "edgeguard",
                "keepalives_idle": 30,
                "tcp_user_timeout": 20_000,
            },
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise OutputError(
            f"The store {shown(url)} needs the package psycopg; install edgeguard[postgres]."
        ) from error


def _sqlite(url: URL, *, read_only: bool) -> Engine:
    path = Path(url.database or "")
    if read_only:
        # A page that looks must neither make an empty store nor hold up the watch.
        url = URL.create("sqlite", database=f"file:{_quoted(path)}", query={"mode": "ro"})
        url = url.update_query_dict({"uri": "true"})
    engine = create_engine(url, connect_args={"timeout": _BUSY_S, "check_same_thread": False})
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say, not the driver
        if read_only:
            return
        # In this order: the kind of vacuum can only be chosen while the file is empty.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        # NORMAL could lose the last commits in a power cut, and the spool has let go of them.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_size_limit = 4194304")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


@contextmanager
def one_writer(engine: Engine) -> Iterator[Connection]:
    """A transaction in which no other watch writes to the same store."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": POSTGRES_LOCK})
        yield connection


def store_now_ms(connection: Connection, clock: Clock) -> float:
    """The store's time in milliseconds since 1970: boxes have many clocks, a server has one."""
    if connection.dialect.name == "sqlite":
        return now_ms(clock)
    query = text("SELECT extract(epoch FROM clock_timestamp())::float8 * 1000")
    return float(connection.execute(query).scalar_one())


def make_tables(engine: Engine, address: str) -> None:
    """The tables, made where they are missing.

    Raises
    ------
    OutputError
        If a newer EdgeGuard wrote the store.
    """
    with one_writer(engine) as connection:
        check_format(connection, address)
        metadata.create_all(connection)
        if (
            connection.execute(select(about.c.value).where(about.c.name == "format")).first()
            is None
        ):
            connection.execute(about.insert().values(name="format", value=str(STORE_FORMAT)))


def check_format(connection: Connection, address: str) -> bool:
    """Whether a store is there; its format is known then.

    Raises
    ------
    OutputError
        If it is not, or the database holds something else.
    """
    if not inspect(connection).has_table(about.name):
        return False
    row = connection.execute(select(about.c.value).where(about.c.name == "format")).first()
    if row is None:
        return False
    found = str(row[0])
    if not found.isdigit() or int(found) > STORE_FORMAT:
        raise OutputError(
            f"The store {address} has format {found}, newer than {STORE_FORMAT}; update "
            "EdgeGuard, or name another store."
        )
    return True


def reason(error: SQLAlchemyError) -> str:
    """Why a database said no, in one line and without addresses or statements."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    lines = str(cause).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(cause).__name__
