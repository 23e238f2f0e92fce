"""The Live page: the demo, an attack that is found, a pause without a frame, a verdict."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import serving

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, WebSocket

pytestmark = pytest.mark.e2e

NewPage = Callable[..., "Page"]
START_MS = 60_000
QUIET_MS = 3_000  # three looks, were there any


@pytest.fixture
def live_url(tmp_path: Path) -> Iterator[str]:
    """A dashboard of its own, for its demo goes on after the browser is closed."""
    with serving.dashboard(tmp_path / "work") as server:
        yield server.url


def frames_of(page: "Page") -> list[int]:
    """The sizes of all frames of the websocket from now on, either way."""
    sizes: list[int] = []

    def listen(socket: "WebSocket") -> None:
        socket.on("framereceived", lambda data: sizes.append(len(data)))
        socket.on("framesent", lambda data: sizes.append(len(data)))

    page.on("websocket", listen)
    return sizes


def wait_for(page: "Page", pattern: str) -> None:
    page.get_by_text(re.compile(pattern)).first.wait_for()


def at_rest(page: "Page") -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def tick_the_first_row(page: "Page", table: "Locator") -> None:
    """A click that falls between two drawings of a table that grows is lost: then once more."""
    from playwright.sync_api import TimeoutError as NotYet

    told = page.get_by_text("Why this flow is odd").first
    for _ in range(6):
        table.click(position={"x": 15, "y": 55})
        try:
            told.wait_for(timeout=START_MS / 6)
        except NotYet:
            continue
        return
    told.wait_for()


def test_an_attack_on_the_demo_is_found_paused_explained_and_judged(
    live_url: str, new_page: NewPage, picture: Callable[..., None]
) -> None:
    page = new_page("light", viewport={"width": 1280, "height": 1400})
    page.set_default_timeout(START_MS)
    frames = frames_of(page)
    page.goto(f"{live_url}/live")
    page.get_by_role("button", name="Start the demo").click()
    wait_for(page, "Flows/s")
    wait_for(page, "running")

    page.get_by_role("button", name="Password guessing").click()
    wait_for(page, r"sent \d\d:\d\d:\d\d … first alert after")
    page.locator(".st-key-eg_live_table canvas").first.wait_for()

    page.keyboard.press("Space")
    wait_for(page, "Paused at")
    at_rest(page)
    page.wait_for_timeout(500)
    frames.clear()
    page.wait_for_timeout(QUIET_MS)
    assert frames == []
    page.get_by_role("button", name="Resume").click()
    wait_for(page, "new since the pause|Nothing new since the pause")
    page.get_by_role("button", name="Pause").wait_for()
    page.wait_for_timeout(QUIET_MS)
    assert len(frames) > 3

    # The box before the first row; the page behind it goes on and draws it anew.
    table = page.locator(".st-key-eg_live_table")
    table.scroll_into_view_if_needed()
    tick_the_first_row(page, table)
    wait_for(page, "Find it elsewhere")
    wait_for(page, r"ip\.addr ==")
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("button", name="True positive").and_(
        page.locator("button:not([disabled])")
    ).wait_for()
    page.get_by_role("heading", name="Live", exact=True).click()  # out of the field
    page.keyboard.press("1")
    wait_for(page, "1 flow of .*: true positive")
    picture(page, "live-light", 1900)
    page.emulate_media(color_scheme="dark")
    at_rest(page)
    page.keyboard.press("u")
    wait_for(page, "Undone: 1 flow of ")
    picture(page, "live-dark", 1900)
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.locator("[data-testid=stAlertContentError]").count() == 0
    page.get_by_role("button", name="Stop the demo").click()
    wait_for(page, "The demo has ended")
