"""What the tests of the dashboard share: the app's place, waiting, and reading a page."""

import re
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from dashboard import jobs

PROJECT = Path(__file__).resolve().parents[1]
APP = PROJECT / "dashboard" / "app.py"
PATIENCE_S = 60.0


def finish() -> jobs.Status:
    """Wait for the latest job to end."""
    return jobs.wait(jobs.all_jobs()[0], PATIENCE_S)


def said(app: AppTest) -> str:
    """Everything a person reads on the page, as one text."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error")
    parts = [element.value for kind in kinds for element in getattr(app, kind)]
    parts += [f"{metric.label} {metric.value}" for metric in app.metric]
    parts += [expander.label for expander in app.expander]
    parts += [text.value for text in app.text]
    return "\n".join(parts)


def verdict_button(app: AppTest, key: str) -> Any:
    """The button that gives a verdict on the flows that are shown; ``key`` may name a place."""
    return next(b for b in app.button if re.fullmatch(rf"{key}_[0-9a-f]{{8}}", str(b.key)))
