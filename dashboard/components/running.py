"""A job while it runs: how far it is, which step, and a button that stops it."""

import streamlit as st

from dashboard import charts, jobs, state, wording
from dashboard.components import boundary
from dashboard.state import Key

_LEARN_STAGES = ("read", "train", "convert", "calibrate", "write", "score")
_SCORE_STAGES = ("read", "score", "write")
_LEARN_SHARE = 0.8  # of the bar; scoring the same file is quicker than learning it
_FEWEST_LOSSES = 3


@st.fragment(run_every=1.0)
def show(job: jobs.Job) -> None:
    """Draw a running job and look again every second, until it is over."""
    with boundary.boundary():
        now = jobs.status(job)
        if now.state.is_over:
            st.rerun()
        if job.kind == "inspect":
            st.progress(0.5, text=f"{wording.plain(job.title)} …")
        elif now.state is jobs.State.CANCELLING:
            st.progress(fraction(job, now), text="Stopping …")
            st.caption("It is given ten seconds to clear up, then it is ended.")
        else:
            _progress(job, now)


def show_or_say(job: jobs.Job, now: jobs.Status) -> None:
    """Draw a job of learning or scoring that runs, was cancelled, or failed."""
    if not now.state.is_over:
        st.markdown(wording.plain(job.title))
        show(job)
        st.stop()
    if now.state is jobs.State.CANCELLED:
        st.info(wording.CANCELLED, icon=":material/stop_circle:")
    if now.state is jobs.State.FAILED:
        boundary.say(wording.job_failed(now.error, job.log))


def fraction(job: jobs.Job, now: jobs.Status) -> float:
    """How far the whole job is, 0 to 1."""
    if len(job.steps) == 1:
        return now.done
    return (
        now.done * _LEARN_SHARE if now.step == 0 else _LEARN_SHARE + now.done * (1 - _LEARN_SHARE)
    )


def _progress(job: jobs.Job, now: jobs.Status) -> None:
    said = wording.stage(now.stage)
    # The command's own words where they say more than the name of the step.
    text = f"{said}: {now.message}" if now.message and now.message != said else said
    st.progress(fraction(job, now), text=text)
    st.markdown(_stages(job, now))
    if len(now.losses) >= _FEWEST_LOSSES:
        st.altair_chart(
            charts.loss_curve(now.losses, dark=state.is_dark()),
            key="eg_loss",
            alt="Training loss so far, falling",
        )
    if st.button("Cancel", key=Key.CANCEL, icon=":material/stop_circle:"):
        jobs.cancel(job)
        st.rerun(scope="fragment")


def _stages(job: jobs.Job, now: jobs.Status) -> str:
    names = _LEARN_STAGES if job.kind == "learn" else _SCORE_STAGES
    current = now.stage if job.kind != "learn" or now.step == 0 else "score"
    at = names.index(current) if current in names else 0
    said = []
    for number, name in enumerate(names):
        if number < at:
            said.append(f":green-badge[:material/check: {wording.stage(name)}]")
        elif number == at:
            said.append(f":blue-badge[:material/hourglass_top: {wording.stage(name)}]")
        else:
            said.append(f":gray-badge[{wording.stage(name)}]")
    return "  ".join(said)
