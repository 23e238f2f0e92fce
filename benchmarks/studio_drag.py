"""How long a move of the Studio's threshold takes: a million flows, fifteen classes, Chromium.

usage: python benchmarks/studio_drag.py [--moves 300] [--browser /usr/bin/chromium]

Drags the line across the chart of the page that the browser tests use and prints one JSON object:
milliseconds of the component's own drawing for each move, milliseconds from one frame of the
browser to the next meanwhile, frames on the socket while dragging, bytes sent before the first
drag, and how long Python takes to hear where the line was let go.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "tests" / "e2e" / "studio_app.py"
FRAMES = """() => {
  window.frames_ms = [];
  let last = performance.now();
  const note = now => {
    window.frames_ms.push(now - last);
    last = now;
    window.noting = requestAnimationFrame(note);
  };
  window.noting = requestAnimationFrame(note);
}"""
DRAWN = "performance.getEntriesByName('edgeguard-studio-draw').map(entry => entry.duration)"


def serve() -> tuple[subprocess.Popen[bytes], str]:
    """The page's server, once it answers, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(PAGE), f"--server.port={port}"]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    server = subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return server, url
        except OSError:
            time.sleep(0.2)
    server.terminate()
    raise SystemExit("The page's server did not start.")


def spread(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and largest."""
    ordered = sorted(values)
    return {
        "median": round(statistics.median(ordered), 2),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 2),
        "max": round(ordered[-1], 2),
    }


def measure(page: Any, url: str, moves: int) -> dict[str, Any]:
    """One drag from left to right and what it took."""
    seen: list[int] = []

    def listen(found: Any) -> None:
        for event in ("framesent", "framereceived"):
            found.on(event, lambda frame: seen.append(len(frame)))

    page.on("websocket", listen)
    page.goto(f"{url}/?case=million")
    grip = page.get_by_role("slider", name="Alert threshold")
    grip.wait_for(timeout=120_000)
    page.wait_for_timeout(3_000)
    sent = sum(seen)
    box = grip.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    before = len(seen)
    page.evaluate(FRAMES)
    for step in range(moves):
        page.mouse.move(x - 200 + 400 * step / moves, y)
    page.evaluate("cancelAnimationFrame(window.noting)")
    during = len(seen) - before
    drawn, frames = page.evaluate(DRAWN), page.evaluate("window.frames_ms")
    start = time.perf_counter()
    page.mouse.up()
    page.wait_for_function(
        "document.querySelector('[data-testid=stCode] code').innerText !== ''", timeout=60_000
    )
    return {
        "moves": len(drawn),
        "draw_ms": spread(drawn),
        "frame_ms": spread(frames),
        "socket_frames_while_dragging": during,
        "bytes_before_the_drag": sent,
        "heard_after_ms": round(1000 * (time.perf_counter() - start)),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=300)
    parser.add_argument("--browser", default="/usr/bin/chromium")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    server, url = serve()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=options.browser, args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            print(json.dumps(measure(page, url, options.moves), indent=2))
            browser.close()
    finally:
        server.terminate()
        server.wait(20)


if __name__ == "__main__":
    main()
