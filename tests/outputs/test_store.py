"""The store holds each thing once, on SQLite and PostgreSQL alike, and pages read it."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest
from output_records import START_MS, TurnedClock, alert, counts, event, heartbeat, incident
from sqlalchemy import create_engine, text

from edgeguard_core.errors import OutputError, SourceError
from edgeguard_core.outputs.dead_letters import DeadLetters
from edgeguard_core.outputs.records import Kind
from edgeguard_core.outputs.store import StoreSink
from edgeguard_core.outputs.store_reading import AlertStore, LaneCell

DAY_MS = 86_400_000.0


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'alerts.db'}"
    return request.getfixturevalue("new_database")()


@pytest.fixture
def clock():
    return TurnedClock()


@pytest.fixture
def sink(url, clock):
    made = StoreSink(url, 3_650.0, clock)
    yield made
    made.close()


@pytest.fixture
def store(url):
    with AlertStore(url) as opened:
        yield opened


def test_a_store_that_nobody_wrote_to_is_empty(store):
    assert store.alerts() == []
    assert store.alert("a") is None
    assert store.incidents(0) == []
    assert store.lanes(0, 1000) == []
    assert store.last_heartbeats() == []
    assert store.hour_counts("drift", "b" * 64, 24) == []
    assert set(store.counts().values()) == {0}


def test_an_alert_is_read_as_it_was_told(sink, store):
    told = alert(3)
    sink.send([told])
    (read,) = store.alerts()
    assert read == store.alert(told.id)
    assert read.body == told.body
    assert (read.id, read.sensor, read.time_ms) == (told.id, "gate", START_MS + 3000)
    assert (read.src_ip, read.src_port, read.dst_ip, read.dst_port) == (
        "10.0.0.7",
        40_000,
        "10.0.0.9",
        443,
    )
    assert (read.protocol, read.score, read.p_value, read.severity) == (6, 0.5, 0.001, 80)
    assert (read.host, read.cause, read.incident_id) == ("10.0.0.7", "spread", incident(1).id)


def test_what_comes_twice_is_there_once(sink, store):
    batch = [alert(1), alert(2), incident(1), event(1), heartbeat(1), counts(1)]
    sink.send(batch)
    before = store.alerts()
    sink.send(batch + batch)
    assert store.counts() == {
        "alerts": 2, "incidents": 1, "events": 1, "heartbeats": 1, "hour_counts": 1,
    }  # fmt: skip
    assert store.alerts() == before


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
@pytest.mark.parametrize("at_once", [True, False])
def test_of_an_incident_the_highest_revision_stands(sink, store, order, at_once):
    told = [incident(revision, alerts=10 * revision) for revision in order]
    for batch in [told] if at_once else [[one] for one in told]:
        sink.send(batch)
    (stands,) = store.incidents(0)
    assert (stands.revision, stands.alerts, stands.last_ms) == (3, 30, START_MS + 3000)
    assert stands.body == incident(3, alerts=30).body
    assert store.incident(stands.id) == stands


def test_a_reader_that_remembers_its_place_misses_none_whatever_the_clock_does(sink, store, clock):
    seen, place = [], None
    for number in range(12):
        clock.jump_s = -3600.0 if number > 4 else 0.0
        sink.send([alert(number), alert(100 + number)])
        new = store.alerts(after=place, most=10)
        assert [one.place for one in new] == sorted((one.place for one in new), reverse=True)
        assert len(new) == 2
        place = new[0].place
        seen += [one.body["edgeguard"]["number"] for one in new]
    assert sorted(seen) == sorted([*range(12), *range(100, 112)])
    assert store.alerts(after=place) == []


def test_alerts_are_chosen_by_sensor_host_severity_and_time(sink, store):
    weak = alert(2, host="10.0.0.8", severity=20)
    sink.send([alert(1), weak, alert(3, sensor="barn")])

    def numbers(**how):
        return sorted(one.body["edgeguard"]["number"] for one in store.alerts(**how))

    assert numbers() == [1, 2, 3]
    assert numbers(sensors=["barn"]) == [3]
    assert numbers(sensors=[]) == []
    assert numbers(hosts=["10.0.0.8"]) == [2]
    assert numbers(least_severity=50) == [1, 3]
    assert numbers(since_ms=START_MS + 2000) == [2, 3]
    assert len(store.alerts(most=2)) == 2
    assert [one.time_ms for one in store.alerts_of(incident(1).id)] == [START_MS + 1000]


def test_lanes_count_by_host_and_span(sink, store):
    sink.send([alert(0), alert(9, severity=95), alert(10), alert(11, host="10.0.0.8")])
    begin = START_MS
    assert store.lanes(0, 10_000) == [
        LaneCell("10.0.0.7", begin, 2, 95),
        LaneCell("10.0.0.7", begin + 10_000, 1, 80),
        LaneCell("10.0.0.8", begin + 10_000, 1, 80),
    ]
    assert store.lanes(begin + 10_000, 10_000, until_ms=begin + 11_000) == [
        LaneCell("10.0.0.7", begin + 10_000, 1, 80)
    ]
    assert store.lanes(0, 10_000, sensors=["barn"]) == []


def test_events_and_heartbeats_are_read_by_kind_and_sensor(sink, store):
    sink.send([event(1), event(2, Kind.AUDIT), event(3, sensor="barn")])
    sink.send([heartbeat(1), heartbeat(2), heartbeat(1, sensor="barn")])
    assert [one.time_ms - START_MS for one in store.events(0)] == [3000, 2000, 1000]
    assert [one.kind for one in store.events(0, kinds=["audit"])] == ["audit"]
    assert [one.sensor for one in store.events(0, sensors=["barn"])] == ["barn"]
    last = store.last_heartbeats()
    assert [(one.sensor, one.time_ms - START_MS) for one in last] == [
        ("barn", 1000),
        ("gate", 2000),
    ]
    assert (last[1].flows, last[1].lag_s) == (102, 0.5)
    assert len(store.heartbeats(START_MS + 1000, sensors=["gate"])) == 2


def set_times(url: str, days_ago: dict[str, float]) -> None:
    """Move rows into the past: ``table.column`` to so many days before the store's now."""
    now_ms = START_MS if url.startswith("sqlite") else time.time() * 1000.0
    engine = create_engine(url)
    with engine.begin() as connection:
        for place, days in days_ago.items():
            table, column, *where = place.split(".")
            statement = f"UPDATE {table} SET {column} = :time_ms"
            if where:
                statement += f" WHERE host = '{'.'.join(where)}'"
            connection.execute(text(statement), {"time_ms": now_ms - days * DAY_MS})
    engine.dispose()


def test_what_is_old_goes_and_what_arrived_lately_stays(url, store):
    sink = StoreSink(url, 300.0, TurnedClock())
    other = {"host": "10.0.0.8"}
    sink.send([alert(1), incident(1), alert(1, **other), incident(1, **other), event(1)])
    sink.close()
    days_ago = {
        "alerts.received_ms.10.0.0.7": 301.0,
        "alerts.received_ms.10.0.0.8": 299.0,
        "incidents.last_ms": 301.0,  # a capture of last year that was read lately stays
        "events.time_ms": 301.0,
    }
    set_times(url, days_ago)
    sink = StoreSink(url, 300.0, TurnedClock())
    sink.send([event(2)])
    sink.close()
    assert [one.host for one in store.alerts()] == ["10.0.0.8"]
    assert [one.host for one in store.incidents(0)] == ["10.0.0.8"]
    assert [one.id for one in store.events(0)] == [event(2).id]


def test_heartbeats_stay_three_days_and_the_last_of_each_sensor_for_ever(url, store):
    sink = StoreSink(url, 300.0, TurnedClock())
    now_s = 0.0 if url.startswith("sqlite") else time.time() - START_MS / 1000.0
    beats = [heartbeat(int(now_s - days * 86_400)) for days in (5, 4, 2, 1)]
    silent = [heartbeat(int(now_s - days * 86_400), sensor="barn") for days in (9, 8)]
    sink.send([*beats, *silent])
    sink.close()
    kept = [(one.sensor, one.time_ms) for one in store.heartbeats(0)]
    assert kept == [("barn", silent[1].time_ms), *(("gate", one.time_ms) for one in beats[2:])]


def test_counts_of_an_hour_stand_in_their_last_revision_and_are_read_in_order(sink, store):
    sink.send([counts(5, 2), counts(1), counts(5, 1), counts(4, sensor="barn")])
    sink.send([counts(5, 1), counts(1, 3), counts(5, bundle="c" * 64, sensor="x")])
    found = store.hour_counts("drift", "b" * 64, 24)
    assert [(one.sensor, one.revision, one.first) for one in found] == [
        ("barn", 1, 400), ("gate", 3, 100), ("gate", 2, 500),
    ]  # fmt: skip
    assert (found[2].packed, found[2].flows) == (bytes([0, 255, 2]), 20)
    assert found[2].hour_ms == START_MS + 5 * 3_600_000.0
    assert found[2].body["edgeguard"]["rejected"] == 3
    assert "packed" not in found[2].body["edgeguard"]
    assert [one.first for one in store.hour_counts("drift", "b" * 64, 2)] == [400, 500]
    assert [one.first for one in store.hour_counts("drift", "b" * 64, 9, ["barn"])] == [400]
    assert store.hour_counts("shadow", "b" * 64, 24) == []


def test_counts_go_a_week_after_they_came(url, store):
    sink = StoreSink(url, 300.0, TurnedClock())
    sink.send([counts(1), counts(2)])
    engine = create_engine(url)
    with engine.begin() as connection:
        old = "UPDATE hour_counts SET received_ms = received_ms - 7.5 * 86400000 WHERE first = 100"
        connection.execute(text(old))
    engine.dispose()
    sink.close()
    sink = StoreSink(url, 300.0, TurnedClock())
    sink.send([event(1)])
    sink.close()
    assert [one.first for one in store.hour_counts("drift", "b" * 64, 24)] == [200]


def test_a_store_of_before_there_were_counts_is_read_and_gets_them(sink, store, url):
    sink.send([alert(1)])
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE hour_counts"))
    engine.dispose()
    with AlertStore(url) as reader:
        assert reader.hour_counts("drift", "b" * 64, 24) == []
        assert reader.counts()["alerts"] == 1
    again = StoreSink(url, 30.0, TurnedClock())
    again.send([counts(1)])
    again.close()
    assert len(store.hour_counts("drift", "b" * 64, 24)) == 1


def test_a_newer_store_is_refused_by_writer_and_reader(sink, store, url):
    sink.send([alert(1)])
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE edgeguard SET value = '99' WHERE name = 'format'"))
    engine.dispose()
    with AlertStore(url) as reader, pytest.raises(SourceError, match="format 99, newer than 1"):
        reader.alerts()
    writer = StoreSink(url, 30.0, TurnedClock())
    with pytest.raises(OutputError, match="format 99, newer than 1"):
        writer.send([alert(2)])
    writer.close()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "much"])
def test_an_odd_figure_or_name_costs_no_alert(sink, store, value):
    odd = alert(1, score=value, p_value=value, severity=value, sensor="gate\0\ud800" + "x" * 200)
    odd = replace(odd, body={**odd.body, "source": {"ip": "\0" * 3, "port": value}})
    sink.send([odd])
    (read,) = store.alerts()
    assert read.score == 0.0
    assert read.sensor.startswith("gate")


def test_several_sensors_write_to_one_store_at_once(url, store):
    def write(sensor: str) -> None:
        sink = StoreSink(url, 30.0, TurnedClock())
        try:
            for number in range(0, 40, 4):
                batch = [alert(number + i, sensor=sensor) for i in range(4)]
                sink.send(
                    [*batch, incident(number, sensor=sensor), heartbeat(number, sensor="all")]
                )
        except OutputError as error:
            failures.append(error)
        finally:
            sink.close()

    failures: list[OutputError] = []
    threads = [threading.Thread(target=write, args=(f"s{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    counts = store.counts()
    assert (counts["alerts"], counts["incidents"]) == (160, 4)
    assert {one.revision for one in store.incidents(0)} == {36}
    # Each batch has an arrival of its own, or a reader would skip one of two.
    assert len({one.received_ms for one in store.alerts(most=500)}) == 40


def test_a_sqlite_store_syncs_and_lets_pages_read_meanwhile(tmp_path):
    path = tmp_path / "alerts.db"
    sink = StoreSink(f"sqlite:///{path}", 30.0, TurnedClock())
    sink.send([alert(1)])
    with sink._engine.connect() as connection:
        modes = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "auto_vacuum")
        }
    assert modes == {"journal_mode": "wal", "synchronous": 2, "auto_vacuum": 2}
    with AlertStore(f"sqlite:///{path}") as reader, sink._engine.begin() as writing:
        writing.exec_driver_sql("DELETE FROM alerts")
        assert len(reader.alerts()) == 1
    sink.close()


def test_a_sqlite_store_stays_within_its_size(tmp_path):
    path = tmp_path / "alerts.db"
    clock = TurnedClock()
    sink = StoreSink(f"sqlite:///{path}", 30.0, clock, most_megabytes=2)
    for begin in range(0, 6000, 1000):
        sink.send([alert(begin + i) for i in range(1000)])
        clock.sleep(601.0)
    sink.send([alert(9999)])
    with AlertStore(f"sqlite:///{path}") as reader:
        kept = [one.time_ms for one in reader.alerts(most=10_000)]
    sink.close()
    assert 0 < len(kept) < 6000
    assert START_MS + 9_999_000 in kept
    assert START_MS not in kept
    assert path.stat().st_size < 3.5e6


def test_a_locked_sqlite_store_is_told_and_works_again(tmp_path, monkeypatch):
    monkeypatch.setattr("edgeguard_core.outputs.store_engine._BUSY_S", 0.05)
    path = tmp_path / "alerts.db"
    sink = StoreSink(f"sqlite:///{path}", 30.0, TurnedClock())
    sink.send([alert(1)])
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutputError, match="database is locked"):
            sink.send([alert(2)])
        other.rollback()
    sink.send([alert(2)])
    with AlertStore(f"sqlite:///{path}") as reader:
        assert len(reader.alerts()) == 2
    sink.close()


def test_a_sqlite_store_that_was_removed_is_made_anew(tmp_path):
    path = tmp_path / "alerts.db"
    sink = StoreSink(f"sqlite:///{path}", 30.0, TurnedClock())
    sink.send([alert(1)])
    for file in tmp_path.glob("alerts.db*"):
        file.unlink()
    sink.send([alert(2)])
    with AlertStore(f"sqlite:///{path}") as reader:
        assert [one.id for one in reader.alerts()] == [alert(2).id]
    sink.close()


def test_a_row_that_the_database_refuses_becomes_a_dead_letter(new_database, tmp_path):
    url = new_database()
    letters = DeadLetters(tmp_path / "dead.jsonl", TurnedClock())
    sink = StoreSink(url, 30.0, TurnedClock(), dead_letters=letters)
    bad = alert(2)
    bad = replace(bad, body={**bad.body, "source": {"ip": "10.0.0.7", "port": 1 << 40}})
    sink.send([alert(1), bad, alert(3)])
    with AlertStore(url) as reader:
        assert len(reader.alerts()) == 2
    assert letters.count == 1
    assert bad.id in (tmp_path / "dead.jsonl").read_text()
    sink.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "cannot be read"),
        ("sqlite://", "no path"),
        ("mysql://h/d", "cannot be mysql"),
        ("postgresql://host", "names no database"),
    ],
)
def test_an_address_that_is_none_is_refused(url, words):
    with pytest.raises(OutputError, match=words):
        StoreSink(url, 30.0, TurnedClock())


@pytest.mark.parametrize("days", [0.0, -1.0, float("nan")])
def test_a_retention_that_keeps_nothing_is_refused(tmp_path, days):
    with pytest.raises(OutputError, match="retention_days"):
        StoreSink(f"sqlite:///{tmp_path / 'a.db'}", days, TurnedClock())


def test_the_password_of_a_store_is_never_shown():
    sink = StoreSink("postgresql://edge:hunter2@127.0.0.1:1/alerts", 30.0, TurnedClock())
    with pytest.raises(OutputError, match="takes nothing") as caught:
        sink.send([alert(1)])
    assert "hunter2" not in str(caught.value) + sink.name
    sink.close()
