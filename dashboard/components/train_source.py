"""What a training learns from: a file given earlier, the sample traffic, or one of the server."""

import streamlit as st

from dashboard import state, training, wording, workspace
from dashboard.components import boundary
from dashboard.keys import TrainKey
from dashboard.wording import train as words
from edgeguard_core.errors import EdgeGuardError

_SAMPLE = "sample"
_SERVER = "server:"


def choose() -> workspace.GivenFile | None:
    """Draw the choice; the file that is chosen, or None where there is none yet."""
    given, titles = state.current_file(), _titles()
    if given is None and not workspace.files():
        _empty()
        if not any(name.startswith(_SERVER) for name in titles):
            return None
    # What is chosen elsewhere shows here, too; drawn anew with this value.
    st.session_state[TrainKey.SOURCE] = None if given is None else given.id
    st.selectbox(
        "Learn from",
        list(titles),
        format_func=lambda name: titles.get(name, name),
        key=TrainKey.SOURCE,
        placeholder=words.CHOOSE,
        on_change=_take_chosen,
    )
    return given


def _titles() -> dict[str, str]:
    """What can be chosen, with its name on the screen; files given earlier first."""
    files = workspace.files()
    titles = {one.id: f"{one.name} ({wording.size(one.size)})" for one in files}
    sample = training.sample()
    if sample is not None and not any(one.path == sample for one in files):
        titles[_SAMPLE] = words.SAMPLE
    folder = workspace.server_folder()
    if folder is not None:
        titles |= {f"{_SERVER}{n}": f"{n} (server)" for n in workspace.server_files(folder).names}
    return titles


def _empty() -> None:
    with st.container(border=True):
        st.markdown(words.EMPTY)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                words.USE_SAMPLE,
                key=TrainKey.USE_SAMPLE,
                type="primary",
                icon=":material/science:",
                on_click=_take,
                args=(_SAMPLE,),
            )
            st.page_link("views/data.py", label=words.TO_DATA, icon=":material/upload_file:")


def _take_chosen() -> None:
    _take(st.session_state[TrainKey.SOURCE])


def _take(name: str | None) -> None:
    try:
        state.choose_file(_given(name))
    except EdgeGuardError as error:
        boundary.say(str(error))


def _given(name: str | None) -> workspace.GivenFile | None:
    if name == _SAMPLE:
        sample = training.sample()
        return None if sample is None else workspace.adopt(sample)
    folder = workspace.server_folder()
    if name is not None and name.startswith(_SERVER) and folder is not None:
        return workspace.adopt(workspace.server_file(folder, name.removeprefix(_SERVER)))
    return workspace.find(name)
