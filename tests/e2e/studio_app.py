"""A page with the tuner alone, on a synthetic evaluation: what the browser tests drag.

``STUDIO_CASE`` in the address picks the evaluation: ``?case=small`` and so on.
"""

import sys
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).parent))

import studio_cases

from dashboard.components import tuner

st.set_page_config(page_title="Studio", layout="wide")
case = studio_cases.case(st.query_params.get("case", "million"))
start = tuner.Start(case.in_force)
tuner.show(
    case.sketch,
    incidents=case.incidents,
    in_force=case.in_force,
    start=start,
    can_refine=False,
    key="tuner",
    on_decided=lambda: None,
)
decided = tuner.decided((st.session_state.get("tuner") or {}).get("value"))
st.code("" if decided is None else f"{decided.threshold!r} {decided.index} {decided.how}", language=None)
