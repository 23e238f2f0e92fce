"""Runs and the registry in the browser: real runs, a promotion, and pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pipeline_office import make_runs

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e

READ_MS = 60_000
NewPage = Callable[[str], "Page"]
Picture = Callable[..., None]


def cut(page: "Page") -> bool:
    """Whether the page is wider than its window."""
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return bool(page.evaluate(width) > 0)


def test_runs_are_read_and_a_version_is_promoted(
    dashboard_url: str, new_page: NewPage, picture: Picture, work_folder: Path
) -> None:
    make_runs(work_folder)
    page = new_page("light")
    page.goto(f"{dashboard_url}/pipeline")
    page.get_by_role("heading", name="Run third").wait_for(timeout=READ_MS)
    page.get_by_text("Gate benign_rows refused.").wait_for()
    page.get_by_role("combobox", name="Show run").click()
    page.get_by_role("option", name="second").click()
    page.get_by_role("heading", name="Run second").wait_for()
    page.get_by_text("Beside champion 1 on the same flows").wait_for()
    assert not cut(page)
    picture(page, "pipeline-light", 1150)

    page.get_by_role("radio", name="Registry").click()
    page.get_by_role("textbox", name="Reason").fill("fewer false alarms")
    page.get_by_role("textbox", name="Author").fill("ann")
    page.get_by_role("button", name="Promote version 2").click()
    page.get_by_text("Version 2 is the champion now.").wait_for(timeout=READ_MS)
    assert not cut(page)
    picture(page, "pipeline-registry-light", 1150)

    page.get_by_role("radio", name="Drift").click()
    page.locator("[data-testid=stVegaLiteChart]").nth(1).wait_for(timeout=READ_MS)
    assert page.locator("[data-testid=stException]").count() == 0

    dark = new_page("dark")
    dark.goto(f"{dashboard_url}/pipeline?pipeline=drift")
    dark.locator("[data-testid=stVegaLiteChart]").nth(1).wait_for(timeout=READ_MS)
    assert not cut(dark)
    picture(dark, "pipeline-drift-dark", 800)
    dark.get_by_role("radio", name="Runs").click()
    dark.get_by_role("heading", name="Run third").wait_for(timeout=READ_MS)
    picture(dark, "pipeline-dark", 1150)
