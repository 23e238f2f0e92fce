"""The verdict buttons, with who decides and why."""

import zlib
from collections.abc import Callable

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import reviewing
from dashboard.components import boundary
from dashboard.keys import ReviewKey
from dashboard.wording import review as words
from edgeguard_core.detection.review import Verdict
from edgeguard_core.errors import EdgeGuardError

_BUTTONS = (
    (Verdict.TRUE, ReviewKey.TRUE, ":material/gpp_bad:", "1"),
    (Verdict.FALSE, ReviewKey.FALSE, ":material/do_not_disturb_on:", "2"),
    (Verdict.KNOWN, ReviewKey.KNOWN, ":material/verified_user:", "3"),
    (Verdict.WITHDRAWN, ReviewKey.UNDO, ":material/undo:", "U"),
)


def show(
    now: reviewing.Triage,
    positions: NDArray[np.int64],
    *,
    about: str,
    says: str,
    place: str = "",
) -> None:
    """Draw the buttons for some flows.

    Parameters
    ----------
    about
        The flows in words, for the log.
    says
        What a verdict would decide, said before it is given.
    place
        Where else on the page such buttons stand: theirs have no keys of the keyboard.
    """
    decided = now.verdicts[positions] != 0

    def judge(verdict: Verdict, actor: str, reason: str) -> int:
        which = positions[decided] if verdict is Verdict.WITHDRAWN else positions
        return reviewing.judge(now, which, verdict, actor=actor, reason=reason, about=about)

    buttons(
        judge, about=about, says=says, place=place,
        can_decide=bool(len(positions)), can_undo=bool(decided.any()),
    )  # fmt: skip


def buttons(
    judge: Callable[[Verdict, str, str], int],
    *,
    about: str,
    says: str,
    can_decide: bool,
    can_undo: bool,
    place: str = "",
) -> None:
    """Draw the buttons for anything that can be judged.

    Parameters
    ----------
    judge
        Writes a verdict, given actor and reason; how many flows it was written for.
    about, says, place
        As ``show`` takes them.
    """
    actor = current_actor()
    reason_key = f"{ReviewKey.REASON}{place}_{st.session_state.get(ReviewKey.ROUND, 0)}"
    st.text_input(
        words.REASON, key=reason_key, placeholder=words.REASON_HINT, max_chars=500, live=True
    )
    st.markdown(says)
    # A press that comes while the next flows are being drawn means those that were seen: each
    # have buttons of their own, and what they decide was fixed when they were drawn.
    of = f"{place}_{zlib.crc32(about.encode()):08x}"
    with st.container(horizontal=True, vertical_alignment="center"):
        for verdict, key, icon, letter in _BUTTONS:
            undo = verdict is Verdict.WITHDRAWN
            st.button(
                words.VERDICT_LABELS[verdict],
                key=f"{key}{of}",
                icon=icon,
                shortcut=None if place else letter,
                disabled=not can_decide or not actor or (undo and not can_undo),
                type="tertiary" if undo else "secondary",
                help=words.DECIDE_HELP if actor else words.NO_ACTOR,
                on_click=_judge,
                args=(judge, verdict, reason_key, about),
            )
    with st.container():  # holds its place, so that what stands below is not drawn anew
        if not actor:
            st.caption(words.NO_ACTOR)


def ask_actor() -> None:
    """Ask who decides: once, and remembered over pages and, by the log, over visits."""
    if ReviewKey.ACTOR_INPUT not in st.session_state:
        known = st.session_state.get(ReviewKey.ACTOR)
        st.session_state[ReviewKey.ACTOR_INPUT] = (
            reviewing.store().last_actor() if known is None else known
        )
    actor = st.text_input(
        words.ACTOR, key=ReviewKey.ACTOR_INPUT, max_chars=100, width=220, live=True
    )
    st.session_state[ReviewKey.ACTOR] = actor.strip()


def note() -> None:
    """Say what was just done, or why it was not, once."""
    said = st.session_state.pop(ReviewKey.NOTE, None)
    if said:
        st.success(said, icon=":material/check:")
    failed = st.session_state.pop(ReviewKey.FAILED, None)
    if failed:
        boundary.say(failed)


def current_actor() -> str:
    """Who decides; empty until somebody said."""
    return str(st.session_state.get(ReviewKey.ACTOR) or "")


def _judge(
    judge: Callable[[Verdict, str, str], int], verdict: Verdict, reason_key: str, about: str
) -> None:
    reason = str(st.session_state.get(reason_key) or "")
    try:
        flows = judge(verdict, current_actor(), reason)
    except EdgeGuardError as error:
        st.session_state[ReviewKey.FAILED] = str(error)
        return
    st.session_state[ReviewKey.NOTE] = words.judged(verdict, flows, about)
    st.session_state[ReviewKey.ROUND] = st.session_state.get(ReviewKey.ROUND, 0) + 1
