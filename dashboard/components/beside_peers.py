"""Compare with plain detectors: the command fits them on the file and judges all alike."""

import pandas as pd
import streamlit as st

from dashboard import evaluations, jobs, reviewing, wording, workspace
from dashboard.components import running, tables
from dashboard.keys import ReviewKey
from dashboard.wording import compare as words
from edgeguard_core.evaluation.peers import available
from edgeguard_core.thresholds import Threshold

_DEFAULT = ("kNN", "IsolationForest")
_JUDGED_SHARE = 2 / 3  # of the file; on the rest they learn


def show(evaluated: evaluations.Evaluated, threshold: Threshold) -> None:
    """Draw the choice, the run, and what came of the last one."""
    reference = evaluated.reference
    if not reference.source.exists():
        return
    st.subheader(words.PEERS_TITLE, divider="gray")
    st.caption(words.PEERS_WHAT)
    given = reviewing.given_file(reference)
    job = None if given is None else _last(given.id, reference)
    now = None if job is None else jobs.status(job)
    if job is not None and now is not None and not now.state.is_over:
        st.markdown(wording.plain(job.title))
        running.show(job)
        return
    if job is not None and now is not None:
        running.say_end(given, job, now)
    _ask(evaluated, threshold, given)
    if now is not None and now.state is jobs.State.DONE:
        _table(now)


def _last(file_id: str, reference: evaluations.Reference) -> jobs.Job | None:
    found = jobs.newest(("compare",), file_id)
    return found if found and found.facts.get("bundle") == str(reference.bundle) else None


def _ask(
    evaluated: evaluations.Evaluated, threshold: Threshold, given: workspace.GivenFile | None
) -> None:
    names = [peer.name for peer in available()]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            words.PEERS, names, default=list(_DEFAULT), key=ReviewKey.PEERS, width=520
        )
        if st.button(
            words.COMPARE_PEERS,
            key=ReviewKey.COMPARE_PEERS,
            icon=":material/compare_arrows:",
            disabled=not chosen,
            help=None if chosen else words.PEERS_BESIDE_ONE,
        ):
            given = given or workspace.adopt(evaluated.reference.source)
            _start(evaluated, threshold, given, chosen)
            st.rerun()


def _start(
    evaluated: evaluations.Evaluated,
    threshold: Threshold,
    given: workspace.GivenFile,
    chosen: list[str],
) -> None:
    reference = evaluated.reference
    alerts = evaluated.counts(threshold).alerts
    budget = max(1, round(alerts * _JUDGED_SHARE))
    plan = jobs.Plan("compare", given.id, f"Compare {reference.bundle.stem} on {given.name}")
    plan.facts["bundle"] = str(reference.bundle)
    plan.step("compare", str(reference.bundle), "--on", str(given.path), *given.schema_option,
              "--with", ",".join(chosen), "--alerts", str(budget))  # fmt: skip
    jobs.start(plan)


def _table(now: jobs.Status) -> None:
    result = now.results[0]
    frame = pd.DataFrame(words.peer_rows(result))
    st.caption(words.peers_judged(result))
    st.dataframe(
        frame,
        hide_index=True,
        height=tables.height(len(frame), most=12),
        alt="Figures of the model and of plain detectors at as many alerts each",
    )
    st.caption(words.INTERVAL_HELP)
