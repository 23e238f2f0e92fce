"""The runs of a config's artifacts, and one of them as a whole."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import pipelines, wording
from dashboard.components import boundary, pipeline_accept, pipeline_start, tables
from dashboard.keys import PipelineKey
from dashboard.wording import pipeline as words
from edgeguard_core.pipeline.runs import PipelineConfig, RunReport

_CAN_GO_ON = ("unfinished", "failed", "refused")


def show(runs: Sequence[RunReport], config: PipelineConfig) -> None:
    """Draw the list, the latest first, and the run that is chosen, at first the latest."""
    if not runs:
        st.info(words.NO_RUNS, icon=":material/account_tree:")
        return
    _table(runs)
    known = {run.run_id: run for run in runs}
    if st.session_state.get(PipelineKey.WANTED) in known:  # was started here, and is there now
        st.session_state[PipelineKey.RUN] = st.session_state.pop(PipelineKey.WANTED)
    if st.session_state.get(PipelineKey.RUN) not in known:
        st.session_state[PipelineKey.RUN] = runs[0].run_id
    chosen = st.selectbox(
        words.CHOOSE_RUN,
        list(known),
        format_func=lambda run_id: words.run_option(known[run_id]),
        key=PipelineKey.RUN,
        width=640,
    )
    with boundary.boundary():
        _run(known[chosen], config)


def _table(runs: Sequence[RunReport]) -> None:
    frame = pd.DataFrame(
        {
            "run": [run.run_id for run in runs],
            "begun": [words.when(run.created) for run in runs],
            "is": [words.status(run.status) for run in runs],
            "stage": [run.stage or "" for run in runs],
            "gates": [
                ", ".join(dict.fromkeys(refusal.gate for refusal in run.refusals)) for run in runs
            ],
            "version": ["" if run.version is None else str(run.version) for run in runs],
            "champion": [run.is_champion for run in runs],
            "who": [run.who for run in runs],
        }
    )
    st.dataframe(
        frame,
        key=PipelineKey.RUNS,
        hide_index=True,
        height=tables.height(len(frame), most=6),
        column_config={
            "run": "Run",
            "begun": "Begun (UTC)",
            "is": "Is",
            "stage": "Last stage",
            "gates": "Refused by",
            "version": st.column_config.TextColumn("Version", width="small"),
            "champion": st.column_config.CheckboxColumn("Became champion", width="small"),
            "who": "By",
        },
        alt="Runs of the pipeline, the latest first",
    )


def _run(run: RunReport, config: PipelineConfig) -> None:
    st.subheader(f"Run {wording.plain(run.run_id)}")
    st.markdown(words.outcome_badges(run))
    st.caption(words.begun(run))
    row = pipelines.turns(run.outcomes, is_running=run.status == pipelines.RUNNING)
    st.markdown("  ".join(words.turn(turn) for turn in row))
    _gates(run)
    pipeline_accept.show(run, config)
    _go_on(run, config)
    _figures(run)
    _lineage(run)
    with st.expander(words.LOG, icon=":material/terminal:"):
        lines = pipelines.log_lines(run)
        st.code("\n".join(lines) or words.NO_LOG, language=None, wrap_lines=True)


def _gates(run: RunReport) -> None:
    """What gates refused, what was accepted of it, and what failed."""
    for outcome in run.outcomes:
        if outcome.status == "failed":
            boundary.say(outcome.message)
        for refusal in outcome.refusals:
            st.error(words.refusal(refusal), icon=":material/block:")
    said = {one.gate: one.sentence for outcome in run.outcomes for one in outcome.accepted}
    for acceptance in run.accepted:
        st.info(words.accepted(acceptance, said.get(acceptance.gate)), icon=":material/how_to_reg:")


def _go_on(run: RunReport, config: PipelineConfig) -> None:
    """A run of this very config that did not reach its end can be gone on with."""
    if run.status not in _CAN_GO_ON or not pipelines.is_of(run, config):
        return
    if st.button(
        words.GO_ON,
        key=PipelineKey.GO_ON,
        icon=":material/resume:",
        disabled=pipeline_start.cannot_start(),
        help=words.GO_ON_HELP,
    ):
        pipeline_start.begin(config, run.run_id)


def _figures(run: RunReport) -> None:
    metrics = run.figures
    found = words.figures(metrics)
    if found:
        with st.container(horizontal=True):
            for name, value in found:
                st.metric(name, value, border=True, width=185)
    beside = words.beside_champion(metrics.get("against_champion"))
    if beside:
        st.caption(beside)
    registered = run.artifact("register")
    if registered is not None:
        st.caption(words.registered(registered))
    for _, sentence in run.told():
        st.caption(wording.plain(sentence))


def _lineage(run: RunReport) -> None:
    rows, code = pipelines.lineage(run)
    if not rows:
        return
    with st.expander(words.LINEAGE, icon=":material/account_tree:"):
        ingested = run.artifact("ingest")
        files = () if ingested is None else (*ingested.data, *ingested.evaluation)
        st.caption(words.made_of(files, code))
        st.dataframe(
            pd.DataFrame(rows).assign(started=[words.when(row["started"]) for row in rows]),
            key=PipelineKey.LINEAGE,
            hide_index=True,
            height=tables.height(len(rows), most=8),
            column_config={
                "stage": "Stage",
                "from": "Made from",
                "made_by": "Made by run",
                "started": "Started (UTC)",
                "files": st.column_config.NumberColumn("Files", format="%d", width="small"),
                "identity": "Identity",
            },
            alt="Stages of the run with what each was made from",
        )
