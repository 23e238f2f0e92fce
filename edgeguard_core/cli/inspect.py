"""``edgeguard inspect``: what a file is, and what was understood of it."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, print_json, print_warnings, table
from edgeguard_core.cli.progress import watched

if TYPE_CHECKING:
    from edgeguard_core.flows.validation import Rejection

SUMMARY = "Say what a file is and what is odd in it."
EXAMPLE = "Example: edgeguard inspect conn.log.gz"
_MOST_REJECTIONS_SHOWN = 10


def command(
    files: options.Files,
    rejected: Annotated[
        Path | None, typer.Option("--rejected", help="Write the rejected rows to this CSV file.")
    ] = None,
    schema: options.SchemaOption = None,
    benign: options.Benign = None,
    tz: options.TimeZone = "UTC",
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Say what a file is: its format, how many rows are fit to use, its labels, what is odd."""
    from edgeguard_core.files import whole_file
    from edgeguard_core.flows.lint import Lint
    from edgeguard_core.pipeline.progress import reading
    from edgeguard_core.pipeline.room import spare
    from edgeguard_core.pipeline.tables import write_rejections
    from edgeguard_core.sources import ReadReport, expand, read_batches
    from edgeguard_core.sources.packets.capture_source import CAPTURE_FORMATS

    report, lint = ReadReport(), Lint()
    with watched(json, progress) as on_progress:
        read = options.read_options(schema, benign, tz)
        if rejected is not None:
            spare(rejected, expand(files))

        def rejections() -> Iterator["Rejection"]:
            """Every one, as the files are read: the report keeps only the first of them."""
            for batch in read_batches(files, read, report, reading(on_progress, "Reading flows")):
                lint.add(batch.flows, batch.rejections)
                yield from batch.rejections

        if rejected is None:
            deque(rejections(), maxlen=0)
        else:
            with whole_file(rejected) as temporary:
                write_rejections(temporary, rejections())
    result = report.to_json() | {"lint": [finding.to_json() for finding in lint.findings()]}
    told = report.skipped or report.format in CAPTURE_FORMATS  # the source says it itself
    if not report.rows and not told:
        result["warnings"].append("There is a header and no flow below it.")
    if json:
        print_json(result)
    else:
        _show(result, report)


def _show(result: dict[str, Any], report: Any) -> None:
    pairs(
        [
            ("format", result["format"]),
            ("schema", result["schema"]),
            ("rows", result["rows"]),
            ("accepted", result["accepted"]),
            ("rejected", report.rejected.total()),
        ]
    )
    if result["labels"]:
        table("Labels", ("class", "rows"), result["labels"].items())
    if result["rejected"]:
        table("Rejected", ("rule", "rows"), result["rejected"].items())
        shown = report.rejections[:_MOST_REJECTIONS_SHOWN]
        rows = [(item.line, item.column, item.value, item.rule) for item in shown]
        table("First of them", ("line", "column", "value", "rule"), rows)
    if "skipped" in result:
        table("Skipped, being no flows", ("kind", "records"), result["skipped"].items())
    if result["lint"]:
        keys = ("rule", "rows", "sentence", "remedy")
        told = [tuple(finding[key] for key in keys) for finding in result["lint"]]
        table("Oddities", ("rule", "rows", "what is odd", "what to do"), told)
    print_warnings(result["warnings"])
