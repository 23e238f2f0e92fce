"""``edgeguard collect``: traffic to learn from and to try things on."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, print_json, print_warnings
from edgeguard_core.cli.progress import watched
from edgeguard_core.errors import SourceError

SUMMARY = "Make flows of captures or of an interface, or synthesise them."
EXAMPLE = "Example: edgeguard collect --interface eth0 --seconds 600 --out flows.parquet"

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
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="Captures or folders of them; with --synthetic office (the default) or home.",
            metavar="[PCAP]...",
            show_default=False,
        ),
    ] = None,
    interface: Annotated[
        str | None, typer.Option("--interface", help="Listen here instead, such as eth0.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="How long to listen. Default: 60.")
    ] = None,
    bpf_filter: Annotated[
        str | None, typer.Option("--filter", help="Packets to look at, such as 'not port 22'.")
    ] = None,
    local_network: options.LocalNetworks = None,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Synthesise labelled traffic.")
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
    """Make flows of packet captures, listen on an interface, or synthesise labelled traffic.

    Synthesised traffic has a daily rhythm and the heavy tails of real networks. The options
    from --hours on are for it alone.
    """
    from edgeguard_core.pipeline.synthetic import collect_synthetic
    from edgeguard_core.sources.synthesis.request import SynthesisRequest

    if not synthetic:
        _collect_packets(
            what or [], interface, seconds, bpf_filter, local_network, out, json, progress
        )
        return
    if interface is not None or len(what or []) > 1:
        raise SourceError("With --synthetic nothing but office or home is named; leave the rest.")
    request = SynthesisRequest(
        profile=what[0] if what else "office",
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


def _collect_packets(
    captures: list[str],
    interface: str | None,
    seconds: float | None,
    bpf_filter: str | None,
    local_network: list[str] | None,
    out: Path,
    json: bool,
    progress: Path | None,
) -> None:
    from edgeguard_core.pipeline.packets import collect_captures, collect_interface

    if bool(captures) == (interface is not None):
        raise SourceError(
            "Name captures, or an --interface, or add --synthetic: one of the three, to say what "
            "is collected."
        )
    if interface is None and (seconds is not None or bpf_filter is not None):
        raise SourceError("--seconds and --filter are for an --interface; leave them out.")
    read = options.read_options(None, None, "UTC", local_network)
    with watched(json, progress) as on_progress:
        if interface is None:
            done = collect_captures(captures, out, read=read, on_progress=on_progress)
        else:
            done = collect_interface(
                interface,
                60.0 if seconds is None else seconds,
                out,
                read=read,
                bpf_filter=bpf_filter,
                on_progress=on_progress,
            )
    print_warnings(done.warnings)
    if json:
        print_json(done.to_json())
        return
    pairs([("written", done.out), ("flows", done.flows)])


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
