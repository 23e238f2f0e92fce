"""Step 1: a file from the visitor, from the server's folder, or one given earlier."""

import streamlit as st

from dashboard import jobs, sample_file, state, wording, workspace
from dashboard.components import boundary
from dashboard.keys import Key
from dashboard.wording import data as words


def show(given: workspace.GivenFile | None) -> None:
    """Draw the step; a choice is kept in the state and starts the inspection."""
    if given is not None:
        _chosen(given)
        return
    upload = st.file_uploader(
        "A file of flows (CSV, log, JSON, text, Parquet) or a packet capture; plain, .gz or .zst",
        key=state.uploader_key(),
        max_upload_size=256,
        help="Up to 256 MB. It is copied to the work folder on this machine and goes nowhere else.",
    )
    if upload is not None:
        with boundary.boundary():
            try:
                spooled = workspace.spool(upload.name, upload)
            finally:
                state.empty_uploader(upload)
            _take(spooled)
    st.caption(wording.NO_FILE)
    _sample()
    _from_server()
    _from_earlier()


def inspect(given: workspace.GivenFile) -> jobs.Job:
    """Start reading a file from end to end, to tell what it is."""
    plan = jobs.Plan("inspect", given.id, f"Read {given.name}")
    plan.facts["rejected"] = str(plan.folder / "rejected.csv")
    plan.step(
        "inspect",
        str(given.path),
        *given.schema_option,
        "--rejected",
        plan.facts["rejected"],
    )
    return jobs.start(plan)


def _take(given: workspace.GivenFile) -> None:
    inspect(given)
    state.choose_file(given)
    st.rerun()


def _chosen(given: workspace.GivenFile) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        said = [f":material/description: **{wording.plain(given.name)}**", wording.size(given.size)]
        if given.is_sample:
            said.append(wording.DEMO_BADGE)
        elif not given.ours:
            said.append(f"read where it lies, in {wording.plain(str(given.path.parent))}")
        st.markdown(" · ".join(said))
        if st.button("Another file", key=Key.ANOTHER_FILE, icon=":material/swap_horiz:"):
            state.choose_file(None)
            st.rerun()
        if st.button(
            "Forget it",
            key=Key.FORGET_FILE,
            icon=":material/delete:",
            help="Deletes the copy in the work folder with what was read from it and its scores. "
            "Bundles learned from it stay.",
        ):
            for job in jobs.all_jobs():
                if job.file_id == given.id:
                    jobs.forget(job)
            workspace.forget(given)
            state.choose_file(None)
            st.rerun()


def _from_server() -> None:
    folder = workspace.server_folder()
    if folder is None:
        return
    part = st.session_state.get(Key.SERVER_FILTER) or ""
    listed = workspace.server_files(folder, part)
    if not listed.names and not part:
        st.caption(f"The server's folder {folder} holds no file.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if listed.more or part:
            st.text_input("Part of the name", key=Key.SERVER_FILTER, width=220)
        name = st.selectbox(
            f"Or a file of the server's folder, {folder}",
            listed.names,
            key=Key.SERVER_FILE,
            placeholder="No file has that in its name",
        )
        if (
            st.button("Use this file", key=Key.USE_SERVER_FILE, disabled=name is None)
            and name is not None
        ):
            _take(workspace.adopt(workspace.server_file(folder, name)))
    st.caption(words.server_files_found(len(listed.names), len(listed.names), listed.more))


def _sample() -> None:
    """A small table to look at, or to try the page with."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "What a file may look like (CSV)",
            sample_file.text,
            file_name="flows-sample.csv",
            mime="text/csv",
            key=Key.DOWNLOAD_SAMPLE,
            icon=":material/download:",
            on_click="ignore",
        )
        st.caption(words.SAMPLE_CAPTION)


def _from_earlier() -> None:
    earlier = workspace.files()
    if not earlier:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Or go on with an earlier one",
            earlier,
            format_func=lambda given: f"{given.name} ({wording.size(given.size)})",
            key=Key.EARLIER_FILE,
        )
        if st.button("Go on", key=Key.USE_EARLIER_FILE) and chosen is not None:
            state.choose_file(chosen)
            st.rerun()
