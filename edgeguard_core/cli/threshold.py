"""``edgeguard threshold``: show the threshold in force, or choose another one."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, print_json, print_warnings
from edgeguard_core.cli.progress import watched
from edgeguard_core.errors import NotEnoughDataError

if TYPE_CHECKING:
    from edgeguard_core.detection import Detector
    from edgeguard_core.pipeline.judge import Calibrated
    from edgeguard_core.thresholds import Threshold, ThresholdSketch

SUMMARY = "Show the threshold in force, or choose one."
EXAMPLE = "Example: edgeguard threshold office.bundle --calibrate local.csv --fpr 0.001"
_NEEDS_ATTACKS = ("precision", "recall", "f_beta", "costs")

Chooser = Callable[["ThresholdSketch", str], "Threshold"]


def command(
    bundle: options.BundlePath,
    calibrate: Annotated[
        list[Path] | None,
        typer.Option("--calibrate", help="Choose on the flows of this file; may be repeated."),
    ] = None,
    fpr: Annotated[float | None, typer.Option("--fpr", help="Promise this false-alarm rate.")] = (
        None
    ),
    contamination: Annotated[
        float | None,
        typer.Option(
            "--contamination",
            help="With --calibrate and a promised rate: the share of these flows that may be "
            "attacks. Default: 0.01, or 0 where labels say which are benign.",
        ),
    ] = None,
    half_life_hours: Annotated[
        float | None,
        typer.Option(
            "--half-life-hours",
            help="With --calibrate and a promised rate: recent flows weigh more, half as much "
            "every so many hours of age. Default: all weigh the same.",
        ),
    ] = None,
    alerts_per_hour: Annotated[
        float | None, typer.Option("--alerts-per-hour", help="At most so many alerts an hour.")
    ] = None,
    alerts_per_day: Annotated[
        float | None, typer.Option("--alerts-per-day", help="At most so many alerts a day.")
    ] = None,
    precision: Annotated[
        float | None, typer.Option("--precision", help="At least this precision.")
    ] = None,
    recall: Annotated[float | None, typer.Option("--recall", help="At least this recall.")] = None,
    f_beta: Annotated[
        float | None, typer.Option("--f-beta", help="The highest F-beta; give beta.")
    ] = None,
    costs: Annotated[
        tuple[float, float] | None,
        typer.Option("--costs", help="The lowest cost: of a false alarm, of a missed attack."),
    ] = None,
    percentile: Annotated[
        float | None, typer.Option("--percentile", help="This percentile of benign scores.")
    ] = None,
    sigmas: Annotated[
        float | None, typer.Option("--sigmas", help="Benign mean plus so many deviations.")
    ] = None,
    mads: Annotated[
        float | None, typer.Option("--mads", help="Benign median plus so many scaled MADs.")
    ] = None,
    pot: Annotated[
        float | None,
        typer.Option("--pot", help="The rate at which a tail fitted to benign peaks is crossed."),
    ] = None,
    value: Annotated[float | None, typer.Option("--value", help="This very score.")] = None,
    flows_per_hour: Annotated[
        float | None,
        typer.Option("--flows-per-hour", help="Traffic to expect, for alerts per hour."),
    ] = None,
    who: options.Who = None,
    why: Annotated[str, typer.Option("--why", help="The reason, kept with the version.")] = "",
    state: options.State = None,
    schema: options.SchemaOption = None,
    benign: options.Benign = None,
    tz: options.TimeZone = "UTC",
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Show the threshold in force; or choose one and keep it as a new version in the state folder.

    Without --calibrate the choice is made on the bundle's own held-out benign scores.
    """
    from edgeguard_core.bundle import Bundle
    from edgeguard_core.detection import Detector
    from edgeguard_core.pipeline.account import account_name
    from edgeguard_core.pipeline.judge import calibrate_on, store_threshold

    wanted = {
        "fpr": fpr, "alerts_per_hour": alerts_per_hour, "alerts_per_day": alerts_per_day,
        "precision": precision, "recall": recall, "f_beta": f_beta, "costs": costs,
        "percentile": percentile, "sigmas": sigmas, "mads": mads, "pot": pot, "value": value,
    }  # fmt: skip
    given = {name: chosen for name, chosen in wanted.items() if chosen is not None}
    if len(given) > 1:
        names = " and ".join("--" + name.replace("_", "-") for name in given)
        raise typer.BadParameter(f"{names} both choose a threshold; give one of them.")
    for name, told in (("contamination", contamination), ("half-life-hours", half_life_hours)):
        if told is not None and (not calibrate or set(given) - {"fpr"}):
            raise typer.BadParameter(f"--{name} goes with --calibrate and a promised rate.")
    with watched(json, progress) as on_progress:
        detector = Detector(Bundle.load(bundle), state)
        warnings: list[str] = []
        calibration: dict[str, Any] | None = None
        if given or calibrate:
            if not calibrate and set(given) & set(_NEEDS_ATTACKS):
                raise NotEnoughDataError(
                    "The bundle keeps scores of benign flows only, which show no attack to choose "
                    "by; add --calibrate FILE with labelled attacks."
                )
            read = options.read_options(schema, benign, tz)
            local = (
                calibrate_on(detector, calibrate, read=read, on_progress=on_progress)
                if calibrate
                else None
            )
            wish: dict[str, Any] = given or {"fpr": _promise(detector)}
            if local and "fpr" in wish:
                found, local = local.promising(wish["fpr"], contamination, half_life_hours)
                threshold, calibration = found.threshold, found.to_json()
                warnings += found.warnings
            else:
                threshold = _chooser(wish, flows_per_hour)(
                    _sketch(detector, local, set(given)),
                    local.on_what if local else detector.bundle.threshold.calibrated_on,
                )
                warnings += [threshold.warning] if threshold.warning else []
            store_threshold(
                detector, threshold, local, who=who or account_name(), why=why, now=_now
            )
            warnings += local.warnings if local else []
    _report(detector, warnings, calibration, json)


def _sketch(detector: "Detector", local: "Calibrated | None", ways: set[str]) -> "ThresholdSketch":
    """What to choose on: benign scores one by one, unless all flows or attacks count."""
    if local is None:
        return detector.bundle.calibration.sketch
    counts_all = ways & {*_NEEDS_ATTACKS, "alerts_per_hour", "alerts_per_day"}
    return local.sketch if counts_all else local.benign.sketch


def _now() -> datetime:
    return datetime.now(UTC)


def _promise(detector: "Detector") -> float:
    return detector.bundle.threshold.promised_false_positive_rate or 0.01


def _chooser(given: dict[str, Any], flows_per_hour: float | None) -> Chooser:
    """The way to choose that was asked for."""
    from edgeguard_core import thresholds as ways

    (name, x), *_ = given.items()
    rate = {"flows_per_hour": flows_per_hour}
    table: dict[str, Chooser] = {
        "fpr": lambda sketch, on: ways.conformal(sketch, x, on),
        "alerts_per_hour": lambda sketch, on: ways.alerts_per_hour(sketch, x, on, **rate),
        "alerts_per_day": lambda sketch, on: ways.alerts_per_day(sketch, x, on, **rate),
        "precision": lambda sketch, on: ways.precision_at_least(sketch, x, on),
        "recall": lambda sketch, on: ways.recall_at_least(sketch, x, on),
        "f_beta": lambda sketch, on: ways.max_f_beta(sketch, x, on),
        "costs": lambda sketch, on: ways.min_cost(sketch, x[0], x[1], on),
        "percentile": lambda sketch, on: ways.percentile(sketch, x, on),
        "sigmas": lambda sketch, on: ways.mean_plus_sigmas(sketch, x, on),
        "mads": lambda sketch, on: ways.median_plus_mads(sketch, x, on),
        "pot": lambda sketch, on: ways.peaks_over_threshold(sketch, x, on),
        "value": lambda _sketch, _on: ways.fixed(x),
    }
    return table[name]


def _report(
    detector: "Detector", warnings: list[str], calibration: dict[str, Any] | None, json: bool
) -> None:
    threshold = detector.threshold
    result: dict[str, Any] = {
        "value": threshold.value,
        "method": threshold.method,
        "target": threshold.target,
        "calibrated_on": threshold.calibrated_on,
        "set_at": detector.set_at,
        "promised_false_positive_rate": threshold.promised_false_positive_rate,
        "origin": detector.origin,
        "calibration": calibration,
        "warnings": [*detector.warnings, *warnings],
    }
    if json:
        print_json(result)
        return
    print_warnings(result["warnings"])
    plain = {key: item for key, item in result.items() if key not in ("warnings", "calibration")}
    pairs([(key.replace("_", " "), item) for key, item in plain.items()] + _told(calibration))


def _told(calibration: dict[str, Any] | None) -> list[tuple[str, object]]:
    """What a calibration on the spot rests on, for people."""
    if calibration is None:
        return []
    told: list[tuple[str, object]] = [
        ("flows", calibration["flows"]),
        ("hours", calibration["hours"]),
    ]
    if calibration["from"] is not None:
        told.append(("from, to", f"{calibration['from']}, {calibration['to']}"))
    if calibration["half_life_hours"] is not None:
        told.append(("half-life", f"{calibration['half_life_hours']:g} hours"))
        told.append(("weigh as much as", f"{calibration['weight']:.0f} new flows"))
    told += [
        ("smallest promise", _share(calibration["smallest_promise"])),
        ("attacks allowed for", _share(calibration["contamination"])),
        ("left out as suspicious", calibration["left_out"]),
        ("false alarms at most", _share(calibration["at_most"])),
    ]
    return told + [
        (
            "suspicious",
            f"{each['host']} from {each['window']}: {each['flows']} flows behind its two highest, "
            f"up to a score of {each['highest']:.4g}",
        )
        for each in calibration["suspicions"]
    ]


def _share(share: float) -> str:
    return f"{100 * share:.2g} %"
