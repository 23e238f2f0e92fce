"""What stands around every page: the title of the window, the navigation, the error boundary."""

from pathlib import Path

import streamlit as st

from dashboard import state, wording
from dashboard.components import boundary, presenter

# Contract with everyone who drives the page: these names, in this order.
PAGES = (
    ("overview", "Overview", ":material/home:"),
    ("data", "Data", ":material/upload_file:"),
    ("train", "Train", ":material/model_training:"),
    ("threshold", "Threshold", ":material/tune:"),
    ("live", "Live", ":material/sensors:"),
    ("review", "Review", ":material/fact_check:"),
    ("pipeline", "Pipeline", ":material/account_tree:"),
)

# A file of ours: a Material icon would be fetched from the network by every visitor.
_ICON = str(Path(__file__).parent / "assets" / "shield.svg")


def view(name: str) -> str:
    """Path of a page's script, as navigation and links want it.

    >>> view("data")
    'views/data.py'
    """
    return f"views/{name}.py"


def draw() -> None:
    """Draw the page the visitor asked for."""
    st.set_page_config(page_title="EdgeGuard", page_icon=_ICON, layout="wide")
    page = st.navigation(
        [
            st.Page(
                view(name),
                title=title,
                icon=icon,
                help=wording.PAGE_HELP[name],
                default=name == "overview",
            )
            for name, title, icon in PAGES
        ],
        position="top",
    )
    with boundary.boundary():
        state.keep_in_address()
        presenter.enlarge()
        page.run()
