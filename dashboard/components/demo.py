"""The demo: a verdict, the histogram with the threshold, and the worst flows in sentences."""

import streamlit as st

from dashboard import charts, jobs, state, wording, workspace
from dashboard import demo as shipped_demo
from dashboard.components import chooser, pictures, what_next
from dashboard.keys import Key
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.pipeline.demo import Episode


def show() -> None:
    """Draw the demo, or the sentence that says why it is not there."""
    try:
        demo = shipped_demo.scored()
    except EdgeGuardError as error:
        st.info(wording.plain(str(error)), icon=":material/info:")
        return
    done = demo.done
    with st.container(border=True):
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            st.markdown(f"{wording.DEMO_BADGE} {wording.DEMO_WHAT}")
            if st.button(
                "Try the demo",
                key=Key.TRY_DEMO,
                type="primary",
                icon=":material/play_arrow:",
                help=wording.DEMO_TRY,
            ):
                _open()
        st.markdown(wording.demo_verdict(done))
        _figures(demo)
        dark, value = state.is_dark(), done.threshold["value"]
        pictures.show(
            lambda: charts.score_histogram(demo.histogram, value, dark=dark, height=280),
            "demo",
            demo.scores.stat().st_mtime_ns,
            value,
            dark,
            alt="Benign and attack flows of the demo by score, with the threshold as a line",
        )
        st.caption(wording.demo_provenance(done))
        _worst(done.worst)


def _figures(demo: shipped_demo.Demo) -> None:
    found = demo.done.evaluation
    with st.container(horizontal=True):
        st.metric("Flows", wording.count(found.flows), border=True)
        st.metric("Alerts", wording.count(found.alerts), border=True)
        st.metric(
            "Incidents",
            wording.count(demo.done.incidents),
            border=True,
            help="Alerts of one host, ten minutes and one cause: what a person is called for.",
        )
        st.metric("Recall", wording.percent(found.recall), border=True)
        st.metric("Precision", wording.percent(found.precision), border=True)
        st.metric("False-alarm rate", wording.percent(found.false_positive_rate, 2), border=True)


def _worst(worst: list[Episode]) -> None:
    st.markdown(
        "**What stands out, and why** (hosts and hours with most alerts, by the worst flow)"
    )
    for left, right in zip(worst[::2], [*worst[1::2], None], strict=False):
        for place, episode in zip(st.columns(2), (left, right), strict=True):
            if episode is not None:
                with place.container(border=True, height="stretch"):
                    st.markdown(wording.episode(episode))
                    st.caption(wording.plain(episode.explanation.sentence))


def _open() -> None:
    """Score the sample traffic as any file is, and go where its results stand."""
    files = shipped_demo.scored().done.shipped
    earlier = (given for given in workspace.files() if given.is_sample)
    given = next(earlier, None) or workspace.adopt(files.traffic)
    if jobs.newest(("score", "learn"), given.id) is None:
        chooser.inspect(given)
        what_next.score(given, files.bundle)
    state.choose_file(given)
    st.switch_page("views/data.py")
