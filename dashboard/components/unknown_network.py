"""What is offered where a bundle does not know the network: calibrate it here, or learn here."""

from pathlib import Path

import streamlit as st

from dashboard import evaluations, jobs, results, wording, workspace
from dashboard.components import boundary, what_next
from dashboard.keys import Key
from dashboard.wording import data as words

PROMISES = (0.0001, 0.001, 0.005, 0.01, 0.05)  # false-alarm rates to choose from
USUAL_PROMISE = 0.01


def show(
    given: workspace.GivenFile,
    reference: evaluations.Reference,
    counted: results.Counts,
    *,
    can_calibrate: bool,
) -> None:
    """Draw the banner and both offers; what is started shows in the next run of the page."""
    with st.container(border=True):
        st.warning(words.unknown_network(counted), icon=":material/travel_explore:")
        with st.container(horizontal=True, vertical_alignment="center"):
            opened = st.toggle(words.CALIBRATE, key=Key.CALIBRATE_OPEN, disabled=not can_calibrate)
            busy = jobs.running("learn") or jobs.running("train")
            if st.button(
                wording.LEARN,
                key=Key.LEARN_INSTEAD,
                icon=":material/model_training:",
                disabled=busy is not None,
                help=words.LEARN_INSTEAD_BUSY if busy is not None else None,
            ):
                what_next.learn(given)
                st.rerun()
        if opened and can_calibrate:
            _calibrate(given, reference, counted)


def _calibrate(
    given: workspace.GivenFile, reference: evaluations.Reference, counted: results.Counts
) -> None:
    st.caption(words.CALIBRATE_WHAT)
    if counted.benign:
        st.info(words.CALIBRATE_LABELLED, icon=":material/info:")
    else:
        st.warning(words.CALIBRATE_UNLABELLED, icon=":material/warning:")
    with st.form(Key.CALIBRATE_OPEN + "_form", border=False):
        promise, who, why = st.columns([1, 1, 2])
        fpr = promise.selectbox(
            "False alarms promised",
            PROMISES,
            index=PROMISES.index(USUAL_PROMISE),
            format_func=lambda rate: wording.percent(rate, 2),
            key=Key.CALIBRATE_FPR,
        )
        name = who.text_input("Who", key=Key.CALIBRATE_WHO, placeholder="you", max_chars=80)
        reason = why.text_input(
            "Why", key=Key.CALIBRATE_WHY, value=words.CALIBRATE_ASKED, max_chars=300
        )
        if st.form_submit_button(
            words.CALIBRATE, key=Key.CALIBRATE, type="primary", icon=":material/straighten:"
        ):
            with boundary.boundary():
                calibrate(given, reference.bundle, fpr, name, reason)
                st.rerun()


def calibrate(given: workspace.GivenFile, bundle: Path, fpr: float, who: str, why: str) -> jobs.Job:
    """Start setting a bundle's threshold on a file, and scoring that file anew.

    Parameters
    ----------
    fpr
        The false-alarm rate to promise, 0 to 1.
    who, why
        Kept with the version; without a name it is that of the server's account.
    """
    plan = jobs.Plan("calibrate", given.id, f"Calibrate {bundle.stem} on {given.name}")
    plan.facts |= {"bundle": str(bundle), "scores": str(plan.folder / "scores.parquet")}
    state = str(workspace.state_folder(bundle))
    said = (f"--who={who.strip()}",) if who.strip() else ()
    plan.step("threshold", str(bundle), "--calibrate", str(given.path), *given.schema_option,
              "--state", state, "--fpr", f"{fpr:g}", f"--why={why.strip()}", *said)  # fmt: skip
    what_next.score_step(plan, given)
    return jobs.start(plan)
