"""What EdgeGuard takes of a box: disk, memory, time to the first verdict, processor time a flow.

Installs the package of `edgeguard deploy` in an empty folder, as a box would, and runs that
installation alone. Prints one JSON object, and with --markdown a table.

    python benchmarks/edge.py [--bundle B] [--root INSTALLED] [--flows N] [--markdown FILE]

``watch`` is the command itself, where the installation has it: it starts with one flow on its
standard input, and is then given all of them as a log. ``scoring`` is the same path without the
loop: read a log, add context, score; its resident memory is that after the first verdict, and
with a whole log, which is read a large block at a time, beside it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from process_tree import MemoryWatch, cpu_seconds, memory
from zeek_traffic import HEAD, ZeekTraffic

from edgeguard_core.bundle import Bundle, SigningKey, generate_key
from edgeguard_core.pipeline.deploy import deploy_bundle

PROJECT = Path(__file__).resolve().parents[1]
MB = 1_000_000
RUNS = 5
GOALS = {"disk_mb": 180.0, "resident_mb": 90.0, "first_verdict_s": 0.5, "cpu_ms_a_flow": 0.1}
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "MALLOC_ARENA_MAX": "1"}
"""What the unit of the package sets, too."""

# Scores the one flow of a first log and says so, then all of a second one.
SCORING = """
import os, sys, time
from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector
from edgeguard_core.features.context import HostContext, attach
from edgeguard_core.sources import open_source
import numpy as np
keys = sys.argv[4] if os.listdir(sys.argv[4]) else None
detector = Detector(Bundle.load(sys.argv[1], require_signature=keys))
context = HostContext()
for log in sys.argv[2:4]:
    flows = alerts = 0
    for batch in open_source(log).batches():
        for first in range(0, len(batch.flows), 1024):
            part = batch.flows.select(np.arange(first, min(first + 1024, len(batch.flows))))
            added = np.column_stack(list(context.columns(part).values())).astype(np.float32)
            scored = detector.score(attach(part, added))
            alerts += int(detector.threshold.alerts(scored.scores).sum())
            flows += len(part)
    print(flows, alerts, time.process_time(), flush=True)
    sys.stdin.readline()
"""


def disk(root: Path) -> dict[str, Any]:
    """What the installed program takes, in all and by package; blocks, as du counts them."""
    program = root / "opt/edgeguard"
    packages = next(program.glob("venv-*/lib/python*/site-packages"))
    sizes = {path.name: _blocks(path) for path in packages.iterdir()}
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:8]
    return {
        "disk_mb": round(_blocks(program) / MB, 1),
        "largest_mb": {name: round(sizes[name] / MB, 1) for name in largest},
        "of_that_mb": {
            "compiled Python": round(_total(packages.rglob("*.pyc")) / MB, 1),
            "tests of packages": round(_total(packages.glob("*/**/tests/**/*")) / MB, 1),
            "GPU accelerator of the runtime": round(
                _total(packages.glob("*/libLiteRtWebGpuAccelerator.so")) / MB, 1
            ),
        },
    }


def _blocks(path: Path) -> int:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return _total(files)


def _total(files: Iterable[Path]) -> int:
    return sum(p.lstat().st_blocks * 512 for p in files if p.is_file() and not p.is_symlink())


def scoring(root: Path, log: Path) -> dict[str, Any]:
    """Start, memory and processor time of the path from a log to verdicts."""
    python, keys = root / "opt/edgeguard/current/bin/python", root / "etc/edgeguard/keys"
    one = log.with_name("one.log")
    one.write_text(HEAD + log.read_text().splitlines(keepends=True)[len(HEAD.splitlines())])
    command = [python, "-c", SCORING, _bundle(root), one, log, keys]
    runs = [_scored([str(part) for part in command]) for _ in range(RUNS)]
    return _best(runs) | {
        "resident_whole_log_mb": round(max(run["resident_whole_log_mb"] for run in runs), 1),
    }


def _scored(command: list[str]) -> dict[str, Any]:
    started = time.monotonic()
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_ENVIRONMENT
    )
    assert child.stdin is not None
    assert child.stdout is not None
    watched = MemoryWatch(child.pid, every_s=0.01)
    watched.start()
    first = child.stdout.readline().split()
    first_s, resident = time.monotonic() - started, memory(child.pid)[0]
    child.stdin.write(b"\n")
    child.stdin.flush()
    done = child.stdout.readline().split()
    watched.stop()
    child.communicate(b"\n")
    return {
        "first_verdict_s": first_s,
        "start_cpu_s": float(first[2]),
        "resident_mb": resident / MB,
        "resident_whole_log_mb": watched.peak_tree_bytes / MB,
        "cpu_ms_a_flow": (float(done[2]) - float(first[2])) * 1000 / int(done[0]),
        "flows": int(done[0]),
        "alerts": int(done[1]),
    }


def watching(root: Path, log: Path) -> dict[str, Any] | None:
    """The same of the command; None where the installation has none yet."""
    command = root / "opt/edgeguard/current/bin/edgeguard"
    asked = subprocess.run([command, "watch", "--help"], env=_ENVIRONMENT, capture_output=True)
    if asked.returncode != 0:
        return None
    lines = log.read_text().splitlines(keepends=True)
    words = [command, "watch", _bundle(root)]
    if any(keys := [*(root / "etc/edgeguard/keys").iterdir()]):
        words += ["--require-signature", keys[0].parent]
    runs = [_watched([str(word) for word in words], lines) for _ in range(RUNS)]
    return _best(runs)


def _watched(command: list[str], lines: list[str]) -> dict[str, float]:
    """One run: an odd flow alone until its alert is there, then all the others."""
    odd = next(n for n, line in enumerate(lines) if "\t4444\t" in line)
    with tempfile.TemporaryDirectory(prefix="edgeguard-edge-") as work:
        config = Path(work, "edgeguard.yaml")
        config.write_text(json.dumps({"state": f"{work}/state", "when_full": "wait"}))
        started = time.monotonic()
        child = subprocess.Popen(
            [*command[:3], "-", *command[3:], "--config", str(config), "--jsonl", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT, cwd=work,
        )  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        watched = MemoryWatch(child.pid, every_s=0.01)
        watched.start()
        child.stdin.write(f"{HEAD}{lines[odd]}".encode())
        child.stdin.flush()
        while json.loads(child.stdout.readline())["kind"] != "alert":
            pass  # it says first that it lives
        first_s, cpu_s = time.monotonic() - started, cpu_seconds(child.pid)
        with tempfile.TemporaryFile() as nowhere:
            copying = subprocess.Popen(["cat"], stdin=child.stdout, stdout=nowhere)
            child.stdin.write("".join(lines[len(HEAD.splitlines()) :]).encode())
            child.stdin.flush()
            spent_s = cpu_s
            while (now_s := cpu_seconds(child.pid)) > spent_s or watched.peak_tree_bytes == 0:
                spent_s = now_s
                time.sleep(0.5)
            child.stdin.close()
            child.wait()
            copying.wait()
        watched.stop()
    return {
        "first_verdict_s": first_s,
        "start_cpu_s": cpu_s,
        "resident_mb": watched.peak_tree_bytes / MB,
        "cpu_ms_a_flow": (spent_s - cpu_s) * 1000 / (len(lines) - len(HEAD.splitlines())),
    }


def _best(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The least time and the most memory of some runs: a shared machine only adds to time."""
    last = {key: value for key, value in runs[-1].items() if key in ("flows", "alerts")}
    return last | {
        "first_verdict_s": round(min(run["first_verdict_s"] for run in runs), 3),
        "start_cpu_s": round(min(run["start_cpu_s"] for run in runs), 3),
        "cpu_ms_a_flow": round(min(run["cpu_ms_a_flow"] for run in runs), 4),
        "resident_mb": round(max(run["resident_mb"] for run in runs), 1),
    }


def _bundle(root: Path) -> Path:
    return root / "var/lib/edgeguard/bundles/current"


def installed(bundle: Path, work: Path, extras: str) -> Path:
    """A box below a folder, made by the installer of a package."""
    key = SigningKey.read(generate_key(work / "key").private)
    out = work / "package"
    package = deploy_bundle(Bundle.load(bundle), out, now=datetime.now(UTC), key=key).out
    command = ["sh", str(package / "install.sh"), "--root", str(work / "root")]
    command += ["--python", sys.executable, *(["--with", extras] if extras else [])]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return work / "root"


def traffic(path: Path, flows: int) -> Path:
    """A conn.log of so many flows at 2,000 a second, one odd one among each hundred."""
    made, begin_s = ZeekTraffic(odd_every=100), time.time() - flows / 2_000
    with path.open("w") as out:
        out.write(HEAD)
        for n in range(flows):
            out.write(made.lines(1, begin_s + n / 2_000)[0][1])
    return path


def markdown(result: dict[str, Any]) -> str:
    """The figures beside their goals, as a table."""
    ways = [way for way in ("watch", "scoring") if result.get(way)]
    rows = [f"| | goal | {' | '.join(ways)} |", "|---|---|" + "---|" * len(ways)]
    words = {
        "disk_mb": "disk of the program, MB",
        "resident_mb": "resident memory of the process tree at its peak, MB",
        "first_verdict_s": "start to first verdict, s",
        "cpu_ms_a_flow": "processor time a flow, ms",
    }
    for key, name in words.items():
        found = [result["disk"][key] if key == "disk_mb" else result[way][key] for way in ways]
        rows.append(f"| {name} | {GOALS[key]:g} | {' | '.join(f'{x:g}' for x in found)} |")
    rows += ["", "| package | MB |", "|---|---|"]
    rows += [f"| {name} | {size:g} |" for name, size in result["disk"]["largest_mb"].items()]
    return "\n".join(rows) + "\n"


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=PROJECT / "models" / "demo")
    parser.add_argument("--root", type=Path, help="an installed box; by default one is made")
    parser.add_argument("--with", dest="extras", default="", help="extras to install, as capture")
    parser.add_argument("--flows", type=int, default=50_000)
    parser.add_argument("--markdown", type=Path, help="also write the table here")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edgeguard-edge-") as folder:
        work = Path(folder)
        root = asked.root or installed(asked.bundle, work, asked.extras)
        log = traffic(work / "conn.log", asked.flows)
        result = {
            "goals": GOALS,
            "disk": disk(root),
            "scoring": scoring(root, log),
            "watch": watching(root, log),
            "python": sys.version.split()[0],
        }
    print(json.dumps(result, indent=2))
    if asked.markdown:
        asked.markdown.write_text(markdown(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
