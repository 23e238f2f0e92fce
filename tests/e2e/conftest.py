"""A running dashboard and a browser that looks at it."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from dashboard_app import APP, PROJECT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_S = 90.0


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
    with serving(APP, work_folder) as url:
        yield url


@pytest.fixture(scope="module")
def studio_url(work_folder: Path) -> Iterator[str]:
    """Address of a page with the tuner alone, on synthetic evaluations (``?case=small``)."""
    with serving(Path(__file__).with_name("studio_app.py"), work_folder) as url:
        yield url


@contextmanager
def serving(app: Path, work: Path) -> Iterator[str]:
    """A server of an app while it is needed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = work / f"{app.stem}.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(app), f"--server.port={port}"],
            cwd=PROJECT,
            env=os.environ | {"EDGEGUARD_WORK": str(work)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(f"{url}/_stcore/health", server, log)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"The dashboard did not start:\n{log.read_text()}")
            time.sleep(0.2)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Debian's Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("the playwright package is not installed")
    if not CHROMIUM.exists():
        missing(f"{CHROMIUM} is not there: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield browser
        browser.close()


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
        page.on("request", lambda request: note(request.url))
        return page

    yield open_page
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
