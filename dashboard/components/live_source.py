"""What the Live page looks at: the demo, a store of one's own, or nothing yet."""

import time
from dataclasses import dataclass

import streamlit as st

from dashboard import jobs, live_demo, live_source, state, wording
from dashboard.components import boundary
from dashboard.keys import LiveKey
from dashboard.live_source import DEMO, Source
from dashboard.wording import live as words
from edgeguard_core.errors import EdgeGuardError


@dataclass(frozen=True)
class Opened:
    """A store that is looked at; of the demo also the process that fills it."""

    source: Source
    title: str
    demo: jobs.Job | None = None
    is_over: bool = False  # nothing will come any more


def choose() -> Opened | None:
    """Draw what can be looked at; what is, or None where nothing is yet.

    Raises
    ------
    EdgeGuardError
        If the store that the server was started with cannot be one.
    """
    name = st.session_state.get(LiveKey.STORE)
    if name is None:
        given = live_source.of_server()
        if given is not None:
            _look(given.name)
            name = given.name
    if not name:
        _panel()
        return None
    return _demo() if name == DEMO else _store(name)


def _look(name: str) -> None:
    """Look at another store, at all of it."""
    for key in (
        LiveKey.PAUSED, LiveKey.SELECTED, LiveKey.INCIDENT, LiveKey.CELL, LiveKey.BASE,
        LiveKey.NEWS, LiveKey.SENSORS_PICK, LiveKey.SEVERITY_PICK, LiveKey.HOST_PICK,
    ):  # fmt: skip
        st.session_state.pop(key, None)
    if st.session_state.get(LiveKey.STORE) != name:
        state.look_live(store=name, sensors=None, severity=None, host=None)


def _panel() -> None:
    """Nothing is looked at: the demo beside a store of one's own."""
    st.info(words.NO_SOURCE, icon=":material/sensors:")
    demo, own = st.columns(2)
    with demo.container(border=True, height="stretch"):
        st.markdown(f"**{words.DEMO_TITLE}** {wording.DEMO_BADGE}")
        st.markdown(words.DEMO_HELP)
        st.button(
            words.START_DEMO, key=LiveKey.START_DEMO, type="primary", icon=":material/play_arrow:",
            on_click=_start_demo,
        )  # fmt: skip
    with own.container(border=True, height="stretch"):
        st.markdown(f"**{words.OWN}**")
        text = st.text_input(
            words.URL,
            key=f"{LiveKey.URL}_{st.session_state.get(LiveKey.URL_ROUND, 0)}",
            placeholder=words.URL_HINT,
            help=words.URL_HELP,
        )
        if st.button(words.OPEN, key=LiveKey.OPEN, icon=":material/database:"):
            _open(text)
        for name in live_source.opened():
            if st.button(f"`{wording.plain(name)}`", key=f"{LiveKey.OPEN}_{name}", type="tertiary"):
                _open(name)


def _open(text: str) -> None:
    try:
        known = live_source.find(text) or live_source.open_source(text)
    except EdgeGuardError as error:
        boundary.say(str(error))
        return
    # The text may hold a password: the field is made anew and forgets it.
    st.session_state[LiveKey.URL_ROUND] = st.session_state.get(LiveKey.URL_ROUND, 0) + 1
    _look(known.name)
    st.rerun()


def _start_demo() -> None:
    job = live_demo.start()
    live_demo.note_viewer(job)
    st.session_state.pop(LiveKey.SENT, None)
    _look(DEMO)


def _leave() -> None:
    _look("")


def _demo() -> Opened | None:
    job = live_demo.latest()
    if job is None:
        _panel()
        return None
    now = jobs.status(job).state
    with _bar():
        st.markdown(f"**{words.DEMO_TITLE}** {wording.DEMO_BADGE}", width="content")
        if now.is_over:
            st.button(
                words.START_DEMO, key=LiveKey.START_DEMO, type="primary",
                icon=":material/play_arrow:", on_click=_start_demo,
            )  # fmt: skip
        else:
            st.button(
                words.STOP_DEMO, key=LiveKey.STOP_DEMO, icon=":material/stop_circle:",
                on_click=jobs.cancel, args=(job,), disabled=now is jobs.State.CANCELLING,
            )  # fmt: skip
        st.button(
            words.LEAVE, key=LiveKey.LEAVE, icon=":material/swap_horiz:", type="tertiary",
            on_click=_leave,
        )  # fmt: skip
    if now is jobs.State.CANCELLING:
        st.caption(words.DEMO_STOPPING)
    if now is jobs.State.FAILED:
        boundary.say(jobs.status(job).error or f"{words.DEMO_FAILED} {job.log}.")
    elif now.is_over:
        st.info(words.DEMO_ENDED, icon=":material/stop_circle:")
    source = Source(DEMO, live_demo.store_url(job))
    return Opened(source, words.DEMO_TITLE, job, now.is_over)


def _store(name: str) -> Opened | None:
    source = live_source.find(name)
    if source is None:
        st.warning(words.link_names(name), icon=":material/link:")
        with st.container(horizontal=True):
            if st.button(words.CONFIRM, key=LiveKey.CONFIRM, icon=":material/database:"):
                _open(name)
            st.button(words.LEAVE, key=LiveKey.LEAVE, on_click=_leave, type="tertiary")
        return None
    with _bar():
        st.markdown(f":material/database: `{wording.plain(source.name)}`", width="content")
        st.button(
            words.LEAVE, key=LiveKey.LEAVE, icon=":material/swap_horiz:", type="tertiary",
            on_click=_leave,
        )  # fmt: skip
    return Opened(source, source.name)


def _bar() -> "st.delta_generator.DeltaGenerator":
    return st.container(horizontal=True, vertical_alignment="center")


def now_ms() -> float:
    """The time of this server; the tests set another."""
    return time.time() * 1000.0
