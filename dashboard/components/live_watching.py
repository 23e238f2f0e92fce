"""What all parts of the Live page share: the store as it is now or was at the pause, and filters.

While paused every part draws the same moment, and none asks again.
"""

from dataclasses import dataclass

import streamlit as st

from dashboard import live_demo, live_tail, state, wording
from dashboard.components import live_source
from dashboard.components.live_source import Opened
from dashboard.keys import LiveKey
from dashboard.live_tail import Seen, Sensor
from dashboard.live_view import Filters, chosen
from dashboard.wording import live as words
from edgeguard_core.outputs.store_reading import StoredAlert

Place = tuple[float, str]


@dataclass(frozen=True, eq=False)
class Pause:
    """The moment at which the page was paused."""

    seen: Seen

    @property
    def place(self) -> Place | None:
        """The alert that had arrived last."""
        return self.seen.alerts[0].place if self.seen.alerts else None


def look(opened: Opened) -> Seen:
    """The store as it is, or as it was at the pause."""
    pause = paused()
    if pause is not None:
        return pause.seen
    if opened.demo is not None and not opened.is_over:
        live_demo.note_viewer(opened.demo)
    return live_tail.tail_of(opened.source.url).look(live_source.now_ms())


def paused() -> Pause | None:
    """The pause, if there is one."""
    found = st.session_state.get(LiveKey.PAUSED)
    return found if isinstance(found, Pause) else None


def toggle_pause(opened: Opened) -> None:
    """Pause, or resume and say how many alerts came meanwhile."""
    pause = paused()
    if pause is None:
        st.session_state[LiveKey.PAUSED] = Pause(look(opened))
        st.session_state.pop(LiveKey.NEWS, None)
    else:
        count_new(opened)
        del st.session_state[LiveKey.PAUSED]


def count_new(opened: Opened) -> None:
    """Ask, this once, how many alerts came since the pause."""
    pause = paused()
    if pause is None:
        return
    store = live_tail.tail_of(opened.source.url).store
    most = live_tail.MOST_ALERTS
    found = store.alerts(after=pause.place, sensors=filters().sensors, most=most)
    st.session_state[LiveKey.NEWS] = words.news(len(found), most)


def filters() -> Filters:
    """What is chosen above the table, and by a click on a mark or an incident."""
    names = st.session_state.get(LiveKey.SENSORS)
    cell = st.session_state.get(LiveKey.CELL)  # host, begin, end
    return Filters(
        sensors=tuple(names.split(",")) if names else None,
        host=cell[0] if cell else st.session_state.get(LiveKey.HOST),
        least_severity=st.session_state.get(LiveKey.SEVERITY) or 0,
        span_ms=cell[1:] if cell else None,
        incident=st.session_state.get(LiveKey.INCIDENT),
    )


def sensors_of(seen: Seen) -> list[Sensor]:
    """The sensors that are looked at."""
    return chosen(seen, filters().sensors)


def has_new_sensors(seen: Seen) -> bool:
    """Whether a sensor has told something for the first time since the page was drawn."""
    return st.session_state.get(LiveKey.SENSORS_KNOWN) != len(seen.sensors)


def controls(opened: Opened, seen: Seen) -> None:
    """Draw pause and filters; they stand in the address, and each changes the whole page."""
    pause = paused()
    st.session_state[LiveKey.SENSORS_KNOWN] = len(seen.sensors)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(
            words.PAUSE if pause is None else words.RESUME,
            key=LiveKey.PAUSE,
            icon=":material/pause:" if pause is None else ":material/play_arrow:",
            shortcut="Space",
            help=words.PAUSE_HELP,
            on_click=toggle_pause,
            args=(opened,),
            disabled=opened.is_over and pause is None,
        )
        if len(seen.sensors) > 1:
            _sensors([sensor.name for sensor in seen.sensors])
        _severity()
        _host(seen)
    news = st.session_state.get(LiveKey.NEWS)
    if pause is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"{words.PAUSED_BADGE} {words.paused(pause.seen.at_ms)}"
                + (f" **{news}.**" if news else ""),
                width="content",
            )
            st.button(
                words.COUNT_NEW, key=LiveKey.COUNT_NEW, type="tertiary", icon=":material/refresh:",
                on_click=count_new, args=(opened,),
            )  # fmt: skip
    elif news:
        st.toast(f"{news}.", icon=":material/play_arrow:")
        del st.session_state[LiveKey.NEWS]


def _sensors(names: list[str]) -> None:
    known = filters().sensors or ()
    if LiveKey.SENSORS_PICK not in st.session_state:
        st.session_state[LiveKey.SENSORS_PICK] = [name for name in known if name in names]
    picked = st.multiselect(
        words.SENSORS, names, key=LiveKey.SENSORS_PICK, placeholder=words.ALL_SENSORS, width=320
    )
    _choose(sensors=",".join(picked) or None)


def _severity() -> None:
    if LiveKey.SEVERITY_PICK not in st.session_state:
        st.session_state[LiveKey.SEVERITY_PICK] = st.session_state.get(LiveKey.SEVERITY) or 0
    picked = st.selectbox(
        words.SEVERITY, list(words.SEVERITIES), key=LiveKey.SEVERITY_PICK,
        format_func=words.SEVERITIES.__getitem__, width=190,
    )  # fmt: skip
    _choose(severity=picked or None)


def _host(seen: Seen) -> None:
    known = st.session_state.get(LiveKey.HOST)
    if LiveKey.HOST_PICK not in st.session_state:
        st.session_state[LiveKey.HOST_PICK] = known
    hosts = {alert.host for alert in seen.alerts} | {found.host for found in seen.incidents}
    options = sorted(host for host in hosts | {known, st.session_state[LiveKey.HOST_PICK]} if host)
    picked = st.selectbox(
        words.HOST, options, index=None, key=LiveKey.HOST_PICK, placeholder=words.ALL_HOSTS,
        accept_new_options=True, width=230,
    )  # fmt: skip
    _choose(host=picked)


def _choose(**chosen_now: str | int | None) -> None:
    """Keep a choice, and read the alerts anew where it is another one."""
    keys = {"sensors": LiveKey.SENSORS, "severity": LiveKey.SEVERITY, "host": LiveKey.HOST}
    if any(st.session_state.get(keys[name]) != value for name, value in chosen_now.items()):
        st.session_state.pop(LiveKey.CELL, None)
        state.look_live(**chosen_now)


def reasons_of(alert: StoredAlert) -> str:
    """What weighs most in an alert's score."""
    told = live_tail.part(alert.body, "edgeguard").get("features")
    features = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    return words.reasons(features) or wording.UNDEFINED
