"""``edgeguard preprocess``: validated flows in two Parquet files, to train and to test."""

from pathlib import Path
from typing import Annotated

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, print_json, print_warnings
from edgeguard_core.cli.progress import watched

SUMMARY = "Validate and split flows into two Parquet files."
EXAMPLE = "Example: edgeguard preprocess flows.csv --out prepared --test-share 0.5 --seed 1"


def command(
    files: options.Files,
    out: Annotated[Path, typer.Option("--out", help="Folder to write, new.", show_default=False)],
    test_share: Annotated[
        float, typer.Option("--test-share", help="Share of benign flows kept for testing.")
    ] = 0.2,
    split: Annotated[
        str | None,
        typer.Option("--split", help="time or random. Default: time where there is any."),
    ] = None,
    seed: options.Seed = 0,
    schema: options.SchemaOption = None,
    benign: options.Benign = None,
    unlabelled_as_benign: options.UnlabelledAsBenign = False,
    tz: options.TimeZone = "UTC",
    local_network: options.LocalNetworks = None,
    force: options.Force = False,
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Validate, clean and split flows into train.parquet and test.parquet; attacks go to test."""
    from edgeguard_core.pipeline.preprocess import preprocess

    if split not in (None, "time", "random"):
        raise typer.BadParameter(f"{split!r} is neither time nor random.", param_hint="--split")
    with watched(json, progress) as on_progress:
        done = preprocess(
            files,
            out,
            read=options.read_options(schema, benign, tz, local_network),
            test_share=test_share,
            kind=split,
            seed=seed,
            take_unlabelled=unlabelled_as_benign,
            force=force,
            on_progress=on_progress,
        )
    if json:
        print_json(done.to_json())
        return
    print_warnings(done.warnings)
    pairs(
        [
            ("to train on", f"{done.train_flows:,} benign flows  {done.train}"),
            ("to test on", f"{done.test_flows:,} flows  {done.test}"),
            ("rejected", done.report.rejected.total()),
            ("split by", done.split),
        ]
    )
