"""How many flows a second get their host context on one core, beside the model that scores them.

usage: python benchmarks/context_speed.py [--flows 300000]

Ours is counted in processor seconds of this process, best of five runs; the peer is the same
figures kept the obvious way, every counter aged by an exponential at every flow. Prints one
JSON object.
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from typing import Any

from edgeguard_core.features.context import HostContext, needed_alone
from edgeguard_core.flows import Flows
from edgeguard_core.sources.synthesis.request import SynthesisRequest, synthesise

RUNS = 5
Key = tuple[Any, ...]


def ours(flows: Flows) -> None:
    """One pass of the library."""
    HostContext().columns(flows)


def aged_at_every_flow(flows: Flows) -> None:
    """The decayed counts alone, a dictionary entry and two exponentials for each counter."""
    columns = flows.columns
    counters: dict[Key, list[float]] = {}
    seconds = (columns["bidirectional_first_seen_ms"] / 1000).tolist()
    rows = zip(
        seconds,
        columns["src_ip"].tolist(),
        columns["dst_ip"].tolist(),
        columns["dst_port"].tolist(),
        columns["protocol"].tolist(),
        strict=True,
    )
    for now, source, destination, port, protocol in rows:
        keys: tuple[Key, ...] = (
            ("src", source),
            ("dst", destination),
            ("pair", source, destination),
            ("port", source, port),
            ("conversation", source, destination, port, protocol),
        )
        for key in keys:
            counter = counters.setdefault(key, [now, 0.0, 0.0])
            passed = now - counter[0]
            counter[1] = counter[1] * math.exp(-passed / 60) + 1
            counter[2] = counter[2] * math.exp(-passed / 600) + 1
            counter[0] = now


def rate(work: Callable[[Flows], None], flows: Flows) -> int:
    """Flows per processor second, the best run."""
    best = math.inf
    for _ in range(RUNS):
        started = time.process_time()
        work(flows)
        best = min(best, time.process_time() - started)
    return round(len(flows) / best)


def main() -> None:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flows", type=int, default=300_000)
    flows = needed_alone(synthesise(SynthesisRequest(flows=parser.parse_args().flows, seed=1)))
    mine, peer = rate(ours, flows), rate(aged_at_every_flow, flows)
    print(
        json.dumps(
            {
                "flows": len(flows),
                "flows_per_second": mine,
                "counters_alone_aged_at_every_flow": peer,
                "ratio": round(mine / peer, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
