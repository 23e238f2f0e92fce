"""``edgeguard collect``: traffic to learn from and to try things on."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, print_json
from edgeguard_core.cli.progress import watched
from edgeguard_core.errors import SourceError

SUMMARY = "Synthesise traffic of an office or a home."
EXAMPLE = "Example: edgeguard collect --synthetic office --hours 24 --seed 1 --out office.csv"

KeepBytes = Annotated[
    int | None,
    typer.Option(
        "--keep-bytes",
        min=54,
        max=65_535,
        help="Of each packet of a .pcap; 65535 keep all. Default: 96, every header.",
    ),
]


def command(
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="A .csv, .csv.gz, .parquet or .pcap file to write.", show_default=False
        ),
    ],
    profile: Annotated[
        str | None, typer.Argument(help="What to synthesise: office (the default) or home.")
    ] = None,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Synthesise traffic: all that is here yet.")
    ] = False,
    hours: Annotated[float | None, typer.Option("--hours", help="How much time.")] = None,
    flows: Annotated[int | None, typer.Option("--flows", help="Or how many benign flows.")] = None,
    attacks: Annotated[
        str,
        typer.Option("--attacks", help="Kinds of attack to lay in, by commas; all for each."),
    ] = "",
    strength: Annotated[
        str, typer.Option("--strength", help="Of the attacks: low, medium or high.")
    ] = "medium",
    start: Annotated[
        str | None,
        typer.Option("--start", help="When it begins, such as 2024-03-04T08:00; UTC."),
    ] = None,
    largest: Annotated[
        float | None,
        typer.Option("--largest-flow", help="Leave out benign flows of more bytes."),
    ] = None,
    keep_bytes: KeepBytes = None,
    seed: options.Seed = 0,
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Synthesise labelled traffic with a daily rhythm and the heavy tails of real networks.

    Reading captures and listening on an interface are not here yet: give flow logs to the
    other verbs as they are.
    """
    from edgeguard_core.pipeline.synthetic import collect_synthetic
    from edgeguard_core.sources.synthesis.request import SynthesisRequest

    if not synthetic:
        raise SourceError(
            "Captures cannot be read and interfaces not be listened on yet; add --synthetic, or "
            "give flow logs to the other verbs as they are."
        )
    request = SynthesisRequest(
        profile=profile or "office",
        hours=hours,
        flows=flows,
        seed=seed,
        start_ms=_milliseconds(start),
        attacks=kinds_of(attacks),
        strength=strength,
        largest_flow_bytes=float("inf") if largest is None else largest,
    )
    with watched(json, progress) as on_progress:
        done = collect_synthetic(request, out, keep_bytes=keep_bytes, on_progress=on_progress)
    if json:
        print_json(done.to_json())
        return
    attacked = ", ".join(f"{name} {count:,}" for name, count in done.attacks.items())
    pairs([("written", done.out), ("flows", done.flows), ("attacks", attacked or "none")])


def kinds_of(text: str) -> tuple[str, ...]:
    """The kinds of attack that a comma-separated list names; ``all`` is each."""
    named = tuple(part.strip() for part in text.split(",") if part.strip())
    if "all" in named:
        from edgeguard_core.sources.synthesis.attacks import ATTACKS

        return tuple(ATTACKS)
    return named


def _milliseconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError as error:
        raise SourceError(
            f"--start {text!r} is no time; write it like 2024-03-04T08:00."
        ) from error
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp() * 1000
