"""Trainings that are done, with their loss and threshold, and a way to each."""

from pathlib import Path

import streamlit as st

from dashboard import jobs, state, training, wording, workspace
from dashboard.keys import TrainKey
from dashboard.wording import train as words

_MOST = 8
_WIDTHS = [3, 2, 3, 1, 1, 1]
_HEADINGS = ("Bundle", "When (UTC)", "File", "Loss", "Threshold", "")


def show(shown: jobs.Job | None) -> None:
    """Draw the list, the newest first; the one that is shown already has no button."""
    st.subheader(words.EARLIER)
    found = [job for job in jobs.all_jobs() if _is_done(job)][:_MOST]
    if not found:
        st.caption(words.NO_EARLIER)
        return
    with st.container(border=True):
        for place, heading in zip(st.columns(_WIDTHS), _HEADINGS, strict=True):
            place.markdown(f"**{heading}**" if heading else "")
        for job in found:
            _row(job, is_shown=shown is not None and shown.id == job.id)


def _is_done(job: jobs.Job) -> bool:
    return (
        job.kind in jobs.LEARNING
        and Path(job.facts["bundle"]).exists()
        and jobs.status(job).state is jobs.State.DONE
    )


def _row(job: jobs.Job, *, is_shown: bool) -> None:
    bundle, given = Path(job.facts["bundle"]), workspace.find(job.file_id)
    threshold = workspace.read_json(bundle / "threshold.json") or {}
    columns = st.columns(_WIDTHS, vertical_alignment="center")
    columns[0].markdown(wording.plain(bundle.name))
    columns[1].markdown(job.created[:16].replace("T", " "))
    columns[2].markdown(wording.UNDEFINED if given is None else wording.plain(given.name))
    columns[3].markdown(wording.number(training.last_loss(bundle)))
    columns[4].markdown(wording.number(threshold.get("value")))
    if columns[5].button(
        "Shown" if is_shown else "Show",
        key=f"{TrainKey.SHOW}_{job.id}",
        disabled=is_shown,
        help=f"Open the outcome of {wording.plain(bundle.name)}",
    ):
        state.show_training(job)
        st.rerun()
