"""A running dashboard with a work folder of its own, and a Chromium that looks at it.

The browser tests use it, too.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROJECT = Path(__file__).resolve().parents[1]
APP = PROJECT / "dashboard" / "app.py"
START_S = 90.0
# Streamlit's own start, and a way to be asked where every thread stands.
_START = """
import faulthandler, signal, sys
faulthandler.register(signal.SIGUSR1, all_threads=True)
from streamlit.web.cli import main
main(["run", *sys.argv[1:]])
"""
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Server:
    """A dashboard that answers."""

    url: str
    pid: int
    work: Path
    log: Path

    def account(self) -> str:
        """Where every thread of it stands just now, below the end of what it has logged."""
        os.kill(self.pid, signal.SIGUSR1)
        time.sleep(0.5)
        return self.log.read_text()[-20_000:]


@contextmanager
def dashboard(work: Path, app: Path = APP) -> Iterator[Server]:
    """A dashboard, or another app, that keeps everything in ``work``, ended by its number."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    work.mkdir(parents=True, exist_ok=True)
    log = work / f"{app.stem}.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-c", _START, str(app), f"--server.port={port}"],
            cwd=PROJECT,
            env=os.environ | {"EDGEGUARD_WORK": str(work)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(url, server, log)
        yield Server(url, server.pid, work, log)
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
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"The dashboard did not start:\n{log.read_text()}") from None
            time.sleep(0.2)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine, without a window."""
    from playwright.sync_api import sync_playwright

    path = browser_path()
    if path is None:
        raise SystemExit(f"None of {', '.join(_BROWSERS)} is installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield browser
        browser.close()


def browser_path() -> str | None:
    """Where a Chromium of this machine is; None where there is none."""
    return next((found for name in _BROWSERS if (found := shutil.which(name))), None)
