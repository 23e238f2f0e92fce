"""Packets a second from a capture to the verdict, beside NFStream alone with the same settings.

By turns, best of several: NFStream's own loop over its flows; `edgeguard collect`, which makes
canonical flows of them; and `edgeguard watch`, which judges them. Prints one JSON object; exits 1
when the watch does less than 90 % of what NFStream does, or less than 40 times Kitsune's 1,350
packets a second.

    python benchmarks/capture_speed.py CAPTURE --bundle B [--repeats 3]
    python benchmarks/capture_speed.py --flows 50000      (synthesises nearly a million packets)

Without a bundle one is learned from a synthesised capture of another seed: a watch that knows the
traffic. With one of another network most flows alert, and telling them is what is measured.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from process_tree import MemoryWatch

from edgeguard_core.sources.timeouts import Timeouts

PROJECT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "edgeguard_core.cli"]
LEAST_SHARE = 0.9
KITSUNE_PACKETS_PER_S = 1_350
LEAST_TIMES_KITSUNE = 40
MB = 1_000_000

_ALONE = """
import sys, time
from nfstream import NFStreamer
if __name__ == "__main__":
    started = time.perf_counter()
    streamer = NFStreamer(
        sys.argv[1], accounting_mode=1, n_dissections=0, statistical_analysis=True,
        idle_timeout=int(sys.argv[2]), active_timeout=int(sys.argv[3]),
    )
    flows = packets = 0
    for flow in streamer:
        flows += 1
        packets += flow.bidirectional_packets
    print(flows, packets, time.perf_counter() - started)
"""


def run(command: list[str]) -> tuple[str, float, float]:
    """What a command printed, its processor seconds with all children, and its peak in MB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT
    )
    memory = MemoryWatch(child.pid, every_s=0.05)
    memory.start()
    out, errors = child.communicate()
    memory.stop()
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(command[:6])} ended with {child.returncode}: {errors[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return out, round(used, 2), round(memory.peak_tree_bytes / MB, 1)


def nfstream_alone(capture: Path) -> dict[str, Any]:
    """NFStream's Python loop over its flows, once."""
    timeouts = Timeouts()
    words = [str(capture), f"{timeouts.idle_s:.0f}", f"{timeouts.active_s:.0f}"]
    out, cpu_s, peak = run([sys.executable, "-c", _ALONE, *words])
    flows, packets, seconds = out.split()
    return {"flows": int(flows), "packets": int(packets), "s": round(float(seconds), 3),
            "cpu_s": cpu_s, "peak_mb": peak}  # fmt: skip


def collected(capture: Path, work: Path) -> dict[str, Any]:
    """`edgeguard collect`, once."""
    out, cpu_s, peak = run(
        [*COMMAND, "collect", str(capture), "--out", str(work / "flows.csv"), "--json"]
    )
    answer = json.loads(out)
    return {
        "flows": answer["flows"], "s": answer["seconds"], "cpu_s": cpu_s, "peak_mb": peak,
    }  # fmt: skip


def watched(capture: Path, bundle: Path, work: Path) -> dict[str, Any]:
    """`edgeguard watch`, once, with its alerts into a file."""
    state = str(work / "state")
    out, cpu_s, peak = run(
        [*COMMAND, "watch", str(bundle), str(capture), "--jsonl", str(work / "alerts.jsonl"),
         "--state", state]
    )  # fmt: skip
    answer = json.loads(out)
    return {"flows": answer["flows"], "s": answer["seconds"], "cpu_s": cpu_s, "peak_mb": peak,
            "alerts": answer["alerts"], "dropped": answer["dropped"]}  # fmt: skip


def measure(capture: Path, bundle: Path, repeats: int, work: Path) -> dict[str, Any]:
    """All of them by turns, and how the watch stands."""
    turns: dict[str, Callable[[], dict[str, Any]]] = {
        "nfstream": lambda: nfstream_alone(capture),
        "collect": lambda: collected(capture, work),
        "watch": lambda: watched(capture, bundle, work),
    }
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in turns}
    for _ in range(repeats):
        for name, turn in turns.items():
            runs[name].append(turn())
            (work / "alerts.jsonl").unlink(missing_ok=True)
    packets = runs["nfstream"][0]["packets"]
    best = {name: min(runs[name], key=lambda one: one["s"]) for name in turns}
    rates = {name: packets / one["s"] for name, one in best.items()}
    return {
        "packets": packets,
        "packets_per_s": {name: round(rate) for name, rate in rates.items()},
        "share_of_nfstream": round(rates["watch"] / rates["nfstream"], 3),
        "times_kitsune": round(rates["watch"] / KITSUNE_PACKETS_PER_S, 1),
        "best": best,
    }


def synthesised(work: Path, flows: int, seed: int) -> Path:
    """A capture of office traffic."""
    capture = work / f"office-{seed}.pcap"
    run(
        [*COMMAND, "collect", "--synthetic", "office", "--flows", str(flows),
         "--largest-flow", "200000", "--seed", str(seed), "--out", str(capture)]
    )  # fmt: skip
    return capture


def learned(work: Path, flows: int) -> Path:
    """A bundle that knows such traffic."""
    bundle = work / "bundle"
    run([*COMMAND, "train", str(synthesised(work, flows, seed=2)), "--out", str(bundle)])
    return bundle


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("capture", type=Path, nargs="?")
    parser.add_argument("--flows", type=int, default=50_000)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        given = asked.capture
        capture = given.resolve() if given else synthesised(work, asked.flows, seed=1)
        bundle = asked.bundle.resolve() if asked.bundle else learned(work, 20_000)
        answer = measure(capture, bundle, asked.repeats, work)
    print(json.dumps(answer, indent=1))
    good = answer["share_of_nfstream"] >= LEAST_SHARE
    sys.exit(not (good and answer["times_kitsune"] >= LEAST_TIMES_KITSUNE))


if __name__ == "__main__":
    main()
