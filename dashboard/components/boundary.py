"""The error boundary: people read EdgeGuard's own sentences, never a traceback."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler

import streamlit as st

from dashboard import wording, workspace
from edgeguard_core.errors import EdgeGuardError

_LOG_BYTES = 1_000_000


def _write_to_log(error: Exception) -> None:
    # A handler of its own each time: errors are rare, and the work folder may move.
    handler = RotatingFileHandler(
        workspace.log_path(), maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("edgeguard.dashboard")
    logger.addHandler(handler)
    try:
        logger.error("unexpected error on a page", exc_info=error)
    finally:
        logger.removeHandler(handler)
        handler.close()


def say(sentence: str) -> None:
    """Show a sentence as an error; names in it may come from a file and stay plain text."""
    st.error(wording.plain(sentence), icon=":material/error:")


def show_error(error: Exception) -> bool:
    """Show what a person can act on; write everything else to the log.

    Returns True, which tells Streamlit that it need not show anything itself.
    """
    if isinstance(error, EdgeGuardError):
        say(str(error))
    else:
        _write_to_log(error)
        say(wording.unexpected(workspace.log_path()))
    return True


@contextmanager
def boundary() -> Iterator[None]:
    """Everything drawn inside fails softly."""
    try:
        yield
    except Exception as error:  # the last line of defence, see show_error
        show_error(error)
