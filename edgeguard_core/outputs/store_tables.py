"""The tables of the alert store, the same on SQLite and PostgreSQL.

Needs SQLAlchemy (extra ``store``), so nothing on the edge path imports this module at its top.
Times are milliseconds since 1970; ``body`` is the record as the JSON line has it.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

STORE_FORMAT = 1

metadata = MetaData()

about = Table(
    "edgeguard",
    metadata,
    Column("name", String(40), primary_key=True),  # "format" and the like
    Column("value", Text, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("sensor", String(120), nullable=False),
    Column("time_ms", Double, nullable=False),  # begin of the flow
    Column("received_ms", Double, nullable=False),  # when the store took it
    Column("incident_id", String(24)),
    Column("host", String(64)),
    Column("cause", String(40)),
    Column("src_ip", String(64)),
    Column("src_port", Integer),
    Column("dst_ip", String(64)),
    Column("dst_port", Integer),
    Column("protocol", Integer),
    Column("score", Double, nullable=False),
    Column("p_value", Double, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("body", Text, nullable=False),
)
Index("alerts_by_arrival", alerts.c.received_ms, alerts.c.id)
Index("alerts_by_time", alerts.c.time_ms)
Index("alerts_by_incident", alerts.c.incident_id)

incidents = Table(
    "incidents",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("sensor", String(120), nullable=False),
    Column("window_ms", Double, nullable=False),  # begin of the window
    Column("host", String(64), nullable=False),
    Column("cause", String(40), nullable=False),
    Column("score", Double, nullable=False),  # the k-th highest
    Column("severity", Integer, nullable=False),
    Column("flows", BigInteger, nullable=False),
    Column("alerts", BigInteger, nullable=False),
    Column("first_ms", Double, nullable=False),  # of its alerts
    Column("last_ms", Double, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)
Index("incidents_by_last", incidents.c.last_ms)

events = Table(
    "events",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("sensor", String(120), nullable=False),
    Column("kind", String(16), nullable=False),  # audit, drift, sensor
    Column("time_ms", Double, nullable=False),
    Column("message", Text, nullable=False),
    Column("body", Text, nullable=False),
)
Index("events_by_time", events.c.time_ms)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("sensor", String(120), primary_key=True),
    Column("time_ms", Double, primary_key=True),
    Column("flows", BigInteger, nullable=False),  # since the watch started
    Column("alerts", BigInteger, nullable=False),
    Column("dropped", BigInteger, nullable=False),
    Column("lag_s", Double),  # from the end of a flow to its verdict, of the last second's flows
    Column("body", Text, nullable=False),
)
Index("heartbeats_by_time", heartbeats.c.time_ms)

hour_counts = Table(
    "hour_counts",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("sensor", String(120), nullable=False),
    Column("what", String(16), nullable=False),  # "drift" or "shadow"
    Column("bundle", String(64), nullable=False),  # hash of its SHA256SUMS
    Column("hour_ms", Double, nullable=False),  # begin of the hour, of the traffic's own time
    Column("received_ms", Double, nullable=False),  # when the store took it
    Column("first", BigInteger, nullable=False),  # flows of the watch that came before
    Column("flows", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),  # an hour is told again as it grows
    Column("body", Text, nullable=False),  # small figures
    Column("packed", LargeBinary, nullable=False),  # arrays as .npz; no address in them
)
Index("hour_counts_by_hour", hour_counts.c.what, hour_counts.c.bundle, hour_counts.c.hour_ms)
