"""What a visit remembers, read and written here only.

Little stands here, for a reload makes a new session: the chosen file, the evaluation and the
threshold also stand in the address, and everything else is on disk (workspace.py, jobs.py).
"""

import math
from collections.abc import Mapping

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.typing import UploadedFile

from dashboard import evaluations, jobs, workspace
from dashboard.keys import ContextKey, ErrorsKey, Key, LiveKey, TrainKey
from dashboard.wording import errors as words
from edgeguard_core.thresholds import Threshold
from edgeguard_core.thresholds.choose import fixed

# What stands in the address, and the session key of each.
_IN_ADDRESS = {
    "file": Key.FILE,
    "evaluation": ContextKey.EVALUATION,
    "t": ContextKey.THRESHOLD,
    "present": ContextKey.PRESENT,
    "training": TrainKey.SHOWN,
    "view": ErrorsKey.VIEW,
    "part": ErrorsKey.PART,
    "flow": ErrorsKey.FLOW,
    "store": LiveKey.STORE,
    "sensors": LiveKey.SENSORS,
    "severity": LiveKey.SEVERITY,
    "host": LiveKey.HOST,
}
_LONGEST_NAME = 500  # of a store, a host, or all sensors that were chosen


def keep_in_address() -> None:
    """Take the state from the address at the first run of a visit, and keep it there.

    Navigation clears the address at every change of page, so it is written again.
    """
    if Key.FILE not in st.session_state:
        asked = st.query_params
        file, evaluation = asked.get("file"), asked.get("evaluation")
        st.session_state[Key.FILE] = file if workspace.is_id(file) else None
        known = evaluation == evaluations.DEMO or workspace.is_id(evaluation)
        st.session_state[ContextKey.EVALUATION] = evaluation if known else None
        st.session_state[ContextKey.THRESHOLD] = _number(asked.get("t"))
        training = asked.get("training")
        st.session_state[TrainKey.SHOWN] = training if workspace.is_id(training) else None
        st.session_state[ContextKey.PRESENT] = 1 if asked.get("present") == "1" else None
        _take_errors_view(asked.get("view"), asked.get("part"), asked.get("flow"))
        _take_live_view(asked)
    _write_address()


def current_file() -> workspace.GivenFile | None:
    """The file this visit works on, if it is still there."""
    return workspace.find(st.session_state.get(Key.FILE))


def file_is_gone() -> bool:
    """Whether this visit was opened with a file that is not there any more."""
    return st.session_state.get(Key.FILE) is not None and current_file() is None


def choose_file(given: workspace.GivenFile | None) -> None:
    """Work on another file, or on none."""
    st.session_state[Key.FILE] = None if given is None else given.id
    _write_address()


def evaluation() -> evaluations.Reference | None:
    """The evaluation this visit looks at: the one that was opened here, else the demo.

    None only where nothing was scored and the demo is not there either.
    """
    chosen = evaluations.find(st.session_state.get(ContextKey.EVALUATION))
    return chosen or evaluations.find(evaluations.DEMO) or next(iter(evaluations.listed()), None)


def open_evaluation(reference: evaluations.Reference) -> None:
    """Look at another evaluation, at the threshold that is in force there."""
    if st.session_state.get(ContextKey.EVALUATION) != reference.id:
        st.session_state[ContextKey.EVALUATION] = reference.id
        st.session_state[ContextKey.THRESHOLD] = None
        st.session_state[ErrorsKey.FLOW] = None
        # The picker shows what is open; it is drawn anew with this value.
        st.session_state.pop(ContextKey.PICK, None)
        _write_address()


def threshold(in_force: Threshold) -> Threshold:
    """The threshold this visit looks through: the one it moved to, else the one in force."""
    tried = st.session_state.get(ContextKey.THRESHOLD)
    if tried is None or fixed(tried).value == in_force.value:
        return in_force
    return fixed(tried, "tried in the dashboard")


def threshold_of(reference: evaluations.Reference, in_force: Threshold) -> Threshold:
    """The threshold of an evaluation that need not be the one this visit looks at.

    One that was tried is meant for the evaluation it was tried on.
    """
    if st.session_state.get(ContextKey.EVALUATION) == reference.id:
        return threshold(in_force)
    return in_force


def try_threshold(value: float | None) -> None:
    """Look through another threshold, on all pages; None goes back to the one in force."""
    st.session_state[ContextKey.THRESHOLD] = value
    _write_address()


def shown_training() -> jobs.Job | None:
    """The training whose outcome this visit looks at, if it is still there."""
    return jobs.find(st.session_state.get(TrainKey.SHOWN))


def show_training(job: jobs.Job | None) -> None:
    """Look at a training, or at none."""
    st.session_state[TrainKey.SHOWN] = None if job is None else job.id
    _write_address()


def flow() -> int | None:
    """The line of the flow whose own page is open, if one is."""
    return st.session_state.get(ErrorsKey.FLOW)


def open_flow(row: int | None) -> None:
    """Open a flow's own page in the Errors view of the Threshold page; None closes it."""
    st.session_state[ErrorsKey.FLOW] = row
    if row is not None and st.session_state.get(ErrorsKey.VIEW) != words.ERRORS:
        st.session_state[ErrorsKey.VIEW] = words.ERRORS
    _write_address()


def _take_errors_view(view: str | None, part: str | None, row: str | None) -> None:
    """What the address says of the Errors view; anything else than its own words is dropped."""
    line = _number(row)
    st.session_state[ErrorsKey.FLOW] = int(line) if line and line.is_integer() else None
    if view in words.VIEWS:
        st.session_state[ErrorsKey.VIEW] = view
    if part in words.PARTS:
        st.session_state[ErrorsKey.PART] = part


def _take_live_view(asked: Mapping[str, str]) -> None:
    """What the address says of the Live page: names, which open nothing by themselves."""
    for name, key in (
        ("store", LiveKey.STORE),
        ("sensors", LiveKey.SENSORS),
        ("host", LiveKey.HOST),
    ):
        text = asked.get(name, "")
        fits = 0 < len(text) <= _LONGEST_NAME and text.isprintable()
        st.session_state[key] = text if fits else None
    severity = _number(asked.get("severity"))
    st.session_state[LiveKey.SEVERITY] = int(severity) if severity in (50, 75, 100) else None


def look_live(**chosen: str | int | None) -> None:
    """Look at another store on the Live page, or at other parts of it.

    Parameters
    ----------
    chosen
        ``store``, ``sensors`` (names with commas between), ``severity`` or ``host``; None is all.
    """
    for name, value in chosen.items():
        st.session_state[_IN_ADDRESS[name]] = value
    _write_address()


def is_presenting() -> bool:
    """Whether the page is shown to an audience: large, and without what they need not see."""
    return st.session_state.get(ContextKey.PRESENT) == 1


def present(on: bool) -> None:
    """Start or end showing the page to an audience."""
    st.session_state[ContextKey.PRESENT] = 1 if on else None
    _write_address()


def link() -> str:
    """The part of the address that opens the same view elsewhere."""
    said = "&".join(f"{name}={text}" for name, text in _address().items())
    return f"?{said}" if said else ""


def _address() -> Mapping[str, str]:
    kept = {name: st.session_state.get(key) for name, key in _IN_ADDRESS.items()}
    return {name: str(value) for name, value in kept.items() if value not in (None, "")}


def _write_address() -> None:
    wanted = _address()
    for name in _IN_ADDRESS:
        if name in wanted and st.query_params.get(name) != wanted[name]:
            st.query_params[name] = wanted[name]
        elif name not in wanted and name in st.query_params:
            del st.query_params[name]


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value < 1e30 else None


def uploader_key() -> str:
    """The uploader's key of this round; a new one lets Streamlit drop the upload."""
    return f"eg_upload_{st.session_state.get(Key.UPLOAD_ROUND, 0)}"


def empty_uploader(upload: UploadedFile) -> None:
    """Let go of an upload that is on disk by now."""
    st.session_state[Key.UPLOAD_ROUND] = st.session_state.get(Key.UPLOAD_ROUND, 0) + 1
    _drop(upload)


def _drop(upload: UploadedFile) -> None:
    """Give the memory of an upload back; Streamlit itself keeps it as long as the session."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None:
        context.uploaded_file_mgr.remove_file(context.session_id, upload.file_id)


def bundle_uploader_key() -> str:
    """The key of the uploader for bundles."""
    return f"eg_bundle_upload_{st.session_state.get(Key.BUNDLE_ROUND, 0)}"


def empty_bundle_uploader(upload: UploadedFile) -> None:
    """Let go of an uploaded bundle that is on disk by now."""
    st.session_state[Key.BUNDLE_ROUND] = st.session_state.get(Key.BUNDLE_ROUND, 0) + 1
    _drop(upload)


def choose_bundle(path: str) -> None:
    """Put the picker on a bundle, before the picker is drawn."""
    st.session_state[Key.BUNDLE] = path


def is_dark() -> bool:
    """Whether the visitor sees the dark appearance."""
    return st.context.theme.type == "dark"
