"""The buttons of the demo: how fast the office passes, and which attack is laid in."""

import streamlit as st

from dashboard import jobs, live_demo
from dashboard.components import boundary, live_source
from dashboard.components.live_source import Opened
from dashboard.keys import LiveKey
from dashboard.wording import live as words
from edgeguard_core.errors import OutputError
from edgeguard_core.sources.synthesis import ATTACKS, STRENGTHS

_MOST_SENT = 20


@st.fragment
def show(opened: Opened) -> None:
    """Draw them; an attack that is sent is told of above, where each second is drawn."""
    job = opened.demo
    if job is None or opened.is_over:
        return
    with (
        boundary.boundary(),
        st.container(border=True, horizontal=True, vertical_alignment="bottom"),
    ):
        st.segmented_control(
            words.SPEED, list(live_demo.SPEEDS), default="Lively", key=LiveKey.SPEED,
            required=True, on_change=_speed, args=(job,), help=words.SPEED_HELP,
        )  # fmt: skip
        st.segmented_control(
            words.STRENGTH, STRENGTHS, default="medium", key=LiveKey.STRENGTH, required=True,
            help=words.STRENGTH_HELP,
        )  # fmt: skip
        for kind in ATTACKS:
            title, icon = words.ATTACKS[kind]
            st.button(
                title, key=f"{LiveKey.ATTACK}_{kind}", icon=icon, on_click=_attack,
                args=(job, kind),
            )  # fmt: skip


def _attack(job: jobs.Job, kind: str) -> None:
    strength = str(st.session_state.get(LiveKey.STRENGTH) or "medium")
    try:
        sent = live_demo.attack(job, kind, strength, live_source.now_ms())
    except OutputError as error:
        st.toast(str(error), icon=":material/error:")
        return
    earlier: list[live_demo.Sent] = st.session_state.get(LiveKey.SENT, [])
    st.session_state[LiveKey.SENT] = [*earlier, sent][-_MOST_SENT:]


def _speed(job: jobs.Job) -> None:
    speed = live_demo.SPEEDS.get(str(st.session_state.get(LiveKey.SPEED)))
    if speed is None:
        return
    try:
        live_demo.command(job, speed=speed)
    except OutputError as error:
        st.toast(str(error), icon=":material/error:")
