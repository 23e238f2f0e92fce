"""A job while it runs: how far it is, which step, and a button that stops it."""

import streamlit as st

from dashboard import charts, job_progress, jobs, state, wording, workspace
from dashboard.components import boundary
from dashboard.keys import Key
from dashboard.wording import train as words

# Where each stage stands on the bar, as measured on 46,000 flows; the command reports the
# share of a stage.
_LEARN_STAGES = {
    "read": (0.0, 0.08),
    "train": (0.08, 0.7),
    "convert": (0.7, 0.8),
    "calibrate": (0.8, 0.84),
    "write": (0.84, 0.86),
    "score": (0.86, 1.0),
}
_COMPARE_STAGES = {"score": (0.0, 0.4), "compare": (0.4, 1.0)}
_REHEARSE_STAGES = {"read": (0.0, 0.1), "rehearse": (0.1, 1.0)}
_SCORE_STAGES = {"score": (0.0, 0.98), "write": (0.98, 1.0)}
_FEWEST_LOSSES = 2
MOST_LOSSES = 120  # points of the curve; with these a look costs less than 6 kB
_LOG_LINES = 8


@st.fragment(run_every=1.0)
def show(job: jobs.Job) -> None:
    """Draw a running job and look again every second, until it is over."""
    with boundary.boundary():
        now = jobs.status(job)
        if now.state.is_over:
            st.rerun()
        if job.kind == "inspect":
            st.progress(now.done, text=f"{wording.plain(job.title)} …")
        elif now.state is jobs.State.CANCELLING:
            st.progress(fraction(job, now), text="Stopping …")
            st.caption("It is given ten seconds to clear up, then it is ended.")
        else:
            _progress(job, now)


def show_or_say(given: workspace.GivenFile, job: jobs.Job, now: jobs.Status) -> None:
    """Draw a job of learning or scoring that runs, was cancelled, or failed."""
    if not now.state.is_over:
        st.markdown(wording.plain(job.title))
        show(job)
        st.stop()
    say_end(given, job, now)


def say_end(given: workspace.GivenFile | None, job: jobs.Job, now: jobs.Status) -> None:
    """Say how a job ended that was cancelled or failed."""
    if now.state is jobs.State.CANCELLED:
        st.info(wording.CANCELLED, icon=":material/stop_circle:")
    if now.state is jobs.State.FAILED:
        boundary.say(wording.job_failed(now.error, job.log, given))


def stage_of(job: jobs.Job, now: jobs.Status) -> str:
    """The stage that the bar and the steps show."""
    return "score" if job.kind in jobs.LEARNING and now.step == 1 else now.stage


def fraction(job: jobs.Job, now: jobs.Status) -> float:
    """How far the whole job is, 0 to 1; it never goes back."""
    if job.kind == "calibrate":  # scores the file twice, with the old threshold and the new one
        return (now.step + (1.0 if now.stage == "done" else now.done)) / len(job.steps)
    stages = _stages_of(job)
    if now.stage == "done":
        return 1.0 if now.step == len(job.steps) - 1 else stages["score"][0]
    start, end = stages.get(stage_of(job, now), (0.0, 0.0))
    return start + (end - start) * now.done


def _stages_of(job: jobs.Job) -> dict[str, tuple[float, float]]:
    if job.kind == "compare":
        return _COMPARE_STAGES
    if job.kind == "rehearse":
        return _REHEARSE_STAGES
    return _LEARN_STAGES if job.kind in jobs.LEARNING else _SCORE_STAGES


def _progress(job: jobs.Job, now: jobs.Status) -> None:
    reported = now.reported
    told = reported.message and now.stage != "done"
    said = reported.message if told else wording.stage(now.stage)
    st.progress(fraction(job, now), text=wording.plain(said))
    st.markdown(_stages(job, now))
    if job.kind in jobs.LEARNING:
        _learning(job, now)
        with st.expander(words.HIDDEN_LOG, icon=":material/terminal:"):
            stderr = jobs.log_tail(job, _LOG_LINES)
            st.code(words.log(reported.messages, stderr), language=None, wrap_lines=True)
    st.button(
        "Cancel",
        key=Key.CANCEL,
        icon=":material/stop_circle:",
        on_click=jobs.cancel,
        args=(job,),
    )


def _learning(job: jobs.Job, now: jobs.Status) -> None:
    """The figures of learning, and its curve; a dash where there is none yet."""
    told = now.reported
    at = told.loss_steps[-1] if told.loss_steps else None
    left = None
    if told.steps is not None and stage_of(job, now) == "train":
        left = job_progress.seconds_left(told.loss_steps, told.loss_seconds, told.steps)
    with st.container(horizontal=True):
        st.metric("Step", words.step(at, told.steps), border=True)
        st.metric("Loss", wording.number(told.losses[-1] if told.losses else None), border=True)
        st.metric("Learning ends in", words.left(left), border=True)
    if len(told.losses) >= _FEWEST_LOSSES:
        points = job_progress.thinned(told.losses, told.loss_steps, MOST_LOSSES)
        st.altair_chart(
            charts.loss_curve(points, told.steps, dark=state.is_dark()),
            key="eg_loss",
            alt=f"Training loss by step, now {wording.number(told.losses[-1])}",
        )


def _stages(job: jobs.Job, now: jobs.Status) -> str:
    names = list(_stages_of(job))
    current = stage_of(job, now)
    at = names.index(current) if current in names else 0
    if now.stage == "done" and current not in names:
        at = names.index("score") if "score" in names else len(names) - 1
    said = []
    for number, name in enumerate(names):
        if number < at:
            said.append(f":green-badge[:material/check: {wording.stage(name)}]")
        elif number == at:
            said.append(f":blue-badge[:material/hourglass_top: {wording.stage(name)}]")
        else:
            said.append(f":gray-badge[{wording.stage(name)}]")
    return "  ".join(said)
