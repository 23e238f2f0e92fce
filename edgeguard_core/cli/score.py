"""``edgeguard score``: a verdict on every flow, in a table."""

from pathlib import Path
from typing import Annotated

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, percent, print_json, print_warnings
from edgeguard_core.cli.progress import watched

SUMMARY = "Score every flow of files into a table."
EXAMPLE = "Example: edgeguard score office.bundle today.csv --out scored.parquet"


def command(
    bundle: options.BundlePath,
    files: options.Files,
    out: Annotated[
        Path,
        typer.Option("--out", help="The table: a .parquet or .csv file.", show_default=False),
    ],
    details: Annotated[
        Path | None,
        typer.Option(
            "--details",
            help="Also write which features fail and for whom, with a sample of flows: a .npz.",
        ),
    ] = None,
    state: options.State = None,
    schema: options.SchemaOption = None,
    benign: options.Benign = None,
    tz: options.TimeZone = "UTC",
    local_network: options.LocalNetworks = None,
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Score every flow of files: score, p-value, severity, alert or not, and the worst features."""
    from edgeguard_core.bundle import Bundle
    from edgeguard_core.detection import Detector
    from edgeguard_core.pipeline.score import score_files

    with watched(json, progress) as on_progress:
        done = score_files(
            Detector(Bundle.load(bundle), state),
            files,
            out,
            details=details,
            read=options.read_options(schema, benign, tz, local_network),
            on_progress=on_progress,
        )
    if json:
        print_json(done.to_json())
        return
    print_warnings(done.warnings)
    flows = done.report.accepted
    threshold = done.threshold
    origin = threshold["origin"].replace("bundle", "the bundle")
    pairs(
        [
            ("written", done.out),
            ("flows", flows),
            ("alerts", f"{done.alerts:,} ({percent(done.alerts / flows)})"),
            ("rejected", done.report.rejected.total()),
            ("threshold", f"{threshold['value']:.4g} from {origin}"),
            ("seconds", round(done.seconds, 2)),
        ]
    )
