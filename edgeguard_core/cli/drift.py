"""``edgeguard drift``: whether traffic is still what a bundle learned."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, percent, print_json, print_warnings, say, table
from edgeguard_core.cli.progress import watched

if TYPE_CHECKING:
    from edgeguard_core.detection import Detector
    from edgeguard_core.pipeline.drift.judge import DriftReport

SUMMARY = "Tell whether traffic is still what a bundle learned."
EXAMPLE = "Example: edgeguard drift office.bundle today.log --json"
_MOST_UNMOVED = 5  # rows of features that did not move; --json has all


def command(
    bundle: options.BundlePath,
    files: options.FilesOrStore = None,
    store: options.StoreOfWatch = None,
    hours: options.Hours = options.LAST_HOURS,
    sensor: options.Sensors = None,
    gate: Annotated[
        bool, typer.Option("--gate", help="End with 3 where there is drift, as a gate does.")
    ] = False,
    state: options.State = None,
    schema: options.SchemaOption = None,
    benign: options.Benign = None,
    tz: options.TimeZone = "UTC",
    local_network: options.LocalNetworks = None,
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Tell whether traffic is still what a bundle learned: its columns, features and scores.

    No training flow is needed, the bundle keeps what they looked like. With --store the flows
    are those that a running watch saw, by the counts it keeps. Of labelled files only
    the benign flows are judged. A drift is named changed traffic, an attack or a broken sensor
    where the flows tell. Ends with 0 either way, unless --gate is given.
    """
    from edgeguard_core.bundle import Bundle
    from edgeguard_core.detection import Detector
    from edgeguard_core.errors import GateRefused
    from edgeguard_core.pipeline.drift.judge import drift_files

    options.require_files_or_store(files, store)
    detector = Detector(Bundle.load(bundle), state)
    if store is not None:
        done = _of_store(detector, store, hours, sensor)
    else:
        with watched(json, progress) as on_progress:
            done = drift_files(
                detector,
                files or [],
                read=options.read_options(schema, benign, tz, local_network),
                on_progress=on_progress,
            )
    if gate and done.has_drifted:
        raise GateRefused(done.verdict)
    if json:
        print_json(done.to_json())
    else:
        _show(done.to_json())


def _of_store(
    detector: "Detector", url: str, hours: float, sensors: list[str] | None
) -> "DriftReport":
    from edgeguard_core.cli.store import opened_store
    from edgeguard_core.pipeline.drift.live import drift_store

    with opened_store(url) as opened:
        return drift_store(detector, opened, hours=hours, sensors=sensors or None)


def _show(result: dict[str, Any]) -> None:
    print_warnings(result["warnings"])
    say(result["verdict"])
    for sentence in result["diagnosis"]["evidence"]:
        say(f"- {sentence}")
    score = result["score"]
    shown: list[tuple[str, object]] = [
        ("flows judged", f"{result['flows']:,}" + ", the benign ones" * result["benign_alone"]),
        ("missing columns", ", ".join(result["missing_columns"]) or "none"),
        ("score shift", result["score_shift"]),
    ]
    if score is not None:
        alerts = (
            f"{percent(score['alert_share'])}, {percent(score['expected_alert_share'])} expected"
        )
        shown.append(("alerts", alerts))
    pairs(shown)
    _show_features(result["features"])


def _show_features(features: dict[str, dict[str, Any]]) -> None:
    """Measured features that moved, a few that did not, and history that did."""
    left, rows = _MOST_UNMOVED, []
    for name, found in sorted(features.items(), key=lambda item: -item[1]["psi"]):
        if not found["drifted"]:
            if found["history"] or not left:
                continue
            left -= 1
        kind = "history" if found["history"] else found["kind"]
        rows.append(
            (
                name, "yes" if found["drifted"] else "no", kind, round(found["psi"], 3),
                round(found["distance"], 3), f"{found['p']:.2g}",
            )
        )  # fmt: skip
    if rows:
        table("Features", ("feature", "drifted", "kind", "PSI", "distance", "p"), rows)
