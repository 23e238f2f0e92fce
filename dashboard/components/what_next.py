"""Step 3: learn this file's normal, or score it with a bundle at hand."""

from pathlib import Path

import streamlit as st

from dashboard import jobs, state, training, wording, workspace
from dashboard.components import boundary
from dashboard.keys import Key
from edgeguard_core.errors import EdgeGuardError


def show(given: workspace.GivenFile, schema: str | None) -> None:
    """Draw the choice; what is started shows in the next run of the page."""
    what = st.segmented_control(
        "What now?",
        (wording.LEARN, wording.SCORE),
        default=wording.LEARN,
        required=True,
        key=Key.WHAT,
        label_visibility="collapsed",
    )
    if what == wording.SCORE:
        _score(given, schema)
    else:
        _learn(given)


def _learn(given: workspace.GivenFile) -> None:
    st.caption(
        "Learns from the benign rows (from all rows where there are no labels), sets the threshold "
        "for 1 % false alarms, and scores the whole file. About half a minute for 100,000 flows."
    )
    reason = None if training.can_train() else wording.NO_TRAINING
    busy = jobs.running(*jobs.LEARNING)
    if busy is not None:
        reason = f"Another file is being learned right now: {wording.plain(busy.title)}."
    if reason:
        st.info(reason, icon=":material/info:")
    if st.button(
        wording.LEARN,
        key=Key.LEARN,
        type="primary",
        icon=":material/model_training:",
        disabled=reason is not None,
    ):
        learn(given)
        st.rerun()


def learn(given: workspace.GivenFile, settings: training.Settings | None = None) -> jobs.Job:
    """Start learning a file and scoring it with what was learned.

    With settings it is a training of the Train page, without it is by the measured recipe.
    """
    if settings is None:
        plan = jobs.Plan("learn", given.id, f"Learn the normal of {given.name}")
        settings = training.Settings(workspace.bundle_stem(given.name))
    else:
        plan = jobs.Plan("train", given.id, f"Train {settings.name} on {given.name}")
    bundle = str(workspace.free_bundle_path(settings.name))
    scores = str(plan.folder / "scores.parquet")
    plan.facts |= {"bundle": bundle, "made": bundle, "scores": scores}
    read = (*given.schema_option, *settings.label_options)
    plan.step("train", str(given.path), *read, *settings.options, "--out", bundle)
    score_step(plan, given, settings.label_options)
    return jobs.start(plan)


def score(given: workspace.GivenFile, bundle: Path) -> jobs.Job:
    """Start scoring a file with a bundle."""
    plan = jobs.Plan("score", given.id, f"Score {given.name} with {bundle.stem}")
    plan.facts |= {"bundle": str(bundle), "scores": str(plan.folder / "scores.parquet")}
    score_step(plan, given)
    return jobs.start(plan)


def score_step(
    plan: jobs.Plan, given: workspace.GivenFile, label_options: tuple[str, ...] = ()
) -> None:
    """Let a plan score a file with its bundle."""
    bundle = plan.facts["bundle"]
    state = str(workspace.state_folder(Path(bundle)))
    plan.facts["details"] = str(plan.folder / "details.npz")
    plan.step("score", bundle, str(given.path), *given.schema_option, *label_options,
              "--state", state, "--out", plan.facts["scores"],
              "--details", plan.facts["details"])  # fmt: skip


def _score(given: workspace.GivenFile, schema: str | None) -> None:
    _upload()
    at_hand = workspace.bundles()
    fitting = [bundle for bundle in at_hand if bundle.fits(schema)]
    if not fitting:
        others = sorted({bundle.schema for bundle in at_hand})
        st.info(
            wording.NO_BUNDLES
            if not others
            else f"The bundles at hand read {', '.join(others)}; this file is {schema}. "
            f"{wording.LEARN} first, or upload a bundle for it.",
            icon=":material/info:",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        paths = {str(bundle.path): bundle for bundle in fitting}
        chosen = st.selectbox(
            "Bundle", paths, format_func=lambda path: _title(paths[path]), key=Key.BUNDLE
        )
        if st.button(wording.SCORE, key=Key.SCORE, type="primary", icon=":material/query_stats:"):
            score(given, paths[chosen].path)
            st.rerun()
    if paths[chosen].is_demo and not given.is_sample:
        st.warning(wording.DEMO_BUNDLE, icon=":material/science:")


def _title(bundle: workspace.BundleAtHand) -> str:
    return (
        f"{bundle.name} · {bundle.schema} · {bundle.origin} {bundle.created[:16].replace('T', ' ')}"
    )


def _upload() -> None:
    upload = st.file_uploader(
        "Upload a bundle (.zip)", type=["zip"], key=state.bundle_uploader_key(), max_upload_size=64
    )
    if upload is None:
        return
    try:
        path = workspace.add_bundle(upload.name, upload)
    except EdgeGuardError as error:
        boundary.say(str(error))
        return
    state.empty_bundle_uploader(upload)
    state.choose_bundle(str(path))
    st.rerun()
