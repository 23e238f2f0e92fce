"""``edgeguard explain``: why a flow scores as it does."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import percent, print_json, print_warnings, say, table
from edgeguard_core.cli.progress import watched

if TYPE_CHECKING:
    from edgeguard_core.detection import Explanation

SUMMARY = "Say which features make a flow odd."
EXAMPLE = "Example: edgeguard explain office.bundle today.csv --worst 3"


def command(
    bundle: options.BundlePath,
    file: Annotated[Path, typer.Argument(help="A file of flows.", show_default=False)],
    row: Annotated[
        list[int] | None,
        typer.Option("--row", help="The line of a flow in the file; may be repeated."),
    ] = None,
    worst: Annotated[int, typer.Option("--worst", min=1, help="Else so many worst flows.")] = 10,
    top: Annotated[int, typer.Option("--top", min=1, help="Features named for each flow.")] = 5,
    state: options.State = None,
    schema: options.SchemaOption = None,
    benign: options.Benign = None,
    tz: options.TimeZone = "UTC",
    local_network: options.LocalNetworks = None,
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Say which features make a flow odd: what they were, what was expected, what is usual."""
    from edgeguard_core.bundle import Bundle
    from edgeguard_core.detection import Detector
    from edgeguard_core.pipeline.judge import explain_files

    with watched(json, progress) as on_progress:
        found = explain_files(
            Detector(Bundle.load(bundle), state),
            [file],
            rows=row or (),
            worst=worst,
            top=top,
            read=options.read_options(schema, benign, tz, local_network),
            on_progress=on_progress,
        )
    if json:
        print_json(found.to_json())
        return
    print_warnings(found.warnings)
    for explanation in found.flows:
        _show(explanation)


def _show(explanation: "Explanation") -> None:
    verdict = "alert" if explanation.is_alert else "no alert"
    say(
        f"Line {explanation.row}: score {explanation.score:.4g}, p {explanation.p_value:.2g}, "
        f"severity {explanation.severity}, {verdict}"
    )
    say(explanation.sentence)
    like_it = any(reason.similar_low is not None for reason in explanation.features)
    rows = [
        (
            reason.name,
            reason.actual,
            reason.reconstructed,
            reason.similar_low if like_it else reason.usual_low,
            reason.similar_high if like_it else reason.usual_high,
            percent(reason.share),
        )
        for reason in explanation.features
    ]
    low, high = ("like it, low", "like it, high") if like_it else ("usual low", "usual high")
    table("", ("feature", "actual", "expected", low, high, "share"), rows)
    say("")
