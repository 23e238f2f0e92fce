"""What a visit remembers, read and written here only.

Little stands here, for a reload makes a new session: the chosen file also stands in the
address, and everything else is on disk (workspace.py, jobs.py).
"""

import streamlit as st

from dashboard import workspace
from dashboard.keys import Key

_FILE_IN_ADDRESS = "file"


def keep_in_address() -> None:
    """Take the file from the address at the first run of a visit, and keep it there.

    Navigation clears the address at every change of page, so it is written again.
    """
    if Key.FILE not in st.session_state:
        asked = st.query_params.get(_FILE_IN_ADDRESS)
        st.session_state[Key.FILE] = asked if workspace.is_id(asked) else None
    _write_address(st.session_state[Key.FILE])


def current_file() -> workspace.GivenFile | None:
    """The file this visit works on, if it is still there."""
    return workspace.find(st.session_state.get(Key.FILE))


def choose_file(given: workspace.GivenFile | None) -> None:
    """Work on another file, or on none."""
    st.session_state[Key.FILE] = None if given is None else given.id
    _write_address(st.session_state[Key.FILE])


def _write_address(file_id: str | None) -> None:
    if file_id is None:
        if _FILE_IN_ADDRESS in st.query_params:
            del st.query_params[_FILE_IN_ADDRESS]
    elif st.query_params.get(_FILE_IN_ADDRESS) != file_id:
        st.query_params[_FILE_IN_ADDRESS] = file_id


def uploader_key() -> str:
    """The uploader's key of this round; a new one lets Streamlit drop the upload."""
    return f"eg_upload_{st.session_state.get(Key.UPLOAD_ROUND, 0)}"


def empty_uploader() -> None:
    """Let go of an upload that is on disk by now."""
    st.session_state[Key.UPLOAD_ROUND] = st.session_state.get(Key.UPLOAD_ROUND, 0) + 1


def bundle_uploader_key() -> str:
    """The key of the uploader for bundles."""
    return f"eg_bundle_upload_{st.session_state.get(Key.BUNDLE_ROUND, 0)}"


def empty_bundle_uploader() -> None:
    """Let go of an uploaded bundle that is on disk by now."""
    st.session_state[Key.BUNDLE_ROUND] = st.session_state.get(Key.BUNDLE_ROUND, 0) + 1


def choose_bundle(path: str) -> None:
    """Put the picker on a bundle, before the picker is drawn."""
    st.session_state[Key.BUNDLE] = path


def is_dark() -> bool:
    """Whether the visitor sees the dark appearance."""
    return st.context.theme.type == "dark"
