"""What `edgeguard watch` does under load, seen from outside: lines in, lines out, memory between.

Each question starts the command as a process of its own, writes a conn.log into it, and reads
the alerts that come back. Prints one JSON object.

    python benchmarks/watch_load.py QUESTION [--bundle B] [--rate N] [--minutes M]

first      seconds from the start of the process to the first alert
latency    from the writing of a flow's line to its alert, at --rate flows a second
limit      flows a second when the log is read as fast as possible, and processor time a flow
overload   ten times the limit for --minutes: what is dropped, memory, and how soon it recovers
spoofed    a million flows from a million forged sources: memory
soak       half the limit for --minutes: memory after the first tenth against the end
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from process_tree import MemoryWatch, cpu_seconds
from zeek_traffic import HEAD, ZeekTraffic

from edgeguard_core.features.context import LONG_S

PROJECT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "edgeguard_core.cli", "watch"]
TICK_S = 0.005
MB = 1_000_000
FLOOD = 200_000  # flows from forged sources before a soak
_MOST_TO_LEARN = 1_500_000
_MOST_AT_ONCE = 2_000  # lines a write: a pipe takes little


class Watched:
    """A running watch that reads standard input, and the lines it has said."""

    def __init__(self, bundle: Path, work: Path, *words: str, settings: dict[str, Any]) -> None:
        config = work / "edgeguard.yaml"
        config.write_text(json.dumps({"state": str(work / "state"), **settings}))  # JSON is YAML
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*COMMAND, str(bundle), "-", "--config", str(config), "--jsonl", "-", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=PROJECT,
            bufsize=0,
        )
        self.memory = MemoryWatch(self.process.pid, every_s=0.05)
        self.memory.start()
        self.is_deaf = False
        self.said: list[tuple[float, dict[str, Any]]] = []
        self.errors: list[str] = []
        self._readers = [
            threading.Thread(target=self._read_lines, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read_lines(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            record = json.loads(line)
            if not self.is_deaf:
                self.said.append((time.monotonic(), record))

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors.append(line.decode().rstrip())

    def write(self, text: str) -> None:
        assert self.process.stdin is not None
        data = memoryview(text.encode())
        while data:
            data = data[os.write(self.process.stdin.fileno(), data) :]

    def end(self) -> dict[str, Any]:
        """The summary, once the input has ended."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        for reader in self._readers:
            reader.join()
        self.process.wait()
        self.memory.stop()
        if self.process.returncode != 0:
            raise SystemExit(f"watch ended with {self.process.returncode}: {self.errors[-3:]}")
        summary: dict[str, Any] = json.loads(self.errors[-1])
        return summary

    def heartbeats(self) -> list[dict[str, Any]]:
        """What it said of itself, in order."""
        return [line["edgeguard"] for _, line in self.said if line["kind"] == "heartbeat"]


def learned(work: Path, rate: float) -> Path:
    """A bundle that knows this traffic at this rate: a busier network is another one.

    The hosts of the log have their whole history: as many minutes as it is looked at, and one.
    """
    flows = min(int(rate * (LONG_S + 60)), _MOST_TO_LEARN)
    log = work / "conn.log"
    traffic = ZeekTraffic(odd_every=0)
    begin_s = time.time() - flows / rate
    with log.open("w") as out:
        out.write(HEAD)
        for n in range(flows):
            out.write(traffic.lines(1, begin_s + n / rate)[0][1])
    bundle = work / "bundle"
    done = subprocess.run(
        [sys.executable, "-m", "edgeguard_core.cli", "train", str(log), "--out", str(bundle)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise SystemExit(f"train ended with {done.returncode}: {done.stderr}")
    return bundle


def offer(
    watched: Watched, traffic: ZeekTraffic, rate: float, seconds: float
) -> dict[str, tuple[float, bool]]:
    """Write ``rate`` flows a second; when each odd one was written, by uid."""
    written: dict[str, tuple[float, bool]] = {}
    begun = time.monotonic()
    done = 0
    while (since := time.monotonic() - begun) < seconds:
        due = min(int(rate * since) - done, _MOST_AT_ONCE)
        if due > 0:
            lines = traffic.lines(due, time.time())
            now = time.monotonic()
            written.update((uid, (now, odd)) for uid, _, odd in lines if odd)
            watched.write("".join(line for _, line, _ in lines))
            done += due
        time.sleep(TICK_S)
    return written


def first(bundle: Path, work: Path, _: argparse.Namespace) -> dict[str, Any]:
    """Process start to first alert, the median of five."""
    seconds = []
    for turn in range(5):
        folder = work / str(turn)
        folder.mkdir()
        watched = Watched(bundle, folder, settings={})
        watched.write(HEAD)
        traffic = ZeekTraffic(odd_every=1)
        while not any(line["kind"] == "alert" for _, line in watched.said):
            watched.write(traffic.lines(1, time.time())[0][1])
            time.sleep(TICK_S)
        at = next(at for at, line in watched.said if line["kind"] == "alert")
        seconds.append(at - watched.started)
        watched.end()
    return {"first_alert_s": [round(s, 3) for s in sorted(seconds)],
            "median_s": round(statistics.median(seconds), 3)}  # fmt: skip


def latency(bundle: Path, work: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Line written to alert read."""
    watched = Watched(bundle, work, settings={})
    watched.write(HEAD)
    traffic = ZeekTraffic()
    offer(watched, traffic, 200, 5)  # warm
    cpu = cpu_seconds(watched.process.pid)
    written = offer(watched, traffic, asked.rate, 60 * asked.minutes)
    time.sleep(1)
    cpu = cpu_seconds(watched.process.pid) - cpu
    summary = watched.end()
    came = {line["zeek"]["session_id"]: at for at, line in watched.said if line["kind"] == "alert"}
    waits = np.array([came[uid] - at for uid, (at, _) in written.items() if uid in came])
    flows = asked.rate * 60 * asked.minutes
    return {
        "rate": asked.rate,
        "odd_flows": len(written),
        "alerted": len(waits),
        "latency_ms": {
            f"p{share}": round(1000 * float(np.percentile(waits, share)), 1)
            for share in (50, 95, 99)
        },
        "cpu_ms_per_flow": round(1000 * cpu / flows, 4),
        "peak_tree_mb": round(watched.memory.peak_tree_bytes / MB, 1),
        "summary": summary,
    }


def limit(bundle: Path, work: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """As many flows as it takes, for a while."""
    traffic = ZeekTraffic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    learned_s = before.ru_utime + before.ru_stime
    texts = [
        "".join(line for _, line, _ in traffic.lines(_MOST_AT_ONCE, time.time()))
        for _ in range(max(1, asked.flows // _MOST_AT_ONCE))
    ]
    watched = Watched(bundle, work, settings={})
    watched.write(HEAD)
    watched.write(traffic.lines(1, time.time())[0][1])
    time.sleep(2)
    cpu, begun = cpu_seconds(watched.process.pid), time.monotonic()
    for text in texts:
        watched.write(text)
    summary = watched.end()
    seconds = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)  # of all its life, now that it is over
    n = len(texts) * _MOST_AT_ONCE
    return {
        "flows": n,
        "flows_per_s": round(n / seconds),
        "cpu_ms_per_flow": round(1000 * (used.ru_utime + used.ru_stime - learned_s - cpu) / n, 4),
        "peak_tree_mb": round(watched.memory.peak_tree_bytes / MB, 1),
        "summary": summary,
    }


def overload(bundle: Path, work: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Ten times the load it can take, then a tenth of it, and how long until it keeps up."""
    watched = Watched(
        bundle, work, "--when-full", "drop", settings={"heartbeat_s": 1, "queue_flows": 20_000}
    )
    watched.write(HEAD)
    traffic = ZeekTraffic(odd_every=1000)
    offer(watched, traffic, 500, 5)
    offer(watched, traffic, 10 * asked.rate, 60 * asked.minutes)
    ended = time.monotonic()
    offer(watched, traffic, asked.rate / 10, 20)
    summary = watched.end()
    beats = [(at, line["edgeguard"]) for at, line in watched.said if line["kind"] == "heartbeat"]
    well = [at for at, beat in beats if at > ended and (beat["lag_s"] or 0) < 1.0]
    return {
        "offered_flows": traffic.written,
        "summary": summary,
        "recovered_after_s": round(well[0] - ended, 1) if well else None,
        "peak_tree_mb": round(watched.memory.peak_tree_bytes / MB, 1),
        "resident_mb": thinned(watched.memory.samples),
    }


def spoofed(bundle: Path, work: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """A flood from forged sources, as fast as it takes them."""
    watched = Watched(bundle, work, settings={"heartbeat_s": 5})
    watched.write(HEAD)
    traffic = ZeekTraffic(spoofed=True)
    begun = time.monotonic()
    for _ in range(asked.flows // _MOST_AT_ONCE):
        watched.write("".join(line for _, line, _ in traffic.lines(_MOST_AT_ONCE, time.time())))
    summary = watched.end()
    return {
        "flows": traffic.written,
        "seconds": round(time.monotonic() - begun, 1),
        "alert_lines": sum(line["kind"] == "alert" for _, line in watched.said),
        "peak_tree_mb": round(watched.memory.peak_tree_bytes / MB, 1),
        "resident_mb": thinned(watched.memory.samples),
        "summary": summary,
    }


def soak(bundle: Path, work: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Half the load it can take; resident memory of the second tenth against the last one.

    A flood from forged sources goes before it, so that all that is bounded is full from the start:
    a memory that only fills up is no leak, and would hide one.
    """
    watched = Watched(bundle, work, settings={"heartbeat_s": 60})
    watched.write(HEAD)
    flood = ZeekTraffic(spoofed=True)
    for _ in range(FLOOD // _MOST_AT_ONCE):
        watched.write("".join(line for _, line, _ in flood.lines(_MOST_AT_ONCE, time.time())))
    while sum(line["kind"] == "heartbeat" for _, line in watched.said) < 2:
        time.sleep(1)
    watched.memory.samples.clear()
    watched.is_deaf = True
    traffic = ZeekTraffic(odd_every=1000)
    offer(watched, traffic, asked.rate / 2, 60 * asked.minutes)
    summary = watched.end()
    resident = np.array([tree for _, tree in watched.memory.samples], float)
    tenth = max(1, len(resident) // 10)
    early, late = float(np.median(resident[tenth : 2 * tenth])), float(np.median(resident[-tenth:]))
    return {
        "minutes": asked.minutes,
        "rate": asked.rate / 2,
        "early_mb": round(early / MB, 1),
        "late_mb": round(late / MB, 1),
        "growth": round(late / early - 1, 4),
        "resident_mb": thinned(watched.memory.samples),
        "summary": summary,
    }


def thinned(samples: list[tuple[float, int]], most: int = 24) -> list[tuple[int, float]]:
    """Seconds and megabytes, at most so many of them."""
    step = max(1, len(samples) // most)
    return [(round(at), round(tree / MB, 1)) for at, tree in samples[::step]]


QUESTIONS: dict[str, Callable[[Path, Path, argparse.Namespace], dict[str, Any]]] = {
    "first": first,
    "latency": latency,
    "limit": limit,
    "overload": overload,
    "spoofed": spoofed,
    "soak": soak,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("question", choices=QUESTIONS)
    parser.add_argument("--bundle", type=Path, help="by default one is learned first")
    parser.add_argument("--rate", type=float, default=2_000, help="flows a second")
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--flows", type=int, default=1_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        bundle = asked.bundle.resolve() if asked.bundle else learned(work, asked.rate)
        answer = QUESTIONS[asked.question](bundle, work, asked)
    print(json.dumps({"question": asked.question, **answer}, indent=1))


if __name__ == "__main__":
    main()
