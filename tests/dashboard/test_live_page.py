"""The Live page in every state, by what a person sees."""

from pathlib import Path

import pytest
from dashboard_app import said, verdict_button
from live_store import NOW_MS, alert, event, heartbeat, incident, write
from sqlalchemy import create_engine, text
from streamlit.testing.v1 import AppTest
from support import PROJECT

from dashboard import jobs, live_demo, live_review, live_source
from dashboard.components import live_source as chooser
from dashboard.keys import LiveKey, ReviewKey
from dashboard.wording import live as words
from edgeguard_core.cli import edge
from edgeguard_core.detection.review import Verdict
from edgeguard_core.outputs.records import Kind


@pytest.fixture(autouse=True)
def time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chooser, "now_ms", lambda: NOW_MS)
    monkeypatch.delenv(live_source.VARIABLE, raising=False)
    live_source._opened.clear()


@pytest.fixture
def page(app: AppTest) -> AppTest:
    app.run()
    return app.switch_page("views/live.py").run()


def watching(app: AppTest, monkeypatch: pytest.MonkeyPatch, url: str) -> AppTest:
    """The page of a server that was started with a store."""
    monkeypatch.setenv(live_source.VARIABLE, url)
    app.run()
    page = app.switch_page("views/live.py").run()
    assert not page.exception
    return page


def full(tmp_path: Path, ago_s: float = 1.0) -> str:
    now = NOW_MS - ago_s * 1000
    strip = [[now - n * 1000, 0.5 if n % 7 else 8.0, 20, 0 if n % 7 else 1] for n in range(60)]
    return write(
        tmp_path / "s.sqlite",
        heartbeat(ago_s, strip=strip[::-1], audit={"low": 0.02, "allowed": 0.01}),
        heartbeat(ago_s + 1, incidents=3),
        alert(1),
        alert(2, ago_s=2, severity=100, host="10.0.0.9"),
        incident(),
        event(Kind.AUDIT, "The promised rate is broken.", "promise_broken"),
    )


def test_nothing_is_watched(page: AppTest) -> None:
    assert not page.exception
    assert words.NO_SOURCE in said(page)
    assert page.button(key=LiveKey.START_DEMO).label == words.START_DEMO
    assert not page.metric


def test_a_store_that_is_not_there_or_is_none(page: AppTest, tmp_path: Path) -> None:
    page.text_input(key=f"{LiveKey.URL}_0").set_value(str(tmp_path / "none.sqlite"))
    page.button(key=LiveKey.OPEN).click().run()
    assert "There is no store at" in page.error[0].value
    page.text_input(key=f"{LiveKey.URL}_0").set_value("mysql://ann:s3cret@h/d")
    page.button(key=LiveKey.OPEN).click().run()
    assert "cannot be mysql" in page.error[0].value
    assert "s3cret" not in said(page)


def test_a_typed_store_is_opened_and_stands_in_the_address(page: AppTest, tmp_path: Path) -> None:
    full(tmp_path)
    page.text_input(key=f"{LiveKey.URL}_0").set_value(str(tmp_path / "s.sqlite"))
    page.button(key=LiveKey.OPEN).click().run()
    assert not page.exception
    assert page.query_params["store"] == f"sqlite:///{tmp_path / 's.sqlite'}"
    assert {metric.label: metric.value for metric in page.metric} == {
        "Flows/s": "20",
        "Lag": "40 ms",
        "Dropped": "0",
        "Alerts in the last minute (promised ≤ 12)": "9",
        "Incidents in the last hour (budget 10)": "1",
    }
    assert "running" in said(page)
    page.button(key=LiveKey.LEAVE).click().run()
    assert words.NO_SOURCE in said(page)


def test_a_link_alone_opens_nothing(app: AppTest, tmp_path: Path) -> None:
    full(tmp_path)
    app.query_params["store"] = f"sqlite:///{tmp_path / 's.sqlite'}"
    app.run()
    page = app.switch_page("views/live.py").run()
    assert "was not opened on this server yet" in page.warning[0].value
    assert not page.metric
    page.button(key=LiveKey.CONFIRM).click().run()
    assert page.metric


def test_tables_hold_incidents_alerts_boxes_and_events(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = watching(app, monkeypatch, full(tmp_path))
    tables = [frame.value for frame in page.dataframe]
    incidents, alerts, boxes, events = tables
    assert incidents["Host"].tolist() == ["10.0.0.7"]
    assert sorted(alerts["Severity"]) == ["△ high", "⬟ critical"]
    assert alerts["From → to"][0] == "10.0.0.7 → 192.0.2.9:443 tcp"
    assert alerts["Odd because of"][0] == "src2dst_bytes 41 %; service 30 %"
    box = boxes.iloc[0]
    assert box["State"] == "● running"
    assert box["Promise"] == "✗ 1.0 % broken"
    assert box["Bundle"] == "home ✓ signed"
    assert box["Budget used"] == "10 %"
    assert events["Kind"].tolist() == ["⚖ audit"]
    assert "θ **2.5** (conformal, bundle)" in said(page)


def test_an_empty_store_says_what_fills_it(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = watching(app, monkeypatch, write(tmp_path / "s.sqlite"))
    assert words.EMPTY in said(page)
    assert not page.metric


def test_a_store_of_a_newer_edgeguard(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = full(tmp_path)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE edgeguard SET value = '99' WHERE name = 'format'"))
    engine.dispose()
    page = watching(app, monkeypatch, url)
    assert "format 99" in page.error[0].value
    assert not page.metric


def test_a_watch_that_is_silent_and_one_that_dropped(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = write(tmp_path / "s.sqlite", *(heartbeat(ago, dropped=1234) for ago in (20, 21, 22, 23)))
    page = watching(app, monkeypatch, url)
    warnings = [warning.value for warning in page.warning]
    assert any("No heartbeat for 20 s" in one for one in warnings)
    assert any("1,234 flows came faster" in one for one in warnings)
    assert words.NO_ALERTS in said(page)
    assert "stalled 20 s" in said(page)


def test_a_pause_holds_the_moment_and_says_what_came_meanwhile(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = full(tmp_path)
    page = watching(app, monkeypatch, url)
    page.button(key=LiveKey.PAUSE).click().run()
    assert "Paused at 14:03:12 UTC" in said(page)
    write(tmp_path / "s.sqlite", *(alert(n) for n in range(10, 47)))
    monkeypatch.setattr(chooser, "now_ms", lambda: NOW_MS + 60_000)
    page.selectbox(key=LiveKey.SEVERITY_PICK).set_value(75).run()
    page.selectbox(key=LiveKey.SEVERITY_PICK).set_value(0).run()
    assert len(page.dataframe[1].value) == 2
    page.button(key=LiveKey.COUNT_NEW).click().run()
    assert "37 new since the pause" in said(page)
    page.button(key=LiveKey.PAUSE).click().run()
    assert "37 new since the pause" in page.toast[0].value
    assert len(page.dataframe[1].value) == 39


def test_filters_narrow_the_table_and_stand_in_the_address(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = watching(app, monkeypatch, full(tmp_path))
    page.selectbox(key=LiveKey.SEVERITY_PICK).set_value(100).run()
    assert page.dataframe[0].value["Severity"].tolist() == ["⬟ critical"]  # no incident is
    assert page.query_params["severity"] == "100"
    page.selectbox(key=LiveKey.HOST_PICK).set_value("10.0.0.7").run()
    assert words.NO_MATCH in said(page)
    assert page.query_params["host"] == "10.0.0.7"


def test_several_sensors_stand_side_by_side_and_can_be_chosen(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    strip = [[NOW_MS - 2000, 1.0, 5, 0], [NOW_MS - 1000, 3.0, 5, 1]]
    url = write(
        tmp_path / "s.sqlite",
        heartbeat(1, sensor="gate", strip=strip),
        heartbeat(1, sensor="yard", strip=strip),
        alert(1, sensor="gate"),
        alert(2, sensor="yard"),
    )
    page = watching(app, monkeypatch, url)
    assert page.dataframe[0].value["Sensor"].tolist() == ["yard", "gate"]
    page.multiselect(key=LiveKey.SENSORS_PICK).set_value(["yard"]).run()
    assert page.query_params["sensors"] == "yard"
    assert page.dataframe[0].value["Sensor"].tolist() == ["yard"]
    assert page.dataframe[1].value["Box"].tolist() == ["gate", "yard"]


def test_an_alert_tells_why_and_is_judged(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = watching(app, monkeypatch, full(tmp_path))
    page.session_state[LiveKey.SELECTED] = f"{1:012x}" * 2
    page.run()
    assert not page.exception
    text_said = said(page)
    assert "src2dst_bytes was 5 MB" in text_said
    assert "2 × the threshold" in "\n".join(str(metric.delta) for metric in page.metric)
    shown = "\n".join(code.value for code in page.code)
    assert "ip.addr == 10.0.0.7 && ip.addr == 192.0.2.9" in shown
    assert "1:abc=" in shown
    assert "grep -e '^#' -e 'CHhAvVGS1DHFjwGM9'" in shown
    page.text_input(key=ReviewKey.ACTOR_INPUT).set_value("ann").run()
    verdict_button(page, ReviewKey.FALSE).click().run()
    assert live_review.verdicts("gate") == {live_review.row_of(f"{1:012x}" * 2): Verdict.FALSE}
    assert "false positive" in page.success[0].value
    assert page.dataframe[1].value["Verdict"].tolist().count("False positive") == 1
    verdict_button(page, ReviewKey.UNDO).click().run()
    assert live_review.verdicts("gate") == {}
    page.button(key=LiveKey.CLOSE).click().run()
    assert "src2dst_bytes was 5 MB" not in said(page)


def test_an_alert_that_the_store_no_longer_keeps(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = watching(app, monkeypatch, full(tmp_path))
    page.session_state[LiveKey.SELECTED] = "f" * 24
    page.run()
    assert words.GONE in said(page)


def test_the_demo_starts_takes_commands_and_can_be_stopped(page: AppTest) -> None:
    page.button(key=LiveKey.START_DEMO).click().run()
    assert not page.exception
    assert words.DEMO_STARTING in said(page)
    assert page.query_params["store"] == "demo"
    page.button(key=f"{LiveKey.ATTACK}_syn_flood").click().run()
    assert "**SYN flood**, medium: sent 14:03:12" in said(page)
    assert "waiting for the replay" in said(page)
    job = live_demo.latest()
    assert job is not None
    commands = (live_demo.folder_of(job) / "commands.jsonl").read_text()
    assert '"attack": "syn_flood", "strength": "medium"' in commands
    page.button(key=LiveKey.STOP_DEMO).click().run()
    assert jobs.wait(job, 30).state is jobs.State.CANCELLED
    page.run()
    assert words.DEMO_ENDED in said(page)
    assert page.button(key=LiveKey.START_DEMO)


def test_a_line_says_whether_the_traffic_is_what_the_bundle_learned(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'alerts.sqlite'}"
    flows = PROJECT / "sample_data" / "office_with_attacks.csv.gz"
    words_of = ["watch", PROJECT / "models" / "demo", flows, "--store", url, "--quiet",
                "--state", tmp_path / "state"]  # fmt: skip
    assert edge.main([str(word) for word in words_of]) == 0
    page = watching(app, monkeypatch, url)
    (line,) = [one for one in said(page).splitlines() if "Traffic of the last 24 hours" in one]
    assert "Drift of 1 feature." in line
    assert "Furthest moved: `src_network`, " in line


def test_without_counts_nothing_is_said_of_drift(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = watching(app, monkeypatch, full(tmp_path))
    assert "Traffic of the last" not in said(page)
