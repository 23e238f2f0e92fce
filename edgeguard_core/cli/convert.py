"""``edgeguard convert``: the same model as another variant."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, print_json
from edgeguard_core.cli.progress import watched

SUMMARY = "Make another TFLite variant of a bundle."
EXAMPLE = "Example: edgeguard convert office.bundle --variant dynamic_int8 --out small.bundle"


def command(
    bundle: options.BundlePath,
    variant: Annotated[
        str,
        typer.Option(
            "--variant", help="float32, float16, dynamic_int8 or full_int8.", show_default=False
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="The new bundle: a folder or .zip.", show_default=False)
    ],
    force: options.Force = False,
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Rebuild a bundle's model as another TFLite variant; refused if it does not answer alike."""
    from edgeguard_core.bundle import Bundle
    from edgeguard_core.pipeline.convert import convert_bundle

    with watched(json, progress) as on_progress:
        done = convert_bundle(
            Bundle.load(bundle),
            variant,
            out,
            now=lambda: datetime.now(UTC),
            force=force,
            on_progress=on_progress,
        )
    if json:
        print_json(done.to_json())
        return
    pairs(
        [
            ("bundle", done.bundle),
            ("variant", done.variant),
            ("kB", f"{done.bytes / 1000:.1f}"),
            ("rank correlation", done.parity["spearman"]),
            ("equal alerts", done.parity["verdict_jaccard"]),
        ]
    )
