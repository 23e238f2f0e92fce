"""Known attacks on demand: the button that lays them in, and where that stands."""

import streamlit as st

from dashboard import evaluations, jobs, rehearsal, reviewing, wording
from dashboard.components import running
from dashboard.keys import StudioKey
from dashboard.rehearsal import Rehearsal, Standing
from dashboard.wording import synthetic as words


def show_above(evaluated: evaluations.Evaluated, found: Rehearsal) -> None:
    """Offer it before the figures, where they alone say little: without labels, until it is done.

    The place is held at all times, so that what stands below is not drawn anew.
    """
    with st.container():
        if not evaluated.has_attacks and found.standing is not Standing.DONE:
            with st.container(border=True):
                st.markdown(f"**{words.TITLE}** {words.BADGE}")
                _show(evaluated, found, words.WHY)


def show_below(evaluated: evaluations.Evaluated, found: Rehearsal) -> None:
    """Offer it after the figures: beside labelled attacks, and once it is done."""
    if evaluated.has_attacks or found.standing is Standing.DONE:
        busy = found.standing in (Standing.RUNNING, Standing.ENDED)
        with st.expander(f"{words.TITLE} {words.BADGE}", expanded=busy):
            _show(evaluated, found, words.WHY_LABELLED)


def _show(evaluated: evaluations.Evaluated, found: Rehearsal, why: str) -> None:
    if found.standing is Standing.IMPOSSIBLE:
        st.info(found.reason, icon=":material/block:")
        return
    if found.standing is Standing.RUNNING and found.job is not None:
        st.caption(wording.plain(found.job.title))
        running.show(found.job)
        return
    if found.standing is Standing.ENDED and found.job is not None and found.status is not None:
        running.say_end(reviewing.given_file(evaluated.reference), found.job, found.status)
    if found.standing is Standing.STALE:
        st.warning(words.STALE, icon=":material/history:")
    st.caption(f"{why} {words.DIFFERENT}" if found.laid is None else words.done(found.laid))
    busy = jobs.running(rehearsal.KIND)
    if st.button(
        words.LAY if found.laid is None else words.LAY_AGAIN,
        key=StudioKey.LAY,
        icon=":material/science:",
        type="secondary" if evaluated.has_attacks or found.laid is not None else "primary",
        disabled=busy is not None,
        help=None if busy is None else words.BUSY,
    ):
        rehearsal.start(evaluated.reference)
        st.rerun()
