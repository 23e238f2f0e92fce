"""What came of a training: parity, threshold, scores, and where to go on."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import charts, evaluations, jobs, results, state, training, wording, workspace
from dashboard.components import boundary, running, tables, verdicts
from dashboard.keys import TrainKey
from dashboard.wording import train as words
from edgeguard_core.bundle import Bundle
from edgeguard_core.errors import EdgeGuardError


def show(job: jobs.Job, now: jobs.Status) -> None:
    """Draw the outcome of a training that is over."""
    given = workspace.find(job.file_id)
    if now.state is not jobs.State.DONE:
        running.say_end(given, job, now)
        if now.state is jobs.State.FAILED and Path(job.facts["bundle"]).exists():
            st.caption(words.KEPT)
        return
    result = now.results[0]
    with st.container(border=True):
        st.markdown(words.done(Path(job.facts["bundle"]).name, result))
        _figures(job, now)
        _ways_on(job)
    tables.remarks(str(warning) for warning in result.get("warnings") or [])
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Variants beside the reference")
        _parity(result)
        st.subheader("How it learned")
        _curve(now)
    with right:
        st.subheader("Scores of this file")
        _scores(job, now)
        st.subheader("Scores of the flows held out")
        _quantiles(Path(job.facts["bundle"]))


def _figures(job: jobs.Job, now: jobs.Status) -> None:
    result, scored = now.results[0], now.results[1]
    ships = (result.get("variants") or {}).get(result.get("variant") or "float32") or {}
    seconds = scored.get("seconds") or 0
    with st.container(horizontal=True):
        st.metric("Threshold", wording.number(result["threshold"].get("value")), border=True)
        st.metric("Promised", wording.percent(result["threshold"].get("target"), 2), border=True)
        st.metric("Fitted flows", wording.count(result.get("fitted")), border=True)
        st.metric("Epochs", wording.number(result.get("epochs")), border=True)
        st.metric("Model file", words.file_size(ships.get("bytes")), border=True)
        st.metric(
            "Scored, flows/s",
            wording.count(scored["flows"] / seconds if seconds else None),
            border=True,
            help="Reading, context, scoring and writing of this file on this machine.",
        )


def _ways_on(job: jobs.Job) -> None:
    reference = evaluations.of_job(job)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            words.OPEN_STUDIO,
            key=TrainKey.OPEN_STUDIO,
            type="primary",
            icon=":material/tune:",
            disabled=reference is None,
        ) and reference is not None:  # fmt: skip
            state.open_evaluation(reference)
            st.switch_page("views/threshold.py")
        if st.button(words.TRAIN_ANOTHER, key=TrainKey.ANOTHER, icon=":material/replay:"):
            state.show_training(None)
            st.rerun()
    if reference is None:
        st.caption(words.SCORES_GONE)


def _parity(result: dict[str, Any]) -> None:
    variants: dict[str, dict[str, Any]] = result.get("variants") or {}
    frame = pd.DataFrame(
        {
            "variant": [words.VARIANTS.get(name, (name,))[0] for name in variants],
            "bytes": [words.file_size(one.get("bytes")) for one in variants.values()],
            "spearman": [one.get("spearman") for one in variants.values()],
            "jaccard": [one.get("verdict_jaccard") for one in variants.values()],
            "verdict": [words.verdict(one) for one in variants.values()],
            "ships": [name == result.get("variant") for name in variants],
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        height=tables.height(len(frame), most=5),
        column_config={
            "variant": "Variant",
            "bytes": "File",
            "spearman": st.column_config.NumberColumn("Rank correlation", format="%.4f"),
            "jaccard": st.column_config.NumberColumn("Equal alerts", format="%.4f"),
            "verdict": "Parity",
            "ships": st.column_config.CheckboxColumn("Ships"),
        },
        alt="Variants of the model with size, rank correlation, equal alerts and parity",
    )


def _curve(now: jobs.Status) -> None:
    told = now.reported
    if not told.losses:
        st.caption("The curve of this training is gone.")
        return
    points = [*zip(told.loss_steps, told.losses, strict=True)]
    st.altair_chart(
        charts.loss_curve(points, told.steps, dark=state.is_dark()),
        key="eg_loss_done",
        alt=f"Training loss by step, {wording.number(told.losses[-1])} at the end",
    )


def _scores(job: jobs.Job, now: jobs.Status) -> None:
    with boundary.boundary():
        seen = verdicts.view(job, now)
        st.markdown(wording.verdict(seen.counted))
        st.altair_chart(
            charts.score_histogram(
                verdicts.histogram(seen), seen.threshold.value, dark=state.is_dark(), height=260
            ),
            key="eg_scores_done",
            alt="Flows of the file by score, with the threshold as a line",
        )
        broken = results.broken_promise(seen.counted, seen.to_json())
        if broken is None:
            st.caption(wording.OPTIMISTIC)
        else:
            st.warning(words.broken_promise(broken), icon=":material/gpp_maybe:")


def _quantiles(bundle: Path) -> None:
    try:
        found = _quantiles_of(bundle, bundle.stat().st_mtime if bundle.exists() else 0.0)
    except EdgeGuardError as error:
        st.caption(wording.plain(str(error)))
        return
    st.dataframe(
        found,
        hide_index=True,
        height=tables.height(len(found), most=8),
        column_config={
            "flows": "Benign flows held out",
            "score": st.column_config.NumberColumn("Score", format="%.3g"),
        },
        alt="Quantiles of the scores of the benign flows held out",
    )


@st.cache_data(max_entries=16, show_spinner=False)
def _quantiles_of(bundle: Path, stamp: float) -> pd.DataFrame:
    calibration = Bundle.load(bundle).calibration
    points, weights = calibration.sketch.benign_points()
    scores = training.score_quantiles(points, weights, words.QUANTILES)
    return pd.DataFrame(
        {
            "flows": [*map(words.share_below, words.QUANTILES), "the highest score"],
            "score": [*scores, calibration.largest],
        }
    )
