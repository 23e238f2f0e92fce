"""Bench: what a bundle costs on this machine, measured in a process of its own.

The child imports what an edge box imports and nothing more, so its memory and start are those
of the box.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from edgeguard_core.errors import EdgeGuardError

BATCHES = (1, 64, 256, 4_096, 65_536)
_SECONDS_A_BATCH = 0.4
_LATENCY_CALLS = 2_000
_CHILD_SECONDS = 300


def bench(bundle: Path) -> dict[str, Any]:
    """Throughput, latency, memory and start-up of a bundle's model.

    Returns
    -------
    ``rows_per_second`` by batch size, ``latency_us`` of one flow (p50 and p99), ``rss_mb`` of
    the whole process, ``model_bytes``, ``import_seconds``, ``load_seconds`` and the ``runtime``.

    Raises
    ------
    EdgeGuardError
        If the bundle cannot be loaded; the child's own sentence is passed on.
    """
    child = subprocess.run(
        [sys.executable, "-m", "edgeguard_core.pipeline.bench", str(bundle)],
        capture_output=True,
        text=True,
        timeout=_CHILD_SECONDS,
        check=False,
    )
    if child.returncode:
        last = child.stderr.strip().splitlines()[-1:] or ["no word"]
        raise EdgeGuardError(last[0])
    result: dict[str, Any] = json.loads(child.stdout)
    return result


def _measure(path: Path) -> dict[str, Any]:
    started = time.perf_counter()
    from edgeguard_core.bundle import Bundle
    from edgeguard_core.inference import Scorer, runtime_name

    imported = time.perf_counter()
    bundle = Bundle.load(path)
    scorer = Scorer(bundle.model)
    scorer.score(_rows(bundle, 1))
    loaded = time.perf_counter()
    latencies = _latencies_us(scorer, _rows(bundle, 1))
    return {
        "rows_per_second": {str(n): _rate(scorer, _rows(bundle, n)) for n in BATCHES},
        "latency_us": {
            "p50": round(latencies[len(latencies) // 2], 1),
            "p99": round(latencies[int(len(latencies) * 0.99)], 1),
        },
        "rss_mb": round(_resident_mb(), 1),
        "model_bytes": len(bundle.model),
        "import_seconds": round(imported - started, 3),
        "load_seconds": round(loaded - imported, 3),
        "variant": bundle.variant,
        "runtime": runtime_name(),
    }


def _rows(bundle: Any, count: int) -> Any:
    """Typical flows: every numeric feature at the middle of its usual range."""
    import numpy as np

    from edgeguard_core.features.preprocessing import ModelInput

    fitted = bundle.preprocessor
    middle = [sum(fitted.usual[feature.name]) / 2 for feature in fitted.numeric]
    return ModelInput(
        np.tile(np.array(middle, np.float32), (count, 1)),
        np.ones((count, len(fitted.categorical)), np.int32),
    )


def _rate(scorer: Any, rows: Any) -> int:
    scorer.score(rows)
    calls, started = 0, time.perf_counter()
    while (spent := time.perf_counter() - started) < _SECONDS_A_BATCH:
        scorer.score(rows)
        calls += 1
    return round(calls * len(rows) / spent)


def _latencies_us(scorer: Any, row: Any) -> list[float]:
    found = []
    for _ in range(_LATENCY_CALLS):
        started = time.perf_counter()
        scorer.score(row)
        found.append((time.perf_counter() - started) * 1e6)
    return sorted(found)


def _resident_mb() -> float:
    """Resident memory of this process now, in megabytes (10⁶ bytes)."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024 / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS counts bytes


def main(path: str) -> int:
    """Print the figures of a bundle as JSON; the child half of ``bench``."""
    try:
        print(json.dumps(_measure(Path(path))))
    except EdgeGuardError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
