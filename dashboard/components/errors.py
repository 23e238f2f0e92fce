"""The Errors view beside the Studio: how scores and the features' errors spread, and for whom."""

import pandas as pd
import streamlit as st

from dashboard import distributions, evaluations, state, wording, workspace
from dashboard.charts import errors as charts
from dashboard.charts import score_histogram
from dashboard.components import boundary, flow_page, tables, what_next
from dashboard.keys import ErrorsKey
from dashboard.wording import errors as words
from edgeguard_core.detection.quantity import quantity
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.evaluation.latent import principal_components
from edgeguard_core.pipeline.details import Details
from edgeguard_core.thresholds import Threshold

_MOST_FEATURES = 16  # of the map, before all are asked for
_MOST_SAMPLED = 200  # rows of the table of sampled flows


def chosen() -> bool:
    """Draw the choice between Studio and Errors; whether it is Errors."""
    st.session_state.setdefault(ErrorsKey.VIEW, words.ERRORS if state.flow() else words.STUDIO)
    view = st.segmented_control(
        "View", words.VIEWS, key=ErrorsKey.VIEW, required=True, label_visibility="collapsed"
    )
    return view == words.ERRORS


def show(
    evaluated: evaluations.Evaluated, in_force: evaluations.InForce, threshold: Threshold
) -> None:
    """Draw the view, or the page of the flow that is open."""
    row = state.flow()
    if row is not None:
        if st.button(words.BACK, key=ErrorsKey.CLOSE_FLOW, icon=":material/arrow_back:"):
            state.open_flow(None)
            st.rerun()
        flow_page.show(evaluated.reference, row)
        return
    if not len(evaluated):
        st.info(words.NO_FLOW, icon=":material/info:")
        return
    st.session_state.setdefault(ErrorsKey.PART, words.SCORES)
    part = st.segmented_control(
        "What to look at", words.PARTS, key=ErrorsKey.PART, required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if part == words.SCORES:
        _scores(evaluated, threshold)
    elif part == words.TIME:
        _over_time(evaluated, threshold)
    else:
        details = _details_or_say(evaluated.reference)
        if details is not None and part == words.FEATURES:
            _features(details)
        elif details is not None:
            _latent(evaluated, details, threshold)


def _details_or_say(reference: evaluations.Reference) -> Details | None:
    """The details; where there are none, the way to them is drawn."""
    try:
        details = distributions.details_of(reference)
    except EdgeGuardError as error:
        boundary.say(str(error))
        details = None
    if details is not None:
        return details
    given = workspace.find(reference.file_id)
    if given is None:
        st.info(words.NO_DETAILS_NO_FILE, icon=":material/info:")
        return None
    st.info(words.NO_DETAILS, icon=":material/info:")
    if st.button(words.SCORE_AGAIN, key=ErrorsKey.SCORE_AGAIN, icon=":material/query_stats:"):
        what_next.score(given, reference.bundle)
        state.choose_file(given)
        st.switch_page("views/data.py")
    return None


def _details_if_any(reference: evaluations.Reference) -> Details | None:
    try:
        return distributions.details_of(reference)
    except EdgeGuardError:
        return None  # the parts that cannot do without it say so


def _scores(evaluated: evaluations.Evaluated, threshold: Threshold) -> None:
    details = _details_if_any(evaluated.reference)
    groups = {} if details is None else {group.column: group for group in details.groups}
    options = [words.BY_LABEL, *([words.BY_CLASS] if evaluated.has_labels else []), *groups]
    by = st.segmented_control(
        "Grouped by",
        options,
        default=words.BY_CLASS if evaluated.has_attacks else words.BY_LABEL,
        required=True,
        key=f"{ErrorsKey.GROUP}_{evaluated.reference.id}",
        format_func=lambda name: words.GROUP_NAMES.get(name, name),
    )
    if not evaluated.has_labels:
        st.caption(words.NO_LABELS)
    dark, value = state.is_dark(), threshold.value
    if by == words.BY_LABEL:
        st.altair_chart(
            score_histogram(distributions.scores_by_label(evaluated), value, dark=dark),
            alt="Benign and attack flows by score, with the threshold as a line",
        )
        _quantiles(distributions.quantiles_by_class(evaluated))
    elif by == words.BY_CLASS:
        st.altair_chart(
            charts.ridges(
                distributions.scores_by_class(evaluated), value, words.SCORE_AXIS, dark=dark
            ),
            alt="Scores of the flows of each class, with the threshold as a line",
        )
        st.caption(words.RIDGES)
        _quantiles(distributions.quantiles_by_class(evaluated))
    else:
        group = groups[by]
        st.altair_chart(
            charts.ridges(
                distributions.scores_by_word(group), value, words.SCORE_AXIS, dark=dark,
                mirrored=evaluated.has_attacks,
            ),
            alt=f"Scores of the flows by {words.GROUP_NAMES.get(by, by)}, with the threshold",
        )  # fmt: skip
        both = f" {words.MIRRORED}" if evaluated.has_attacks else ""
        st.caption(f"{words.RIDGES}{both}")
        _quantiles(distributions.quantiles_by_word(group))
    if not groups:
        st.caption(words.NO_GROUPS if details is None else words.NO_WORDS)


def _quantiles(frame: pd.DataFrame) -> None:
    figure = st.column_config.NumberColumn
    st.dataframe(
        frame,
        hide_index=True,
        height=tables.height(len(frame), most=8),
        column_config={
            "group": "Group",
            "kind": "Label",
            "flows": figure("Flows", format="localized"),
            "median": figure("Median score", format="%.3g"),
            "p95": figure("p95", format="%.3g"),
            "p99": figure("p99", format="%.3g"),
        },
        alt="Flows and score quantiles of each group",
    )


@st.cache_data(max_entries=16, show_spinner=False)
def _timeline(
    reference: evaluations.Reference, stamp: float, _evaluated: evaluations.Evaluated, value: float
) -> pd.DataFrame:
    from edgeguard_core.thresholds.choose import fixed

    return distributions.over_time(_evaluated, fixed(value))


def _over_time(evaluated: evaluations.Evaluated, threshold: Threshold) -> None:
    if evaluated.time_ms is None:
        st.info(words.NO_TIMES, icon=":material/schedule:")
        return
    stamp = evaluated.reference.scores.stat().st_mtime
    frame = _timeline(evaluated.reference, stamp, evaluated, threshold.value)
    domain = [float(frame["begin"].min()), float(frame["end"].max())]
    dark = state.is_dark()
    for kind in dict.fromkeys(frame["kind"]):
        st.markdown(f"**{kind.capitalize()} flows**")
        st.altair_chart(
            charts.over_time(frame, kind, threshold.value, domain, dark=dark),
            alt=f"Score quantiles of {kind} flows over time, with the threshold as a line",
        )
    st.markdown("**Alerts**")
    st.altair_chart(
        charts.alerts_over_time(frame, domain, dark=dark), alt="Alerts over time, by label"
    )
    st.caption(words.steps(quantity(distributions.step_ms(evaluated.time_ms), "ms"), domain[0]))


def _features(details: Details) -> None:
    table = distributions.feature_table(details)
    names = list(dict.fromkeys(table["feature"]))
    st.session_state.setdefault(ErrorsKey.FEATURE, names[0])
    if st.session_state[ErrorsKey.FEATURE] not in names:
        st.session_state[ErrorsKey.FEATURE] = names[0]
    st.caption(words.HEAT)
    shown = names
    if len(names) > _MOST_FEATURES and not st.toggle(
        f"All {len(names)} features", key=ErrorsKey.ALL_FEATURES
    ):
        shown = names[:_MOST_FEATURES]
    dark = state.is_dark()
    st.altair_chart(
        charts.share_map(
            table[table["feature"].isin(shown)], st.session_state[ErrorsKey.FEATURE], dark=dark
        ),
        key=ErrorsKey.FEATURE_MAP,
        on_select=_take_clicked,
        selection_mode="feature",
        alt="Mean share of the score by feature and class",
    )
    feature = st.selectbox("Feature", names, key=ErrorsKey.FEATURE, width=420)
    st.altair_chart(
        charts.ridges(distributions.errors_of(details, feature), None, words.ERROR_AXIS, dark=dark),
        alt=f"Errors of {feature} by class",
    )
    st.caption(f"{words.RIDGES} {words.ZEROS}")
    _worst(distributions.worst_features(details))


def _take_clicked() -> None:
    """Look at the feature whose cell was clicked."""
    event = st.session_state.get(ErrorsKey.FEATURE_MAP)
    picked = (event or {}).get("selection", {}).get("feature") or []
    if picked:
        st.session_state[ErrorsKey.FEATURE] = str(picked[0]["feature"])


def _worst(frame: pd.DataFrame) -> None:
    share = st.column_config.ProgressColumn
    st.markdown("**The worst features**")
    st.dataframe(
        frame.dropna(axis=1, how="all"),
        hide_index=True,
        height=tables.height(len(frame), most=10),
        column_config={
            "feature": "Feature",
            "benign": share("Share, benign flows", format="percent", min_value=0, max_value=1),
            "attack": share("Share, attack flows", format="percent", min_value=0, max_value=1),
            "for_whom": "Fails most for",
            "most": share("Share there", format="percent", min_value=0, max_value=1),
        },
        alt="Features by the largest mean share of the score that they make up for any class",
    )


def _latent(evaluated: evaluations.Evaluated, details: Details, threshold: Threshold) -> None:
    flows = distributions.sampled(details)
    if not details.sample.latent.size:
        st.info(words.NO_LATENT, icon=":material/info:")
        return
    # The browser loads Plotly's five megabytes only for whoever looks at this.
    from dashboard.charts.latent import latent_space

    at = flows["at"].to_numpy()
    space = principal_components(details.sample.latent[at])
    said = words.sample_said(len(flows), len(evaluated))
    if space.of > 3:
        said = f"{words.explained(space.explained.tolist(), space.of)} {said}"
    st.caption(said)
    axes = [f"component {n} ({wording.percent(share, 0)})"
            for n, share in enumerate(space.explained.tolist(), 1)]  # fmt: skip
    st.plotly_chart(
        latent_space(
            flows, space.points, (axes[0], axes[1], axes[2]), threshold.value,
            dark=state.is_dark(), view=evaluated.reference.id,
        ),
        key=ErrorsKey.LATENT,
        alt="Sampled flows in the latent space, coloured by score, shaped by label",
    )  # fmt: skip
    _open_a_flow(flows)


def _open_a_flow(flows: pd.DataFrame) -> None:
    st.subheader(words.OPEN_A_FLOW)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        line = st.number_input(
            words.LINE, min_value=1, value=None, step=1, key=ErrorsKey.LINE, width=180
        )
        if st.button("Open it", key=ErrorsKey.OPEN_LINE, disabled=line is None) and line:
            state.open_flow(int(line))
            st.rerun()
    st.caption(words.PICK_SAMPLED)
    best = flows.sort_values("score", ascending=False, kind="stable").head(_MOST_SAMPLED)
    event = st.dataframe(
        best[["score", "kind", "class", "top", "row"]],
        key=ErrorsKey.SAMPLED,
        hide_index=True,
        height=tables.height(len(best), most=6),
        lazy=False,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "score": st.column_config.NumberColumn("Score", format="%.4g", width="small"),
            "kind": "Label",
            "class": "Class",
            "top": "Most of it",
            "row": st.column_config.NumberColumn("Line", format="%d", width="small"),
        },
        alt="Sampled flows with the highest scores",
    )
    if event.selection.rows and event.selection.rows[0] < len(best):
        state.open_flow(int(best.iloc[event.selection.rows[0]]["row"]))
        st.rerun()
