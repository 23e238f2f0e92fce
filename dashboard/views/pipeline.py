"""Pipeline page: runs with their gates, the registry, and drift from run to run."""

import streamlit as st

from dashboard.components import (
    page_part,
    pipeline_drift,
    pipeline_registry,
    pipeline_runs,
    pipeline_start,
)
from dashboard.keys import PipelineKey
from dashboard.wording import pipeline as words
from edgeguard_core.pipeline.runs import list_runs

st.title("Pipeline")
st.markdown(words.WHAT)
config = pipeline_start.choose()
if config is None:
    st.stop()
part = page_part.choose("pipeline", words.PARTS, PipelineKey.PART)
if part == words.REGISTRY:
    pipeline_registry.show(config.registry)
elif part == words.DRIFT:
    pipeline_drift.show(list_runs(config.artifacts), config.limits.most_drifted_share)
else:
    pipeline_runs.show(list_runs(config.artifacts), config)
