"""What the Live page costs while it runs, over a store of 200,000 alerts that grows.

Fills a store (alerts, incidents, three sensors with a heartbeat a second), goes on writing to it,
and lets Chromium look at the page of a real server: bytes and frames of the websocket and
processor time of the server a second, while it runs and while it is paused; and how long the
tail and the lanes take to be read. Prints one JSON object; exits 1 where a target is missed.

    python benchmarks/live_page.py [--alerts 200000] [--seconds 20] [--out FILE.json]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import serving
from dashboard_speed import processor_ms

if TYPE_CHECKING:
    from playwright.sync_api import Page, WebSocket

SENSORS = ("gate", "yard", "clinic")
MOST_TICK_MS = 30.0  # of the server's processor
MOST_TICK_KB = 15.0
# Parts that are drawn anew, in a second: the head each second, the table each two, three others
# each five.
TICKS_A_SECOND = 1 + 1 / 2 + 2 / 5
_SETTLE_S = 10.0
_CHUNK = 5_000
_HEARTBEATS = 3_600
_WAIT_MS = 60_000


def alert(number: int, at_ms: float) -> dict[str, Any]:
    """A row of ``alerts`` whose body is as large as a real one."""
    features = [
        {"name": f"feature_{n}_of_some_length", "actual": 1234.5 + number, "share": 0.1,
         "reconstructed": 99.5, "usual_low": 1.0, "usual_high": 50.0, "unit": "B"}
        for n in range(8)
    ]  # fmt: skip
    score, severity = 3.0 + number % 40, number * 37 % 101
    body = {
        "message": "feature_0_of_some_length was 1.2 kB, usually 1 to 50 B (10 % of the score).",
        "event": {"id": f"{number:024x}"},
        "edgeguard": {"score": score, "severity": severity, "features": features},
    }
    return {
        "id": f"{number:024x}", "sensor": SENSORS[number % len(SENSORS)], "time_ms": at_ms,
        "received_ms": at_ms + 200.0 + number / 1e6, "incident_id": f"{number // 20:024x}",
        "host": f"10.0.{number % 4}.{number % 40}", "cause": "rate",
        "src_ip": f"10.0.{number % 4}.{number % 40}", "src_port": 50_000, "dst_ip": "192.0.2.9",
        "dst_port": 443, "protocol": 6, "score": score, "p_value": 0.001, "severity": severity,
        "body": json.dumps(body),
    }  # fmt: skip


def incident(number: int, at_ms: float) -> dict[str, Any]:
    """A row of ``incidents``."""
    return {
        "id": f"{number:024x}", "sensor": SENSORS[number % len(SENSORS)], "window_ms": at_ms,
        "host": f"10.0.{number % 4}.{number % 40}", "cause": "rate", "score": 5.0,
        "severity": number % 101, "flows": 20, "alerts": 20, "first_ms": at_ms, "last_ms": at_ms,
        "revision": 1, "body": "{}",
    }  # fmt: skip


def heartbeat(sensor: str, at_ms: float) -> dict[str, Any]:
    """A row of ``heartbeats``."""
    score = random.Random(at_ms).expovariate(1.0)
    told = {
        "flows": 9, "alerts": 3, "dropped": 0, "flows_per_s": 30.0, "lag_s": 0.05, "incidents": 1,
        "threshold": {"value": 2.5, "method": "conformal", "origin": "bundle", "promised": 0.01},
        "strip": [[at_ms // 1000 * 1000, score, 30, int(score > 2.5)]],
    }  # fmt: skip
    return {
        "sensor": sensor, "time_ms": at_ms, "flows": 9, "alerts": 3, "dropped": 0, "lag_s": 0.05,
        "body": json.dumps({"edgeguard": told}),
    }  # fmt: skip


class Filler:
    """A store, and what goes on writing to it."""

    def __init__(self, path: Path, alerts: int) -> None:
        from edgeguard_core.outputs import store_engine

        self.url = f"sqlite:///{path}"
        self.engine = store_engine.open_engine(store_engine.parse_url(self.url), read_only=False)
        store_engine.make_tables(self.engine, self.url)
        self.written = 0
        now_ms = time.time() * 1000.0
        gap_ms = 7 * 86_400_000.0 / alerts
        for first in range(0, alerts, _CHUNK):
            numbers = range(first, min(first + _CHUNK, alerts))
            self.write("alerts", [alert(n, now_ms - (alerts - n) * gap_ms) for n in numbers])
        self.written = alerts
        ids = range(alerts // 20)
        self.write("incidents", [incident(n, now_ms - (len(ids) - n) * 20 * gap_ms) for n in ids])
        for sensor in SENSORS:
            self.write(
                "heartbeats",
                [heartbeat(sensor, now_ms - n * 1000.0) for n in range(_HEARTBEATS, 0, -1)],
            )

    def write(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Rows into a table, in a transaction."""
        from edgeguard_core.outputs.store_tables import metadata

        with self.engine.begin() as connection:
            connection.execute(metadata.tables[table].insert(), rows)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """A heartbeat of each sensor and two alerts, each second."""
        stop = threading.Event()

        def run() -> None:
            while not stop.wait(1.0):
                now_ms = time.time() * 1000.0
                self.write("heartbeats", [heartbeat(sensor, now_ms) for sensor in SENSORS])
                self.write("alerts", [alert(self.written + n, now_ms) for n in range(2)])
                self.written += 2

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def reading(url: str) -> dict[str, float]:
    """Milliseconds that the tail and the lanes take, the mean of ten looks."""
    from dashboard.live_tail import Tail

    tail = Tail(url)
    started = time.perf_counter()
    now_ms = time.time() * 1000.0
    tail.look(now_ms)
    first = time.perf_counter() - started
    started = time.perf_counter()
    for n in range(10):
        tail.look(now_ms + (n + 1) * 1000.0)
    looks = time.perf_counter() - started
    started = time.perf_counter()
    for _ in range(10):
        tail.store.lanes(now_ms - 1_800_000.0, 60_000.0, sensors=SENSORS)
    lanes = time.perf_counter() - started
    tail.close()
    return {
        "first_look_ms": round(1000 * first, 1),
        "look_ms": round(100 * looks, 1),
        "lanes_ms": round(100 * lanes, 1),
    }


def watched(page: Page, pid: int, sizes: list[int], seconds: float) -> dict[str, float]:
    """Bytes, frames and processor time a second, over some seconds."""
    sizes.clear()
    before, started = processor_ms(pid), time.perf_counter()
    page.wait_for_timeout(1000 * seconds)
    taken = time.perf_counter() - started
    return {
        "kb_a_second": round(sum(sizes) / taken / 1000, 2),
        "frames": len(sizes),
        "cpu_ms_a_second": round((processor_ms(pid) - before) / taken, 1),
    }


def measure(alerts: int, seconds: float) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory(prefix="edgeguard-bench-") as folder:
        filler = Filler(Path(folder) / "alerts.sqlite", alerts)
        read = reading(filler.url)
        os.environ["EDGEGUARD_STORE"] = filler.url
        with (
            serving.dashboard(Path(folder) / "work") as server,
            serving.chromium() as browser,
            filler.going_on(),
        ):
            page = browser.new_page(viewport={"width": 1280, "height": 1200})
            page.set_default_timeout(_WAIT_MS)
            sizes: list[int] = []

            def listen(socket: WebSocket) -> None:
                socket.on("framereceived", lambda data: sizes.append(len(data)))
                socket.on("framesent", lambda data: sizes.append(len(data)))

            page.on("websocket", listen)
            page.goto(f"{server.url}/live")
            page.get_by_text("Boxes", exact=True).wait_for()
            page.wait_for_timeout(1000 * _SETTLE_S)
            running = watched(page, server.pid, sizes, seconds)
            page.keyboard.press("Space")
            page.get_by_text("Paused at").wait_for()
            page.wait_for_timeout(2_000)
            paused = watched(page, server.pid, sizes, seconds / 2)
        filler.engine.dispose()
    return {
        "alerts": alerts,
        **read,
        "running": running,
        "paused": paused,
        "tick_kb": round(running["kb_a_second"] / TICKS_A_SECOND, 2),
        "tick_cpu_ms": round(
            (running["cpu_ms_a_second"] - paused["cpu_ms_a_second"]) / TICKS_A_SECOND, 1
        ),
    }


def main() -> None:
    """Parse, measure, print, judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--alerts", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--out", type=Path, help="write the JSON object here too")
    options = parser.parse_args()
    found = measure(options.alerts, options.seconds)
    text = json.dumps(found, indent=2)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n", encoding="utf-8")
    misses = [
        f"{name} {found[name]:g}"
        for name, most in (("tick_kb", MOST_TICK_KB), ("tick_cpu_ms", MOST_TICK_MS))
        if found[name] >= most
    ]
    misses += ["frames while paused"] if found["paused"]["frames"] else []
    if misses:
        raise SystemExit("; ".join(misses))


if __name__ == "__main__":
    main()
