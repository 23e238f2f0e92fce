"""``edgeguard train``: learn what is normal, and write a bundle."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, print_json, print_warnings, table
from edgeguard_core.cli.progress import watched

if TYPE_CHECKING:
    from edgeguard_core.pipeline.train import Trained

SUMMARY = "Learn what is normal, write a bundle."
EXAMPLE = "Example: edgeguard train flows.csv --out office.bundle"
_STEPS = 4_000


def command(
    files: options.Files,
    out: Annotated[
        Path, typer.Option("--out", help="The new bundle: a folder or .zip.", show_default=False)
    ],
    seed: options.Seed = 0,
    fpr: Annotated[
        float, typer.Option("--fpr", help="False-alarm rate that the threshold promises.")
    ] = 0.01,
    variant: Annotated[
        str, typer.Option("--variant", help="What ships: float32, float16 or dynamic_int8.")
    ] = "float32",
    size: Annotated[
        str, typer.Option("--size", help="Of the network: s, m or l (widths 32, 64 or 128).")
    ] = "m",
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps", min=1, help="Training steps of 256 flows.", show_default=str(_STEPS)
        ),
    ] = None,
    epochs: Annotated[
        float | None,
        typer.Option("--epochs", help="Passes over the fitted flows, instead of --steps."),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            "--leave-out", help="A feature that the model shall not read; may be repeated."
        ),
    ] = None,
    schema: options.SchemaOption = None,
    benign: options.Benign = None,
    unlabelled_as_benign: options.UnlabelledAsBenign = False,
    keep_suspected: Annotated[
        bool,
        typer.Option(
            "--keep-suspected", help="Learn unlabelled flows that look like an attack, too."
        ),
    ] = False,
    tz: options.TimeZone = "UTC",
    local_network: options.LocalNetworks = None,
    keep_rows: Annotated[
        bool,
        typer.Option("--keep-rows", help="Keep up to 2,000 real rows in the bundle for convert."),
    ] = False,
    as_zip: Annotated[bool, typer.Option("--zip", help="Write one .zip file.")] = False,
    context: Annotated[
        bool,
        typer.Option(
            "--context/--no-context", help="Learn the recent history of hosts, too, given times."
        ),
    ] = True,
    lean: Annotated[
        bool, typer.Option("--lean", help="Leave out what only convert needs: a third of the size.")
    ] = False,
    note: Annotated[str, typer.Option("--note", help="A word kept in the bundle's card.")] = "",
    force: options.Force = False,
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Learn the benign flows of files, choose a threshold on those held out, write a bundle."""
    from edgeguard_core.config import TrainingConfig
    from edgeguard_core.pipeline.train import TrainRequest, train

    if steps is not None and epochs is not None:
        raise typer.BadParameter("--steps and --epochs both say how long; give one of them")
    with watched(json, progress) as on_progress:
        request = TrainRequest(
            paths=files,
            out=out.with_name(f"{out.name}.zip") if as_zip and out.suffix != ".zip" else out,
            config=TrainingConfig.of_size(size, seed=seed, steps=steps or _STEPS),
            read=options.read_options(schema, benign, tz, local_network),
            variant=variant,
            promise=fpr,
            take_unlabelled=unlabelled_as_benign,
            keep_suspected=keep_suspected,
            keep_rows=keep_rows,
            context=context,
            left_out=tuple(leave_out or ()),
            epochs=epochs,
            lean=lean,
            note=note,
            force=force,
        )
        done = train(request, now=lambda: datetime.now(UTC), on_progress=on_progress)
    if json:
        print_json(done.to_json())
    else:
        _show(done)


def _show(done: "Trained") -> None:
    print_warnings(done.warnings)
    threshold = done.bundle.threshold
    pairs(
        [
            ("bundle", done.bundle.path),
            ("learned from", f"{done.fitted:,} of {done.benign:,} benign flows"),
            ("calibrated on", f"{done.calibration_rows:,} held out by {done.split}"),
            ("threshold", f"{threshold.value:.4g}, {threshold.method} at {threshold.target:g}"),
            ("seconds", round(done.seconds, 1)),
        ]
    )
    rows = [
        (name, f"{figures['bytes'] / 1000:.1f}", figures["spearman"], figures["verdict_jaccard"])
        for name, figures in done.variants.items()
    ]
    table("Variants", ("variant", "kB", "rank correlation", "equal alerts"), rows)
