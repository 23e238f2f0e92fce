"""Triage on the demo: decide, undo, exclude, preview a retune, and take a report along."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dashboard_app import PROJECT

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e

NewPage = Callable[[str], "Page"]
Picture = Callable[..., None]
START_MS = 60_000
MOST_BYTES = 2_000_000


def open_review(new_page: NewPage, url: str, scheme: str, part: str = "triage") -> "Page":
    page = new_page(scheme)
    page.set_default_timeout(START_MS)
    page.goto(f"{url}/review?review={part}")
    page.get_by_role("heading", name="Review", exact=True).wait_for()
    return page


def wait_for_text(page: "Page", text: str) -> None:
    page.get_by_text(re.compile(text)).first.wait_for()


def at_rest(page: "Page") -> None:
    """Wait until the page is drawn whole: a key counts once its button is there."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def no_red_box(page: "Page") -> None:
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.locator("[data-testid=stAlertContentError]").count() == 0


def test_a_group_is_decided_undone_excluded_and_previewed(
    dashboard_url: str, new_page: NewPage, picture: Picture
) -> None:
    page = open_review(new_page, dashboard_url, "light")
    wait_for_text(page, "0 of 13 groups decided · 0 of 1,646 alerts")
    page.get_by_label("Your name").fill("ann")
    # Past the group that holds most attacks, whose lowest scores lie below any other's.
    page.get_by_role("button", name="Next").click()
    wait_for_text(page, "all 1,199 alerts in 5 windows")
    page.get_by_role("button", name="Next").click()
    wait_for_text(page, "all 50 alerts in 1 window")
    page.get_by_role("button", name="True positive").click()
    wait_for_text(page, "1 of 13 groups decided · 50 of 1,646 alerts")
    page.get_by_role("button", name="Next").click()
    wait_for_text(page, "all 252 alerts in 2 windows")
    page.get_by_label("Reason (optional)").fill("load test of the web server")
    wait_for_text(page, "Press Enter|all 252 alerts in 2 windows")
    page.get_by_role("button", name="False positive").click()
    wait_for_text(page, "252 flows of 10.20.0.26 · service: false positive")
    wait_for_text(page, "2 of 13 groups decided · 302 of 1,646 alerts")
    wait_for_text(page, "With your 252 false verdicts, θ")
    wait_for_text(page, "Nothing changes until you save a threshold")
    page.get_by_role("heading", name="Review", exact=True).scroll_into_view_if_needed()
    picture(page, "review-triage-light", 1850)
    page.get_by_role("button", name="Undo").click()
    wait_for_text(page, "Undone: 252 flows")
    wait_for_text(page, "1 of 13 groups decided · 50 of 1,646 alerts")
    page.get_by_role("button", name="False positive").click()
    wait_for_text(page, "2 of 13 groups decided")

    page.get_by_text("Exclude alerts like this").click()
    wait_for_text(page, "Would hide 2\\d\\d alerts")
    page.get_by_label("Why it is harmless").fill("load test")
    page.get_by_role("button", name="Exclude", exact=True).click()
    wait_for_text(page, "Excluded until \\d{4}-")
    wait_for_text(page, "Exclusions \\(1 active\\)")
    wait_for_text(page, "2\\d\\d alerts hidden by exclusions")

    page.get_by_role("button", name="Open it in the Studio").click()
    page.get_by_role("heading", name="Threshold", exact=True).wait_for()
    wait_for_text(page, "tried, not saved")
    no_red_box(page)


def test_keys_go_through_the_queue_and_decide(
    dashboard_url: str, new_page: NewPage, picture: Picture
) -> None:
    page = open_review(new_page, dashboard_url, "dark")
    wait_for_text(page, "groups? decided")
    page.get_by_label("Your name").fill("bob")
    page.get_by_role("button", name="Next").click()
    wait_for_text(page, "all 1,199 alerts in 5 windows")
    page.get_by_role("heading", name="Review", exact=True).click()  # out of the text field
    at_rest(page)
    page.keyboard.press("j")
    wait_for_text(page, "all 50 alerts in 1 window")
    at_rest(page)
    page.keyboard.press("3")
    wait_for_text(page, "^50 flows of 10.20.0.7 · service: known benign\\.")
    at_rest(page)
    page.keyboard.press("u")
    wait_for_text(page, "Undone: ")
    picture(page, "review-triage-dark", 1500)
    no_red_box(page)


def test_one_model_says_what_a_comparison_needs(dashboard_url: str, new_page: NewPage) -> None:
    page = open_review(new_page, dashboard_url, "light", "compare")
    wait_for_text(page, "Only one model has scored this file")
    no_red_box(page)


def test_a_second_model_scores_the_file_and_stands_beside_the_first(
    dashboard_url: str, work_folder: Path, new_page: NewPage, picture: Picture
) -> None:
    quick = work_folder / "bundles" / "office-quick"
    subprocess.run(
        [sys.executable, "-m", "edgeguard_core.cli", "train", "sample_data/office_day.csv.gz",
         "--steps", "60", "--seed", "3", "--out", str(quick)],
        cwd=PROJECT, check=True, capture_output=True,
    )  # fmt: skip
    page = open_review(new_page, dashboard_url, "light", "compare")
    page.get_by_role("button", name="Score it").click()
    wait_for_text(page, "13,397 flows that all of them scored, at most 1,806 alerts each")
    page.locator("[data-testid=stVegaLiteChart]").nth(1).wait_for()
    assert page.locator("[data-testid=stVegaLiteChart]").count() == 2
    wait_for_text(page, "No further bundle at hand")
    no_red_box(page)
    picture(page, "review-compare-light", 1350)


def test_the_report_and_its_twin_are_downloaded(
    dashboard_url: str, new_page: NewPage, picture: Picture, tmp_path: Path
) -> None:
    page = open_review(new_page, dashboard_url, "light", "report")
    page.get_by_text("Replace addresses by pseudonyms").click()
    wait_for_text(page, "Keep the key")
    page.get_by_role("button", name="Make the report").click()
    html, twin = tmp_path / "r.html", tmp_path / "r.json"
    for name, target in (("Report (HTML)", html), ("The same as JSON", twin)):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        download.value.save_as(target)
        assert 10_000 < target.stat().st_size < MOST_BYTES
    told = json.loads(twin.read_text())
    assert told["summary"]["alerts"] == 1_806
    assert told["pseudonyms"] is True
    assert "10.20." not in html.read_text() + twin.read_text()
    picture(page, "review-report-light", 900)
    page.goto(html.as_uri())
    page.get_by_role("heading", name="Recall by attack class").wait_for()
    assert page.locator("svg").count() > 5
    assert page.evaluate("document.scripts.length") == 0
    picture(page, "report-page-light", 1400)
