"""A running dashboard and a browser that looks at it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


running: list[serving.Server] = []
opened: list["Page"] = []
given_up: list[str] = []  # what a browser could not fetch, and why


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Beside what a failed test said: what its pages show, and what their servers do."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        report.sections.append(("fetches that failed", "\n".join(given_up)))
        for page in opened:
            report.sections.append((f"page at {page.url}", page.locator("body").inner_text()))
        for server in running:
            report.sections.append((f"dashboard at {server.url}", server.account()))


@contextmanager
def _noted(*started: Any) -> Iterator[serving.Server]:
    with serving.dashboard(*started) as server:
        running.append(server)
        yield server
        running.remove(server)


def missing(what: str) -> None:
    """Skip for a user who lacks something; fail where all must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="module")
def work_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dashboard's work folder."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def dashboard_url(work_folder: Path) -> Iterator[str]:
    """Address of a dashboard that was started for these tests, and is stopped by its number."""
    with _noted(work_folder) as server:
        yield server.url


@pytest.fixture(scope="module")
def studio_url(work_folder: Path) -> Iterator[str]:
    """Address of a page with the tuner alone, on synthetic evaluations (``?case=small``)."""
    with _noted(work_folder, Path(__file__).with_name("studio_app.py")) as server:
        yield server.url


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """The Chromium of this machine."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        missing("the playwright package is not installed")
    if serving.browser_path() is None:
        missing("no Chromium is there: apt-get install chromium")
    with serving.chromium() as browser:
        yield browser


@pytest.fixture
def new_page(browser: "Browser") -> Iterator[Callable[..., "Page"]]:
    """Opens a page in light or dark; notes requests that leave this machine."""
    contexts = []
    outside: list[str] = []

    def note(url: str) -> None:
        if url.startswith(("http", "ws")) and "//127.0.0.1:" not in url:
            outside.append(url)

    def open_page(scheme: str, **options: Any) -> "Page":
        context = browser.new_context(
            **{
                "viewport": {"width": 1280, "height": 900},
                "color_scheme": scheme,
                "accept_downloads": True,
                **options,
            }
        )
        contexts.append(context)
        page = context.new_page()
        opened.append(page)
        page.on("request", lambda request: note(request.url))
        page.on("requestfailed", lambda asked: given_up.append(f"{asked.failure} {asked.url}"))
        return page

    yield open_page
    opened.clear()
    given_up.clear()
    for context in contexts:
        context.close()
    assert outside == [], "the page asked for something outside this machine"


@pytest.fixture
def picture() -> Callable[..., None]:
    """Takes a screenshot into the folder EDGEGUARD_SCREENSHOTS, if there is one."""
    folder = os.environ.get("EDGEGUARD_SCREENSHOTS")

    def take(page: "Page", name: str, height: int = 900) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            # Charts are drawn after the words stand; a picture of half a page helps nobody.
            page.set_viewport_size({"width": 1280, "height": height})
            page.wait_for_timeout(2500)
            page.screenshot(path=str(Path(folder) / f"{name}.png"))

    return take
