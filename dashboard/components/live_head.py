"""The upper part of the Live page, drawn each second: figures, the strip of scores, attacks."""

from collections.abc import Sequence

import streamlit as st

from dashboard import jobs, live_demo, state, wording
from dashboard.charts import live as charts
from dashboard.components import boundary, live_source, live_watching
from dashboard.components.live_source import Opened
from dashboard.keys import LiveKey
from dashboard.live_tail import STRIP_S, Seen, Sensor
from dashboard.live_view import (
    Figures,
    Standing,
    figures,
    strip_points,
    threshold_of,
)
from dashboard.wording import live as words

MOST_SENSORS = 6  # side by side
_A_ROW = 3
_POINTS = 180  # of all strips together, so that a tick stays small
_ATTACKS_SHOWN = 3
_GIVE_UP_S = 90.0


def show(opened: Opened) -> None:
    """Draw it; meant to be run as a fragment."""
    with boundary.boundary():
        if opened.demo and not opened.is_over and jobs.status(opened.demo).state.is_over:
            st.rerun()  # nothing more will come: the page says so and stops looking
        seen = live_watching.look(opened)
        if live_watching.has_new_sensors(seen):
            st.rerun()  # what chooses among them stands outside of this part
        sensors = live_watching.sensors_of(seen)
        found = figures(sensors, seen.at_ms)
        if opened.demo is not None:
            _attacks(opened, seen)
        if _say_state(opened, seen, found):
            _figures(opened, seen, found)
            _strips(sensors, seen)


def _say_state(opened: Opened, seen: Seen, found: Figures) -> bool:
    """Say what is wrong, if anything; whether there is something to draw."""
    if seen.error is not None:
        st.error(words.away(seen.error, seen.read_ms, seen.at_ms), icon=":material/cloud_off:")
    if seen.is_empty:
        if seen.error is None:
            starting = opened.demo is not None and not opened.is_over
            st.info(
                words.DEMO_STARTING if starting else words.EMPTY, icon=":material/hourglass_empty:"
            )
        return False
    if not seen.sensors:
        st.info(words.WAITING, icon=":material/hourglass_empty:")
    elif found.standing is not Standing.RUNNING and not opened.is_over and not seen.error:
        st.warning(words.stalled(found.silent_s), icon=":material/warning:")
    if found.dropped:
        st.warning(words.dropped(found), icon=":material/filter_alt_off:")
    return True


def _figures(opened: Opened, seen: Seen, found: Figures) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_badge(opened, seen, found), width="content")
        st.markdown(words.threshold_chip(found), width="content")
        st.page_link("views/threshold.py", label=words.TO_THRESHOLD, icon=":material/tune:")
    with st.container(horizontal=True):
        st.metric("Flows/s", wording.number(found.flows_per_s), border=True)
        st.metric("Lag", words.lag(found.lag_s), border=True)
        st.metric("Dropped", wording.count(found.dropped), border=True)
        st.metric(words.alerts_title(found), wording.count(found.alerts_per_minute), border=True)
        st.metric(words.incidents_title(found), wording.count(found.incidents), border=True)


def _badge(opened: Opened, seen: Seen, found: Figures) -> str:
    if live_watching.paused() is not None:
        return words.PAUSED_BADGE
    if opened.is_over:
        return words.ENDED_BADGE
    if seen.error is not None:
        return words.AWAY_BADGE
    return words.badge(found.standing, found.silent_s)


def _strips(sensors: Sequence[Sensor], seen: Seen) -> None:
    """A strip a sensor, side by side where there are several."""
    st.markdown(f"**{words.STRIP}**", help=words.STRIP_HELP)
    shown = sensors[:MOST_SENSORS]
    if not any(sensor.strip for sensor in shown):
        st.caption(words.NO_STRIP)
        return
    if len(sensors) > MOST_SENSORS:
        st.caption(words.ONE_OF)
    bin_s = max(STRIP_S * len(shown) // _POINTS, 1)
    # Whole seconds by what was told last, so that the picture does not tremble.
    end_ms = max(sensor.strip[-1][0] for sensor in shown if sensor.strip) + 1000.0
    for first in range(0, len(shown), _A_ROW):
        row = shown[first : first + _A_ROW]
        for place, sensor in zip(st.columns(len(row)), row, strict=True):
            with place:
                _strip(sensor, end_ms, bin_s, alone=len(shown) == 1)


def _strip(sensor: Sensor, end_ms: float, bin_s: int, *, alone: bool) -> None:
    st.echarts_chart(
        charts.strip(
            strip_points(sensor, end_ms, STRIP_S, bin_s),
            threshold_of(sensor),
            end_ms - STRIP_S * 1000.0,
            end_ms,
            dark=state.is_dark(),
            title="" if alone else sensor.name,
        ),
        height=190 if alone else 150,
        key=f"{LiveKey.STRIP}_{sensor.name}",
        alt=f"Highest score each second at {sensor.name}, with the threshold and alerts",
    )


def _attacks(opened: Opened, seen: Seen) -> None:
    """Of each attack that was asked for: when it was sent, and how soon it was found."""
    sent: list[live_demo.Sent] = st.session_state.get(LiveKey.SENT, [])
    if not sent:
        return
    now_ms = live_source.now_ms() if live_watching.paused() is None else seen.at_ms
    lines = [
        f":material/bolt: {words.sent(one.attack, one.strength, one.sent_ms)} … "
        + _found(opened, seen, one, now_ms)
        for one in reversed(sent[-_ATTACKS_SHOWN:])
    ]
    st.markdown("  \n".join(lines))


def _found(opened: Opened, seen: Seen, sent: live_demo.Sent, now_ms: float) -> str:
    """How soon an attack was found; kept once it is known, for alerts come and go."""
    kept: dict[str, str] = st.session_state.setdefault(LiveKey.FOUND, {})
    if sent.id in kept or opened.demo is None:
        return kept.get(sent.id, "")
    answer = live_demo.answer_to(opened.demo, sent)
    waited_s = (now_ms - sent.sent_ms) / 1000.0
    if answer is not None and answer.error:
        return wording.plain(answer.error)
    if answer is not None and (first := live_demo.first_alert(answer, seen.alerts)) is not None:
        kept[sent.id] = words.caught((first.received_ms - sent.sent_ms) / 1000.0, answer.flows)
    elif answer is not None and (grown := live_demo.joined(answer, seen.incidents)) is not None:
        kept[sent.id] = words.joined(waited_s, grown.host, answer.flows)
    elif waited_s > _GIVE_UP_S:
        kept[sent.id] = words.not_caught(waited_s, None if answer is None else answer.flows)
    return kept.get(sent.id) or words.not_caught(waited_s, None if answer is None else answer.flows)
