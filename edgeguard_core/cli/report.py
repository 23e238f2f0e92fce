"""``edgeguard report``: a page and its JSON twin about a bundle's verdicts on a file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, print_json, print_warnings
from edgeguard_core.cli.progress import watched

SUMMARY = "Write a report on a file as one page of HTML."
EXAMPLE = "Example: edgeguard report office.bundle today.csv --out report.html"


def command(
    bundle: options.BundlePath,
    file: Annotated[Path, typer.Argument(help="A file of flows.", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", help="The page: an .html file.", show_default=False)
    ],
    json_out: Annotated[
        Path | None, typer.Option("--json-out", help="The same as JSON, into this file.")
    ] = None,
    section: Annotated[
        list[str] | None,
        typer.Option(
            "--section",
            help="Of summary, threshold, distribution, classes, incidents, verdicts, exclusions, "
            "model; may be repeated. Default: all.",
        ),
    ] = None,
    pseudonyms: Annotated[
        str | None,
        typer.Option(
            "--pseudonyms",
            help="Replace addresses by a hash with this key: 8 characters or more, the same key "
            "gives the same names.",
        ),
    ] = None,
    reviews: Annotated[
        Path | None,
        typer.Option("--reviews", help="A reviews.sqlite of the dashboard, to tell of verdicts."),
    ] = None,
    state: options.State = None,
    schema: options.SchemaOption = None,
    benign: options.Benign = None,
    tz: options.TimeZone = "UTC",
    local_network: options.LocalNetworks = None,
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Write what a bundle makes of a file: figures, promise, classes, incidents, provenance."""
    from datetime import UTC, datetime

    from edgeguard_core.bundle import Bundle
    from edgeguard_core.detection import Detector
    from edgeguard_core.detection.review import Reviews
    from edgeguard_core.evaluation.report import SECTIONS
    from edgeguard_core.files import write_whole
    from edgeguard_core.pipeline.report import checked_choices, make_report, require_places
    from edgeguard_core.pipeline.report_file import findings_of_file

    require_places(out, json_out, file, bundle, reviews)
    chosen = tuple(section) if section else SECTIONS
    checked_choices(chosen, pseudonyms)
    with watched(json, progress) as on_progress:
        findings = findings_of_file(
            Detector(Bundle.load(bundle), state),
            file,
            now=datetime.now(UTC),
            reviews=None if reviews is None else Reviews(reviews),
            read=options.read_options(schema, benign, tz, local_network),
            on_progress=on_progress,
        )
    made = make_report(findings, chosen, pseudonyms)
    if json_out is not None:
        write_whole(json_out, made.json)
    write_whole(out, made.html)
    result: dict[str, Any] = {
        "out": out,
        "json_out": json_out,
        "bytes": len(made.html.encode()),
        "flows": len(findings.flows.scores),
        "sections": list(chosen),
        "pseudonyms": pseudonyms is not None,
        "warnings": list(findings.warnings),
    }
    if json:
        print_json(result)
        return
    print_warnings(findings.warnings)
    pairs(
        [
            ("written", out),
            ("JSON twin", json_out),
            ("flows", result["flows"]),
            ("kB", round(result["bytes"] / 1000)),
        ]
    )
