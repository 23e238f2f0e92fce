"""A real capture of CIC-IDS2017 goes in by the browser, is learned, and alerts come out."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from dashboard_app import PROJECT

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e

NAMES = ("Overview", "Data", "Train", "Threshold", "Live", "Review", "Pipeline")
READ_MS = 60_000
LEARN_MS = 300_000
NewPage = Callable[[str], "Page"]
Picture = Callable[..., None]


def real_file(name: str) -> Path:
    root = Path(os.environ.get("EDGEGUARD_DATA", PROJECT.parent / "shared" / "data"))
    path = root / "cic-ids2017" / name
    if not path.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{path} is missing")
        pytest.skip(f"{path} is missing; set EDGEGUARD_DATA")
    return path


@pytest.fixture(scope="module")
def capture() -> Path:
    """Tuesday: 32,282 benign flows, and 13,835 that guess FTP and SSH passwords."""
    return real_file("tuesday_sampled.csv.gz")


@pytest.fixture(scope="module")
def broken() -> Path:
    """Thursday morning with its byte order mark, spaces, double column and mangled labels."""
    return real_file("thursday_morning_original_header.csv.gz")


def open_data(page: "Page", url: str) -> None:
    page.goto(url)
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("heading", name="Data", exact=True).wait_for()


def test_the_navigation_has_the_agreed_links(dashboard_url: str, new_page: NewPage) -> None:
    page = new_page("light")
    page.goto(dashboard_url)
    for name in NAMES:
        link = page.get_by_role("link", name=name, exact=True)
        link.wait_for()
        link.click()
        heading = "EdgeGuard" if name == "Overview" else name
        page.get_by_role("heading", name=heading, exact=True).wait_for()
        assert page.locator("[data-testid=stException]").count() == 0


def test_a_broken_header_is_understood(
    dashboard_url: str, new_page: NewPage, picture: Picture, broken: Path
) -> None:
    page = new_page("light")
    open_data(page, dashboard_url)
    page.locator("input[type=file]").first.set_input_files(broken)
    page.get_by_role("heading", name="Learn or score").wait_for(timeout=READ_MS)
    page.get_by_text("10,180", exact=True).nth(1).wait_for()  # rows, and all of them accepted
    page.get_by_text("Column 'Fwd Header Length' stands twice").wait_for()
    page.get_by_text("12 things are odd in this file").click()
    page.get_by_text("the exporter divided by a duration of 0").first.wait_for()
    picture(page, "data-understood-light", 1560)


def test_a_real_capture_is_learned_and_alerts_are_seen(
    dashboard_url: str, new_page: NewPage, picture: Picture, capture: Path, tmp_path: Path
) -> None:
    page = new_page("light")
    open_data(page, dashboard_url)
    page.locator("input[type=file]").first.set_input_files(capture)
    page.get_by_role("heading", name="Learn or score").wait_for(timeout=READ_MS)
    page.get_by_text("46,117", exact=True).first.wait_for()

    page.get_by_role("button", name="Learn this file's normal").click()
    page.get_by_role("button", name="Cancel").wait_for(timeout=READ_MS)
    page.reload()  # a new session finds the job again
    page.get_by_role("button", name="Cancel").wait_for(timeout=READ_MS)
    page.get_by_text(re.compile(r"^Learning: step")).wait_for(timeout=LEARN_MS)
    picture(page, "data-learning-light", 1080)
    page.get_by_role("heading", name="Results").wait_for(timeout=LEARN_MS)

    verdict = page.get_by_text(re.compile(r"alerts? among 46,117 flows")).inner_text()
    alerts = int(re.match(r"([\d,]+) alerts", verdict).group(1).replace(",", ""))
    caught = float(re.search(r"Caught: ([\d.]+) %", verdict).group(1))
    assert alerts > 1000
    assert caught > 30
    assert "of the benign flows" in verdict
    page.locator("[data-testid=stVegaLiteChart]").first.wait_for()
    picture(page, "data-results-light", 1240)

    with page.expect_download() as parquet:
        page.get_by_role("button", name="All scored flows (Parquet)").click()
    parquet.value.save_as(tmp_path / "scored.parquet")
    scored = pq.read_table(tmp_path / "scored.parquet")
    assert scored.num_rows == 46_117
    assert sum(scored["is_alert"].to_pylist()) == alerts
    with page.expect_download() as threshold:
        page.get_by_role("button", name="Threshold (JSON)").click()
    threshold.value.save_as(tmp_path / "threshold.json")
    assert json.loads((tmp_path / "threshold.json").read_text())["value"] > 0
    assert page.locator("[data-testid=stException]").count() == 0


def test_a_flow_that_is_selected_is_explained(
    dashboard_url: str, new_page: NewPage, picture: Picture, capture: Path
) -> None:
    page = new_page("dark")
    page.goto(dashboard_url)
    page.get_by_text("Latest result", exact=True).wait_for()
    page.get_by_role("button", name="Open it").click()
    page.get_by_role("heading", name="Results").wait_for(timeout=READ_MS)
    picture(page, "data-results-dark", 1240)
    table = page.locator("[data-testid=stDataFrame]").last
    table.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)
    # Rows are painted on a canvas: the box of the first row is 20 px in and one row down.
    table.click(position={"x": 20, "y": 52})
    page.get_by_text(re.compile(r"^Why line ")).wait_for(timeout=READ_MS)
    page.get_by_text("The model expected").first.wait_for(timeout=READ_MS, state="attached")
    page.get_by_role("button", name="Threshold (JSON)").scroll_into_view_if_needed()
    picture(page, "data-why-dark", 1240)
    assert page.locator("[data-testid=stException]").count() == 0
