"""``edgeguard bench``: what a bundle costs on this machine."""

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, print_json, table

SUMMARY = "Measure a bundle's model on this machine."
EXAMPLE = "Example: edgeguard bench office.bundle"


def command(bundle: options.BundlePath, json: options.Json = False) -> None:
    """Measure throughput, latency, memory and start-up of a bundle's model, one thread."""
    from edgeguard_core.pipeline.bench import bench

    result = bench(bundle)
    if json:
        print_json(result)
        return
    table("Throughput", ("batch", "rows/s"), result["rows_per_second"].items())
    pairs(
        [
            ("one flow, p50", f"{result['latency_us']['p50']} µs"),
            ("one flow, p99", f"{result['latency_us']['p99']} µs"),
            ("resident memory", f"{result['rss_mb']} MB"),
            ("model", f"{result['model_bytes'] / 1000:.1f} kB, {result['variant']}"),
            ("imports", f"{result['import_seconds']} s"),
            ("runtime", result["runtime"]),
        ]
    )
