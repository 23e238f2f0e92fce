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
content = tuner.Content.of(case.sketch, case.incidents, in_force=case.in_force, can_refine=False)
tuner.show(content, tuner.Start(case.in_force), key="tuner", on_decided=lambda: None)
found = tuner.read("tuner")
st.code("" if found is None else f"{found.threshold!r} {found.index} {found.how}", language=None)
