"""What the Live page makes of a store: the tail, figures, filters, demo answers, charts."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from live_store import NOW_MS, alert, heartbeat, incident, write

from dashboard import live_demo, live_review, live_source, live_tail, live_view, reviewing
from dashboard.charts import live as charts
from dashboard.components.live_detail import facts, told_of
from dashboard.live_tail import Tail
from dashboard.live_view import Filters, Standing
from dashboard.wording import live as words
from edgeguard_core.detection.review import Verdict
from edgeguard_core.errors import OutputError, SourceError
from edgeguard_core.outputs.store_reading import LaneCell, StoredAlert

SECOND = 1000.0


def seconds(first_ago: int, *rows: tuple[float, int, int]) -> list[list[float]]:
    """A strip of a row a second: highest score, flows, alerts."""
    base = NOW_MS - first_ago * SECOND
    return [[base + n * SECOND, *row] for n, row in enumerate(rows)]


def look(path: Path, *records: object, now_ms: float = NOW_MS) -> live_tail.Seen:
    tail = Tail(write(path, *records))  # type: ignore[arg-type]
    try:
        return tail.look(now_ms)
    finally:
        tail.close()


def test_a_tail_takes_only_what_came_since_and_counts_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    tail = Tail(
        write(path, alert(1, ago_s=9), heartbeat(2, strip=seconds(4, (1.0, 9, 0), (5.0, 9, 2))))
    )
    first = tail.look(NOW_MS)
    assert [found.id[-1] for found in first.alerts] == ["1"]
    assert tail.look(NOW_MS + 10) is first  # too soon to ask again
    write(path, alert(2, ago_s=1), heartbeat(0, strip=seconds(3, (7.0, 4, 1), (0.5, 4, 0))))
    seen = tail.look(NOW_MS + 1000)
    tail.close()
    assert [found.id[-1] for found in seen.alerts] == ["2", "1"]
    (sensor,) = seen.sensors
    # The second that both heartbeats tell of is one, with the higher score.
    assert sensor.strip == (
        (NOW_MS - 4000, 1.0, 9, 0), (NOW_MS - 3000, 7.0, 13, 3), (NOW_MS - 2000, 0.5, 4, 0),
    )  # fmt: skip
    assert sum(alerts for _, alerts in sensor.minutes.values()) == 3
    assert sensor.gap_s == 2.0


def test_a_tail_is_bounded_however_much_comes(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    write(path, *(alert(n) for n in range(1, 900)))
    long = seconds(3600, *[(1.0, 2, 1)] * 3600)
    seen = look(path, heartbeat(1, strip=long))
    assert len(seen.alerts) == live_tail.MOST_ALERTS
    (sensor,) = seen.sensors
    assert len(sensor.strip) <= live_tail.STRIP_S + 1
    assert len(sensor.minutes) <= 61


def test_a_store_that_goes_away_leaves_what_was_seen_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    tail = Tail(write(path, alert(1), heartbeat(1)))
    tail.look(NOW_MS)
    for part in path.parent.glob("s.sqlite-*"):
        part.unlink()
    path.write_text("no database at all, but long enough to be looked at as one " * 40)
    tail.store.close()
    seen = tail.look(NOW_MS + 5000)
    tail.close()
    assert seen.error is not None
    assert "cannot be read" in seen.error
    assert len(seen.alerts) == 1
    assert seen.read_ms == NOW_MS
    assert "14:03:12" in words.away(seen.error, seen.read_ms, seen.at_ms)


def test_odd_bodies_break_nothing(tmp_path: Path) -> None:
    odd = heartbeat(1, strip=[], threshold=None, bundle="x", calibration=[], flows_per_s="many")
    odd.body["edgeguard"]["strip"] = [["x"], None, [1, 2], [NOW_MS, 2.0, 3, 1]]
    seen = look(tmp_path / "s.sqlite", odd)
    found = live_view.figures(seen.sensors, NOW_MS)
    assert math.isnan(found.flows_per_s)
    assert found.thresholds == ()
    assert found.alerts_per_minute == 1
    assert words.threshold_chip(found) == "θ –"


def test_figures_of_several_sensors(tmp_path: Path) -> None:
    strip = seconds(90, *[(1.0, 5, 1)] * 90)
    other = {"value": 9.0, "method": "fixed", "origin": "state 0002"}
    seen = look(
        tmp_path / "s.sqlite",
        heartbeat(1, sensor="a", strip=strip),
        heartbeat(400, sensor="b", dropped=7, lag_s=2.5, threshold=other),
        heartbeat(30, sensor="c", strip=strip),
    )
    found = live_view.figures(seen.sensors, NOW_MS)
    assert found.standing is Standing.RUNNING  # of the best
    assert (found.flows_per_s, found.lag_s, found.dropped) == (60.0, 2.5, 7)
    assert found.alerts_per_minute == 120
    assert found.promised_per_minute == 6.0  # 1 % of 600 flows
    assert found.budget_per_hour == 30.0
    assert "2 thresholds" in words.threshold_chip(found)
    only = live_view.figures(live_view.chosen(seen, ("b",)), NOW_MS)
    assert only.standing is Standing.STALLED  # of a box that tells once a minute


@pytest.mark.parametrize(
    ("gap_s", "silent", "expected"),
    [
        (1.0, 9.0, Standing.RUNNING),
        (1.0, 11.0, Standing.STALLED),
        (1.0, 61.0, Standing.SILENT),
        (60.0, 100.0, Standing.RUNNING),
        (60.0, 200.0, Standing.STALLED),
        (60.0, 2000.0, Standing.SILENT),
    ],
)
def test_how_long_a_silence_may_be(
    tmp_path: Path, gap_s: float, silent: float, expected: Standing
) -> None:
    (sensor,) = look(tmp_path / "s.sqlite", heartbeat(0)).sensors
    sensor = replace(sensor, gap_s=gap_s)
    assert live_view.standing(sensor, NOW_MS + silent * SECOND) is expected


def test_a_strip_keeps_the_highest_of_each_bin_and_breaks_where_nothing_was_told(
    tmp_path: Path,
) -> None:
    rows = seconds(40, (1.0, 5, 0), (4.0, 5, 2), (0.0, 0, 0)) + seconds(9, (2.0, 1, 0))
    (sensor,) = look(tmp_path / "s.sqlite", heartbeat(1, strip=rows)).sensors
    points = live_view.strip_points(sensor, NOW_MS, 180, 2)
    assert [point[1] for point in points if not math.isnan(point[1])] == [4.0, 2.0]
    assert sum(math.isnan(point[1]) for point in points) == 1
    assert points[0][2] == 2
    assert len(live_view.strip_points(sensor, NOW_MS, 20, 1)) == 1
    option = charts.strip(points, 2.5, NOW_MS - 60_000, NOW_MS)
    json.dumps(option, allow_nan=False)
    assert [point[2] for point in option["series"][1]["data"]] == [2]


def test_minutes_without_alerts_are_there_too(tmp_path: Path) -> None:
    strip = seconds(130, *[(3.0, 1, 1)] * 5)
    seen = look(tmp_path / "s.sqlite", heartbeat(1, strip=strip))
    minutes = live_view.alerts_by_minute(seen.sensors, NOW_MS, 5)
    assert [alerts for _, alerts in minutes] == [0, 0, 5, 0, 0]
    json.dumps(charts.alerts_by_minute(minutes, math.nan), allow_nan=False)
    assert charts.alerts_by_minute(minutes, 3.0)["series"][0]["markLine"]["data"]


def test_lanes_are_ordered_paged_and_marked() -> None:
    cells = [LaneCell(f"10.0.0.{n}", NOW_MS, n, n % 101) for n in range(1, 71)]
    hosts = live_view.lane_hosts([*cells, LaneCell("10.9.9.9", NOW_MS, 2, 100)])
    assert hosts[:2] == ["10.9.9.9", "10.0.0.70"]
    assert len(live_view.page_of(hosts, 1)) == live_view.LANES_A_PAGE
    assert live_view.page_of(hosts, 3) == hosts[60:]
    marks = charts.lane_marks(hosts[:30], cells)
    option = charts.lanes(hosts[:30], cells, NOW_MS - 60_000, NOW_MS)
    json.dumps(option, allow_nan=False)
    for series in option["series"]:
        assert [row[1] for row in series["data"]] == [cell.host for cell in marks[series["name"]]]
    assert len({(s["symbol"], s["itemStyle"]["color"]) for s in option["series"]}) == 4


def stored(tmp_path: Path, *records: object) -> list[StoredAlert]:
    return list(look(tmp_path / "s.sqlite", *records).alerts)


def test_filters_say_what_passes_and_merging_keeps_the_newest(tmp_path: Path) -> None:
    found = stored(
        tmp_path,
        alert(1, severity=40),
        alert(2, sensor="yard", host="10.0.0.8"),
        alert(3, ago_s=100, incident="d" * 24),
    )
    by_id = {one.id[-1]: one for one in found}
    for filters, passing in (
        (Filters(), "123"),
        (Filters(least_severity=75), "23"),
        (Filters(sensors=("yard",)), "2"),
        (Filters(host="10.0.0.7"), "13"),
        (Filters(span_ms=(NOW_MS - 101_000, NOW_MS - 99_000)), "3"),
        (Filters(incident="c" * 24), "12"),
    ):
        assert {n for n, one in by_id.items() if filters.passes(one)} == set(passing)
    older, newer = sorted(found, key=lambda one: one.place)[:2]
    assert live_view.merged([older], [newer, older], Filters()) == [newer, older]
    assert live_view.came_since(found, older.place) == 2


def test_addresses_lose_their_password_and_open_only_once_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = live_source.read("postgresql://ann:s3cret@db.example/alerts")
    assert "s3cret" not in repr(source) + source.name
    assert "s3cret" in source.url
    assert live_source.find(source.name) is None
    opened = live_source.open_source("postgresql://ann:s3cret@db.example/alerts")
    assert live_source.find(opened.name) == opened
    assert "s3cret" not in " ".join(live_source.opened())
    monkeypatch.setenv(live_source.VARIABLE, f"sqlite:///{tmp_path / 'x.sqlite'}")
    given = live_source.of_server()
    assert given is not None
    assert live_source.find(given.name) == given
    with pytest.raises(SourceError, match="There is no store at"):
        live_source.open_source(str(tmp_path / "x.sqlite"))
    for text in ("", "mysql://x/y", "x" * 600, "postgresql://h"):
        with pytest.raises(OutputError):
            live_source.open_source(text)


def test_an_alert_becomes_a_flow_with_its_reasons_and_pivots(tmp_path: Path) -> None:
    (found,) = stored(tmp_path, alert(1))
    flow, told = facts(found), told_of(found)
    assert flow.columns["bidirectional_duration_ms"] == 2000.0
    assert flow.columns["uid"] == "CHhAvVGS1DHFjwGM9"
    assert [one["name"] for one in told["features"]] == ["src2dst_bytes", "service"]
    bare = replace(found, body={"event": {"end": "2026-05-04T14:03:13Z"}})
    assert facts(bare).columns["bidirectional_duration_ms"] == 2000.0
    assert told_of(bare)["features"] == []


def test_verdicts_follow_the_alert_and_not_where_it_is_read(tmp_path: Path) -> None:
    (found,) = stored(tmp_path, alert(0xABCDEF))
    assert live_review.verdicts("gate") == {}
    live_review.judge(found, Verdict.FALSE, actor="ann", reason="backup", about="x")
    assert live_review.verdicts("gate") == {live_review.row_of(found.id): Verdict.FALSE}
    assert live_review.verdicts("yard") == {}
    live_review.judge(found, Verdict.WITHDRAWN, actor="ann", reason="", about="x")
    assert live_review.verdicts("gate") == {}
    assert reviewing.store().history()[0].about == "x"
    assert 0 <= live_review.row_of("not hexadecimal") < 2**63


def test_how_soon_an_attack_was_found(tmp_path: Path) -> None:
    seen = look(
        tmp_path / "s.sqlite",
        alert(1, ago_s=60, src="203.0.113.5", dst="10.0.0.7"),  # before it began
        alert(2, ago_s=1, src="10.0.0.9", dst="10.0.0.7"),  # somebody else
        alert(3, ago_s=2, src="203.0.113.5", dst="10.0.0.7"),
        alert(4, ago_s=3, src="203.0.113.5", dst="10.0.0.7"),
        incident(alerts=400),
    )
    answer = live_demo.Answer(
        "1", 300, NOW_MS - 5000, frozenset({"203.0.113.5"}), frozenset({"10.0.0.7"})
    )
    first = live_demo.first_alert(answer, seen.alerts)
    assert first is not None
    assert first.id[-1] in "34"
    assert live_demo.joined(answer, seen.incidents) is not None
    later = replace(answer, began_ms=NOW_MS + 5000)
    assert live_demo.first_alert(later, seen.alerts) is None
    assert live_demo.joined(later, seen.incidents) is None


@pytest.mark.parametrize(
    ("audit", "expected"),
    [
        (None, live_view.Promise.UNAUDITED),
        ({"low": 0.02, "allowed": 0.012}, live_view.Promise.BROKEN),
        ({"low": 0.005, "allowed": 0.012}, live_view.Promise.KEPT),
        ({"low": 0.0, "alert_rate": 0.13, "allowed": 0.012}, live_view.Promise.UNSURE),
        ({"low": 0.005, "allowed": None}, live_view.Promise.WITHDRAWN),
    ],
)
def test_what_the_audit_finds_of_a_promise(audit: object, expected: live_view.Promise) -> None:
    told = {"threshold": {"promised": 0.01}, "audit": audit}
    assert live_view.promise(told) == (expected, 0.01)
    assert live_view.promise({"audit": audit})[0] is live_view.Promise.NONE


def test_incidents_of_the_last_hour_beside_the_budget(tmp_path: Path) -> None:
    beats = [heartbeat(ago_s, incidents=n) for n, ago_s in enumerate((1800, 1200, 600, 0))]
    seen = look(tmp_path / "s.sqlite", *beats)
    assert seen.sensors[0].incidents == 3
    assert live_view.budget_use(seen.sensors[0]) == 0.3
    restarted = [*beats[:3], heartbeat(0, incidents=1)]
    assert (
        look(tmp_path / "t.sqlite", heartbeat(9, incidents=5), restarted[-1]).sensors[0].incidents
        == 1
    )
