"""Where gates refused a run and may be overruled: who does so, why, and the run goes on."""

import streamlit as st

from dashboard import pipelines
from dashboard.components import boundary, pipeline_start
from dashboard.keys import PipelineKey
from dashboard.wording import pipeline as words
from edgeguard_core.pipeline.runs import PipelineConfig, RunReport


def show(run: RunReport, config: PipelineConfig) -> None:
    """Draw the form; nothing where no gate refused, or one that leaves nothing to go on with."""
    if not run.refusals or not all(one.can_accept for one in run.refusals):
        return
    gates = tuple(dict.fromkeys(one.gate for one in run.refusals))
    with st.expander(words.ACCEPT_TITLE, icon=":material/how_to_reg:"):
        st.caption(words.HOW_TO_ACCEPT)
        st.code(words.how_to_accept(run, gates), language=None, wrap_lines=True)
        if pipelines.is_of(run, config):
            _form(run, config, gates)


def _form(run: RunReport, config: PipelineConfig, gates: tuple[str, ...]) -> None:
    with st.form(PipelineKey.ACCEPT_FORM, border=False):
        because = st.text_input(
            "Reason",
            key=f"{PipelineKey.ACCEPT_REASON}_{run.run_id}",
            placeholder=words.ACCEPT_REASON,
            max_chars=200,
        )
        who = st.text_input(
            "Author", key=PipelineKey.ACCEPT_AUTHOR, placeholder=words.AUTHOR, max_chars=80
        )
        pressed = st.form_submit_button(
            words.accept(gates),
            key=PipelineKey.ACCEPT,
            icon=":material/how_to_reg:",
            disabled=pipeline_start.cannot_start(),
        )
    if not pressed:
        return
    if not (because.strip() and who.strip()):
        boundary.say(words.ACCEPT_INCOMPLETE)
        return
    accepting = pipelines.Accepting(gates, because.strip(), who.strip())
    pipeline_start.begin(config, run.run_id, accepting)
