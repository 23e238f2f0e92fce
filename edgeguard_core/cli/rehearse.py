"""``edgeguard rehearse``: what a bundle would find of known attacks in one's own traffic."""

from pathlib import Path
from typing import Annotated, Any

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.collect import kinds_of
from edgeguard_core.cli.output import pairs, percent, print_json, print_warnings, table
from edgeguard_core.cli.progress import watched

SUMMARY = "See what known attacks in your flows would raise."
EXAMPLE = "Example: edgeguard rehearse office.bundle conn.log"


def command(
    bundle: options.BundlePath,
    files: options.Files,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Also write each flow of the attacks: a .parquet or .csv."),
    ] = None,
    kinds: Annotated[
        str, typer.Option("--kinds", help="Kinds of attack, by commas. Default: each.")
    ] = "all",
    state: options.State = None,
    schema: options.SchemaOption = None,
    benign: options.Benign = None,
    tz: options.TimeZone = "UTC",
    local_network: options.LocalNetworks = None,
    seed: options.Seed = 0,
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Lay synthetic attacks of each kind and strength into your own flows, and score them there.

    A yardstick where nothing is labelled. The attacks are made up: real ones may look different.
    """
    from edgeguard_core.bundle import Bundle
    from edgeguard_core.detection import Detector
    from edgeguard_core.pipeline.rehearse import rehearse

    with watched(json, progress) as on_progress:
        done = rehearse(
            Detector(Bundle.load(bundle), state),
            files,
            out,
            kinds=kinds_of(kinds),
            seed=seed,
            read=options.read_options(schema, benign, tz, local_network),
            on_progress=on_progress,
        ).to_json()
    if json:
        print_json(done)
    else:
        _show(done)


def _show(result: dict[str, Any]) -> None:
    print_warnings(result["warnings"])
    threshold = result["threshold"]
    origin = threshold["origin"].replace("bundle", "the bundle")
    about = [
        ("laid into", f"{result['flows']:,} flows"),
        ("threshold", f"{threshold['value']:.4g} from {origin}"),
    ]
    if result["out"]:
        about.insert(0, ("written", result["out"]))
    pairs(about)
    strengths = tuple(result["mean_recall"])
    cells = {(one["kind"], one["strength"]): one for one in result["attacks"]}
    kinds = dict.fromkeys(one["kind"] for one in result["attacks"])
    rows = [(kind, *(_cell(cells[kind, strength]) for strength in strengths)) for kind in kinds]
    means = ("mean of the kinds", *(percent(mean) for mean in result["mean_recall"].values()))
    table("Synthetic attacks that alert", ("kind", *strengths), [*rows, means])
    print(result["sentence"])


def _cell(one: dict[str, Any]) -> str:
    return f"{percent(one['recall'])} of {one['flows']:,}"
