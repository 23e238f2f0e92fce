"""Compare: two to four models on the same flows, each at as many alerts."""

from pathlib import Path

import pandas as pd
import streamlit as st

from dashboard import evaluations, jobs, reviewing, state, wording, workspace
from dashboard.charts import review as charts
from dashboard.components import beside_peers, running, tables, what_next
from dashboard.keys import ReviewKey
from dashboard.wording import compare as words
from edgeguard_core.bundle import Bundle
from edgeguard_core.evaluation.compare import (
    MOST_MODELS,
    Comparison,
    ModelScores,
    compare,
    curves,
    leads,
)
from edgeguard_core.evaluation.paired import Lead
from edgeguard_core.thresholds import Threshold

_PER_FLOWS = 1_000


def show(evaluated: evaluations.Evaluated, threshold: Threshold) -> None:
    """Draw the models that scored this file beside each other, and the way to score it again."""
    same = reviewing.same_file(evaluated.reference)
    _score_another(evaluated.reference, same)
    _side_by_side(evaluated, threshold, same)
    beside_peers.show(evaluated, threshold)


def _side_by_side(
    evaluated: evaluations.Evaluated, threshold: Threshold, same: list[evaluations.Reference]
) -> None:
    if len(same) < 2:
        st.info(words.COMPARE_NEEDS_TWO, icon=":material/compare_arrows:")
        return
    names = reviewing.model_names(same)
    chosen = st.multiselect(
        "Models",
        list(names),
        default=list(names)[:MOST_MODELS],
        format_func=lambda name: names.get(name, name),
        max_selections=MOST_MODELS,
        key=f"{ReviewKey.MODELS}_{evaluated.reference.id}_{len(same)}",
        help=words.COMPARE_FIRST,
    )
    if len(chosen) < 2:
        st.info(words.CHOOSE_TWO, icon=":material/compare_arrows:")
        return
    by_id = {one.id: one for one in same}
    models = [evaluations.load(by_id[name]) for name in chosen]
    budget = _budget(models[0], evaluated, threshold)
    scored = [_scores(names[name], one) for name, one in zip(chosen, models, strict=True)]
    label = models[0].label if models[0].has_labels else None
    found = compare(scored, budget, label, models[0].hours)
    ahead = () if label is None else leads(scored, found, label, of=("recall",))
    st.caption(words.compared(found, models[0].hours, models[0].has_labels))
    _table(found, models, ahead)
    if models[0].has_attacks and (models[0].label == 0).any():
        _curves(found, models)


def _scores(name: str, one: evaluations.Evaluated) -> ModelScores:
    incidents = None if one.incidents is None else one.incidents.score
    return ModelScores(name, one.row, one.scores, incidents)


def _budget(
    first: evaluations.Evaluated, looked_at: evaluations.Evaluated, threshold: Threshold
) -> int:
    """Alerts that each model may raise, asked by hour or, without times, by thousand flows."""
    hours = first.hours
    now = looked_at.counts(threshold).alerts
    unit = hours or len(first) / _PER_FLOWS
    asked = st.number_input(
        words.BUDGET_BY_HOUR if hours else words.BUDGET_BY_FLOWS,
        min_value=0.0,
        value=float(f"{max(now, 1) / unit:.4g}"),
        format="%.4g",
        key=f"{ReviewKey.BUDGET}_{looked_at.reference.id}_{threshold.value}",
        help=words.BUDGET_HELP,
        width=320,
    )
    return max(round(asked * unit), 1)


def _table(
    found: Comparison, models: list[evaluations.Evaluated], ahead: tuple[dict[str, Lead], ...]
) -> None:
    rows = words.comparison_rows(
        found,
        [_model_bytes(str(one.reference.bundle), _stamp(one.reference.bundle)) for one in models],
        ahead,
    )
    frame = pd.DataFrame(rows)
    st.dataframe(
        frame,
        hide_index=True,
        height=tables.height(len(frame), most=16),
        column_config={"": st.column_config.TextColumn("", pinned=True, width="medium")},
        alt="Figures of the models at as many alerts each",
    )
    if any(ahead):
        st.caption(words.INTERVAL_HELP)


def _curves(found: Comparison, models: list[evaluations.Evaluated]) -> None:
    pr, roc, pr_points, roc_points = [], [], [], []
    for told, one in zip(found.models, models, strict=True):
        precision_recall, receiver = curves(one.sketch)
        for parts, curve in ((pr, precision_recall), (roc, receiver)):
            parts.append(
                pd.DataFrame(
                    {"model": told.name, "x": curve.x, "y": curve.y, "threshold": curve.thresholds}
                )
            )
        at = {"model": told.name, "threshold": told.threshold}
        pr_points.append(at | {"x": told.recall, "y": told.precision})
        roc_points.append(at | {"x": told.false_positive_rate, "y": told.recall})
    left, right = st.columns(2)
    dark = state.is_dark()
    left.altair_chart(
        charts.precision_recall(pd.concat(pr), pd.DataFrame(pr_points), dark=dark),
        alt="Precision against recall of each model, with the point at equal alerts",
    )
    right.altair_chart(
        charts.roc(pd.concat(roc), pd.DataFrame(roc_points), dark=dark),
        alt="Recall against the false-alarm rate of each model, with the point at equal alerts",
    )


def _score_another(reference: evaluations.Reference, same: list[evaluations.Reference]) -> None:
    given = reviewing.given_file(reference)
    job = None if given is None else jobs.newest(("score", "learn"), given.id)
    if job is not None and not jobs.status(job).state.is_over:
        st.markdown(wording.plain(job.title))
        running.show(job)
        return
    if job is not None and jobs.status(job).state is jobs.State.FAILED:
        st.warning(wording.plain(jobs.status(job).error or words.SCORING_FAILED))
    fitting = reviewing.other_bundles(reference, same)
    if not reference.source.exists():
        st.caption(words.SOURCE_GONE)
        return
    if not fitting:
        st.caption(words.NO_OTHER_BUNDLE)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        paths = {str(bundle.path): bundle for bundle in fitting}
        picked = st.selectbox(
            words.OTHER_BUNDLE,
            list(paths),
            format_func=lambda path: f"{paths[path].name} · {paths[path].origin}",
            key=ReviewKey.OTHER_BUNDLE,
            width=420,
        )
        if st.button(words.SCORE_OTHER, key=ReviewKey.SCORE_OTHER, icon=":material/query_stats:"):
            what_next.score(given or workspace.adopt(reference.source), paths[picked].path)
            st.rerun()


@st.cache_data(max_entries=32, show_spinner=False)
def _model_bytes(bundle: str, stamp: float) -> int:
    return len(Bundle.load(bundle).model)


def _stamp(bundle: Path) -> float:
    try:
        return (bundle / "SHA256SUMS").stat().st_mtime_ns
    except OSError:
        return 0.0
