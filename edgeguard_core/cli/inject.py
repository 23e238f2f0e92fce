"""``edgeguard inject``: attacks laid into one's own flows, to see what would be found."""

from pathlib import Path
from typing import Annotated

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.collect import KeepBytes, kinds_of
from edgeguard_core.cli.output import pairs, print_json, print_warnings
from edgeguard_core.cli.progress import watched

SUMMARY = "Lay labelled attacks into your own flows."
EXAMPLE = "Example: edgeguard inject conn.log --out attacked.csv --kinds syn_flood,beaconing"


def command(
    files: options.Files,
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="A .csv, .csv.gz, .parquet or .pcap file to write.", show_default=False
        ),
    ],
    kinds: Annotated[
        str, typer.Option("--kinds", help="Kinds of attack, by commas. Default: each.")
    ] = "all",
    strength: Annotated[str, typer.Option("--strength", help="low, medium or high.")] = "medium",
    keep_bytes: KeepBytes = None,
    seed: options.Seed = 0,
    schema: options.SchemaOption = None,
    benign: options.Benign = None,
    tz: options.TimeZone = "UTC",
    local_network: options.LocalNetworks = None,
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Lay synthesised attacks into your own flows, labelled, among the hosts that are there.

    What a bundle finds of them is what it would find on your network, as far as such attacks
    are like real ones.
    """
    from edgeguard_core.pipeline.synthetic import inject_into

    with watched(json, progress) as on_progress:
        done = inject_into(
            files,
            out,
            kinds=kinds_of(kinds),
            strength=strength,
            seed=seed,
            keep_bytes=keep_bytes,
            read=options.read_options(schema, benign, tz, local_network),
            on_progress=on_progress,
        )
    if json:
        print_json(done.to_json())
        return
    print_warnings(done.warnings)
    laid = ", ".join(f"{name} {count:,}" for name, count in done.injected.items())
    pairs([("written", done.out), ("flows", done.flows), ("injected", laid)])
