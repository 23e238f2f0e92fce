"""How quick the dashboard's pages are: first paint, a rerun, and what goes over the wire.

Starts a real server, lets Chromium score the demo's traffic there, and visits each page with
that result open, twice over: in Chromium, from the request until the heading stands and until
nothing is loading any more; and as a client of the websocket alone, which counts the bytes of a
first run and times reruns from the request to the end of the script. On a shared machine that
time is mostly waiting, so the processor time that the server took for a rerun stands beside it,
and is what is judged. Prints a table on stderr and one JSON object on stdout; exits 1 where a
page misses a target.

    python benchmarks/dashboard_speed.py [--out FILE.json] [--reruns 20]
"""

from __future__ import annotations

import argparse
import http.cookiejar
import json
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from websockets.sync.client import ClientConnection

PAGES = ("Overview", "Data", "Train", "Threshold", "Live", "Review", "Pipeline")
MOST_PAINT_S = 4.0
MOST_RERUN_MS = 150.0
MOST_PAYLOAD_KB = 300.0
WAIT_S = 60.0


@dataclass(frozen=True)
class Page:
    """The figures of one page."""

    name: str
    first_paint_s: float  # a fresh browser, until the heading stands
    settled_s: float  # … until no part of the page is loading
    payload_kb: float  # of the websocket, up to the end of the first run
    rerun_cpu_ms: float  # processor time of the server, the mean
    rerun_ms: float  # from the request to the end of the script, the median
    rerun_best_ms: float
    rerun_kb: float

    @property
    def misses(self) -> list[str]:
        """The targets that are missed."""
        limits = (
            ("first paint", self.first_paint_s, MOST_PAINT_S),
            ("rerun", self.rerun_cpu_ms, MOST_RERUN_MS),
            ("payload", self.payload_kb, MOST_PAYLOAD_KB),
        )
        return [f"{self.name}: {what} {value:g}" for what, value, most in limits if value >= most]


class Visit:
    """A visitor without a browser: speaks the websocket of the server."""

    def __init__(self, url: str, query: str) -> None:
        from websockets.sync.client import connect
        from websockets.typing import Origin, Subprotocol

        # The page sets the cookie against forged requests; the socket asks for it.
        jar = http.cookiejar.CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        opener.open(f"{url}/_stcore/health", timeout=WAIT_S).close()
        cookies = "; ".join(f"{one.name}={one.value}" for one in jar)
        self.held = ExitStack()
        self.socket: ClientConnection = self.held.enter_context(
            connect(
                url.replace("http", "ws") + "/_stcore/stream",
                subprotocols=[Subprotocol("streamlit")],
                origin=Origin(url),
                additional_headers={"Cookie": cookies},
                max_size=None,
            )
        )
        self.query = query
        self.page_hash = ""
        self.hashes: dict[str, str] = {}

    def run(self, name: str | None = None) -> tuple[float, int]:
        """Milliseconds and bytes of a run of a page, or of the same page once more."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        message = BackMsg()
        if name is not None:
            self.page_hash = self.hashes.get(name, "")
        message.rerun_script.page_script_hash = self.page_hash
        message.rerun_script.query_string = self.query
        started, received = time.perf_counter(), 0
        self.socket.send(message.SerializeToString())
        while True:
            raw = self.socket.recv(timeout=WAIT_S)
            received += len(raw)
            told = ForwardMsg.FromString(raw if isinstance(raw, bytes) else raw.encode())
            kind = told.WhichOneof("type")
            if kind == "navigation":
                self.hashes = {
                    page.page_name or page.url_pathname: page.page_script_hash
                    for page in told.navigation.app_pages
                }
                self.page_hash = told.navigation.page_script_hash
            if kind == "script_finished" and (
                told.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
            ):
                return 1000 * (time.perf_counter() - started), received

    def close(self) -> None:
        """Leave."""
        self.held.close()


def scored_demo(browser: Browser, url: str) -> str:
    """Let the server score its sample traffic; the query that opens the result."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(url)
    page.locator(".st-key-eg_try_demo button").first.click(timeout=WAIT_S * 1000)
    page.get_by_role("heading", name="The worst flows").wait_for(timeout=3 * WAIT_S * 1000)
    query = urlsplit(page.url).query
    page.close()
    return query


def processor_ms(pid: int) -> float:
    """Processor time that a process and its threads have taken."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return 1000 * (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def paint(browser: Browser, url: str, name: str, query: str = "") -> tuple[float, float]:
    """Seconds of a first visit until the heading stands, and until all is drawn."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    place = "" if name == "Overview" else f"/{name.lower()}"
    started = time.perf_counter()
    page.goto(f"{url}{place}?{query}", wait_until="commit")
    heading = "EdgeGuard" if name == "Overview" else name
    page.get_by_role("heading", name=heading, exact=True).wait_for(timeout=WAIT_S * 1000)
    first = time.perf_counter() - started
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(
        timeout=WAIT_S * 1000
    )
    page.locator("[data-testid=stSkeleton]").first.wait_for(state="detached", timeout=WAIT_S * 1000)
    settled = time.perf_counter() - started
    context.close()
    return first, settled


def measure(server: serving.Server, browser: Browser, name: str, query: str, reruns: int) -> Page:
    """One page: the best of three first visits, and many reruns of one."""
    paints = [paint(browser, server.url, name, query) for _ in range(3)]
    with closing(Visit(server.url, query)) as visit:
        _, first = visit.run()
        if name != "Overview":
            _, first = visit.run(name)
        visit.run()
        before = processor_ms(server.pid)
        times, sizes = zip(*(visit.run() for _ in range(reruns)), strict=True)
        taken = processor_ms(server.pid) - before
    return Page(
        name=name,
        first_paint_s=round(min(seconds for seconds, _ in paints), 2),
        settled_s=round(min(seconds for _, seconds in paints), 2),
        payload_kb=round(first / 1000, 1),
        rerun_cpu_ms=round(taken / reruns, 1),
        rerun_ms=round(statistics.median(times), 1),
        rerun_best_ms=round(min(times), 1),
        rerun_kb=round(statistics.median(sizes) / 1000, 1),
    )


def table(pages: list[Page]) -> str:
    """The figures for people."""
    titles = ("first paint", "all drawn", "payload", "rerun CPU", "rerun", "at best")
    lines = ["page      " + "".join(f"{title:>13}" for title in titles)]
    for page in pages:
        figures = (
            f"{page.first_paint_s:.2f} s",
            f"{page.settled_s:.2f} s",
            f"{page.payload_kb:.1f} kB",
            f"{page.rerun_cpu_ms:.0f} ms",
            f"{page.rerun_ms:.0f} ms",
            f"{page.rerun_best_ms:.0f} ms",
        )
        lines.append(f"{page.name:10}" + "".join(f"{figure:>13}" for figure in figures))
    return "\n".join(lines)


def main() -> None:
    """Parse, measure, print, judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="write the JSON object here too")
    parser.add_argument("--reruns", type=int, default=20)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="edgeguard-bench-") as folder,
        serving.dashboard(Path(folder)) as server,
        serving.chromium() as browser,
    ):
        query = scored_demo(browser, server.url)
        pages = [measure(server, browser, name, query, options.reruns) for name in PAGES]
    print(table(pages), file=sys.stderr)
    misses = [miss for page in pages for miss in page.misses]
    found = json.dumps({"pages": [asdict(page) for page in pages], "misses": misses}, indent=2)
    print(found)
    if options.out is not None:
        options.out.write_text(found + "\n", encoding="utf-8")
    if misses:
        raise SystemExit("; ".join(misses))


if __name__ == "__main__":
    main()
