"""The sample traffic is trained for real in the browser, found again, and cancelled."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e

READ_MS = 90_000
TRAIN_MS = 300_000
NewPage = Callable[[str], "Page"]
Picture = Callable[..., None]


def open_form(page: "Page", url: str) -> None:
    """The Train page with the sample traffic chosen and understood."""
    page.goto(url)
    page.get_by_role("link", name="Train", exact=True).click()
    page.get_by_role("heading", name="Train", exact=True).wait_for()
    sample = page.get_by_role("button", name="Use the sample traffic")
    files = page.get_by_role("combobox", name="Learn from")
    sample.or_(files).first.wait_for(timeout=READ_MS)
    if sample.count():
        sample.click()
    else:
        files.click()
        page.get_by_role("option", name=re.compile("^office_day")).click()
    page.get_by_role("button", name="Start training").wait_for(timeout=READ_MS)
    page.get_by_text("9,064 benign").wait_for()


def train(page: "Page", size: str, epochs: int) -> None:
    page.get_by_role("radio", name=size).click()
    page.get_by_role("radio", name="Epochs").click()
    number = page.get_by_role("spinbutton", name="Epochs")
    number.fill(str(epochs))
    number.press("Enter")
    page.get_by_text(re.compile(r"^About [\d,]+ steps of 256 flows")).wait_for()
    page.get_by_role("button", name="Start training").click()
    page.get_by_role("button", name="Cancel").wait_for(timeout=READ_MS)


def bundles(work_folder: Path) -> list[str]:
    return sorted(path.name for path in (work_folder / "bundles").iterdir())


def test_the_sample_is_trained_to_the_end_and_found_again_on_the_way(
    dashboard_url: str, new_page: NewPage, picture: Picture, work_folder: Path
) -> None:
    page = new_page("light")
    open_form(page, dashboard_url)
    picture(page, "train-form-light", 900)
    train(page, "Small", 20)
    page.goto(f"{dashboard_url}/train")  # a new session, and an address that names no training
    page.get_by_role("button", name="Cancel").wait_for(timeout=READ_MS)
    page.get_by_text(re.compile(r"^Train office_day on office_day")).wait_for()
    page.get_by_role("button", name="Open in the Studio").wait_for(timeout=TRAIN_MS)

    assert bundles(work_folder) == ["office_day"]
    manifest = json.loads((work_folder / "bundles/office_day/manifest.json").read_text())
    assert manifest["training"]["config"]["hidden"] == [32, 16]
    assert manifest["training"]["epochs"] >= 20
    page.get_by_role("heading", name="Variants beside the reference").wait_for()
    page.get_by_text(re.compile(r"among 9,064 flows")).wait_for()
    page.locator("[data-testid=stVegaLiteChart]").nth(1).wait_for()
    page.get_by_role("button", name="Cancel").wait_for(state="detached")
    assert page.locator("[data-testid=stException]").count() == 0
    picture(page, "train-done-light", 1320)

    # The address opens the same outcome, without a timer: nothing is sent any more.
    page.reload()
    page.get_by_role("button", name="Open in the Studio").wait_for(timeout=READ_MS)
    page.get_by_role("button", name="Open in the Studio").click()
    page.get_by_role("heading", name="Threshold", exact=True).wait_for()
    assert "evaluation=" in page.url


def test_a_cancelled_training_leaves_no_bundle(
    dashboard_url: str, new_page: NewPage, picture: Picture, work_folder: Path
) -> None:
    page = new_page("dark")
    received: list[int] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))),
    )
    open_form(page, dashboard_url)
    before = bundles(work_folder)
    train(page, "Small", 5_000)
    step = page.locator("[data-testid=stMetricValue]", has_text=re.compile(r"\d of \d"))
    step.wait_for(timeout=TRAIN_MS)
    page.locator("[data-testid=stVegaLiteChart]").first.wait_for(timeout=READ_MS)
    received.clear()
    page.get_by_text(step.inner_text(), exact=True).wait_for(state="detached", timeout=READ_MS)
    assert 0 < max(received) < 6_000  # of any message, the curve included
    picture(page, "train-running-dark", 900)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled; nothing was left behind.").wait_for(timeout=READ_MS)
    assert page.get_by_role("button", name="Start training").is_enabled()
    assert bundles(work_folder) == before
    assert page.locator("[data-testid=stException]").count() == 0
