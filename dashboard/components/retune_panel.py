"""What the verdicts so far would change about the threshold, as a preview only."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard import reviewing, state, wording
from dashboard.components import deciding, tables
from dashboard.keys import ReviewKey
from dashboard.wording import review as words
from edgeguard_core.detection.retune import Effect, Retune, judged_below, quiet_sample, retune
from edgeguard_core.evaluation.operating import wilson_interval
from edgeguard_core.flows.table import ATTACK

_VERDICTS = ("", "true", "false", "known benign")


def show(now: reviewing.Triage) -> None:
    """Draw the suggestion, or why there is none, and a sample of what does not alert."""
    evaluated = now.evaluated
    found = retune(
        evaluated.scores,
        now.verdicts,
        now.threshold,
        incident_scores=None if evaluated.incidents is None else evaluated.incidents.score,
        is_attack=(evaluated.label == ATTACK) if evaluated.has_labels else None,
    )
    with st.expander(words.RETUNE, icon=":material/tune:", expanded=found.candidate is not None):
        if not (now.verdicts != 0).any():
            st.caption(words.NO_VERDICTS)
        else:
            st.markdown(words.retune_sentence(found))
            if found.candidate is not None:
                _preview(found, found.candidate)
        _quiet(now)


def _preview(found: Retune, candidate: Effect) -> None:
    rows = [("Now", found.now), ("Suggested", candidate)]
    frame = pd.DataFrame([_row(name, one) for name, one in rows]).dropna(axis=1, how="all")
    st.dataframe(
        frame,
        hide_index=True,
        height=tables.height(2, most=2),
        column_config={
            "Threshold": st.column_config.NumberColumn("Threshold", format="%.4g"),
            "Alerts": st.column_config.NumberColumn("Alerts", format="localized"),
            "Incidents": st.column_config.NumberColumn("Incidents", format="localized"),
        },
        alt="Alerts, incidents and verdicts at the present and at the suggested threshold",
    )
    if lost := words.attacks_lost(found):
        st.warning(lost, icon=":material/warning:")
    st.caption(f"{words.BIASED} {words.NEVER_APPLIED}")
    if st.button(words.TRY_IT, key=ReviewKey.TRY, icon=":material/tune:"):
        state.try_threshold(candidate.threshold)
        st.switch_page("views/threshold.py")


def _row(name: str, one: Effect) -> dict[str, object]:
    return {
        "": name,
        "Threshold": one.threshold,
        "Alerts": one.alerts,
        "Incidents": one.incidents,
        "True": one.true,
        "False": one.false,
        "Known benign": one.known,
        "Precision of the judged": wording.percent(one.precision),
    }


def _quiet(now: reviewing.Triage) -> None:
    if not st.toggle(words.QUIET, key=ReviewKey.QUIET):
        return
    seed = int.from_bytes(now.material.source.encode()[:8], "little")
    sample = quiet_sample(now.evaluated.scores, now.threshold, seed=seed)
    if not len(sample):
        st.caption("Every flow alerts at this threshold.")
        return
    st.caption(words.QUIET_HELP)
    judged, true = judged_below(sample, now.verdicts)
    st.markdown(words.judged_below(judged, true, *wilson_interval(true, judged)))
    selected = _table(now, sample)
    deciding.show(
        now,
        selected,
        about="a random sample below the threshold",
        says=words.blast_radius(0, 0, len(selected))
        if len(selected)
        else "Select flows in the table first.",
        place="_quiet",
    )


def _table(now: reviewing.Triage, sample: NDArray[np.int64]) -> NDArray[np.int64]:
    frame = now.evaluated.frame(sample)
    frame["verdict"] = [
        words.verdict(_VERDICTS[code]) if code else "" for code in now.verdicts[sample]
    ]
    order = ["verdict", "score", "top_features", "src_ip", "dst_ip", "dst_port", "protocol", "row"]
    event = st.dataframe(
        frame,
        key=f"{ReviewKey.QUIET}_{now.evaluated.reference.id}_{now.threshold.value}",
        column_order=[name for name in order if name in frame],
        hide_index=True,
        height=tables.height(len(frame), most=6),
        lazy=False,
        on_select="rerun",
        selection_mode="multi-row",
        column_config=tables.judged_columns("What weighs most"),
        alt="Random flows below the threshold",
    )
    return sample[np.array([row for row in event.selection.rows if row < len(sample)], np.int64)]
