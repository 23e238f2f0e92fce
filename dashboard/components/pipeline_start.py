"""Which config the Pipeline page looks at, and the start of a run of it."""

from pathlib import Path

import streamlit as st

from dashboard import jobs, pipelines, training, wording, workspace
from dashboard.components import boundary, pipeline_feedback
from dashboard.keys import Key, PipelineKey
from dashboard.wording import pipeline as words
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.pipeline.runs import STAGES, PipelineConfig, RunReport, load_config, read_run


def choose() -> PipelineConfig | None:
    """Draw the choice of a config and its start; the config, or None where none can be used."""
    found = pipelines.configs()
    if not found:
        st.info(words.no_config(workspace.root()), icon=":material/description:")
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        path = st.selectbox(
            words.CONFIG,
            [str(path) for path in found],
            format_func=_name,
            key=PipelineKey.CONFIG,
            width=640,
        )
        config = _loaded(Path(path))
        reason = _reason()
        if st.button(
            words.START,
            key=PipelineKey.START,
            type="primary",
            icon=":material/play_arrow:",
            disabled=config is None or reason is not None,
            help=reason or words.STARTS,
        ) and config is not None:  # fmt: skip
            begin(config)
    if config is None:
        return None
    st.caption(words.where(config.artifacts, config.registry))
    if reason is not None:
        st.info(reason, icon=":material/info:")
    pipeline_feedback.show(config)
    _latest(config)
    return config


def begin(
    config: PipelineConfig,
    run_id: str | None = None,
    accepting: pipelines.Accepting | None = None,
) -> None:
    """Start a run, or go on with one, and look at it."""
    job = pipelines.start(config, run_id, accepting)
    st.session_state[PipelineKey.WANTED] = job.facts["run"]
    st.rerun()


def cannot_start() -> bool:
    """Whether something speaks against a start now; the page says what."""
    return _reason() is not None


def _name(path: str) -> str:
    return words.config_option(Path(path), is_project=Path(path).parent == pipelines.PROJECT)


def _loaded(path: Path) -> PipelineConfig | None:
    try:
        return load_config(path)
    except EdgeGuardError as error:
        boundary.say(str(error))
        return None


def _reason() -> str | None:
    """Why no run can start; None when one can."""
    if not training.can_train():
        return wording.NO_TRAINING
    busy = jobs.running(*jobs.LEARNING, pipelines.KIND)
    return None if busy is None else words.busy(busy.title)


def _latest(config: PipelineConfig) -> None:
    """The run that was started here last: while it runs, and where it did not end well."""
    job = pipelines.job_of(config)
    if job is None:
        return
    now = jobs.status(job)
    if not now.state.is_over:
        _running(job)
        return
    run = _run_of(job)
    if run is not None and run.status != "unfinished":
        return  # the run tells below what its stages and gates said
    if now.state is jobs.State.CANCELLED:
        st.info(words.STOPPED, icon=":material/stop_circle:")
    elif now.state is jobs.State.FAILED:
        boundary.say(now.error or wording.unexpected(job.log))


def _run_of(job: jobs.Job) -> RunReport | None:
    """The run that a job works on; None before it has a folder."""
    try:
        return read_run(Path(job.facts["artifacts"]), job.facts["run"])
    except EdgeGuardError:
        return None


@st.fragment(run_every=1.0)
def _running(job: jobs.Job) -> None:
    """Draw the run that is on and look again every second, until it is over."""
    with boundary.boundary():
        now = jobs.status(job)
        if now.state.is_over:
            st.rerun()
        with st.container(border=True):
            st.markdown(f"**{wording.plain(job.title)}**")
            _progress(job, now)


def _progress(job: jobs.Job, now: jobs.Status) -> None:
    row = _row(job)
    ended = sum(turn.seconds is not None for turn in row)
    stage = next((turn.stage for turn in row if turn.seconds is None), STAGES[-1])
    if now.state is jobs.State.CANCELLING:
        st.progress(ended / len(row), text="Stopping …")
        st.caption(words.STOPPING)
        return
    st.progress(ended / len(row), text=words.running(stage, now.reported.message))
    st.markdown("  ".join(words.turn(turn) for turn in row))
    st.button(
        "Cancel", key=Key.CANCEL, icon=":material/stop_circle:", on_click=jobs.cancel, args=(job,)
    )


def _row(job: jobs.Job) -> list[pipelines.Turn]:
    run = _run_of(job)
    return pipelines.turns(() if run is None else run.outcomes, is_running=True)
