"""``edgeguard evaluate``: how well a bundle does on labelled flows."""

from typing import Any

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, percent, print_json, print_warnings, table
from edgeguard_core.cli.progress import watched

SUMMARY = "Judge a bundle on labelled flows."
EXAMPLE = "Example: edgeguard evaluate office.bundle labelled.csv --json"


def command(
    bundle: options.BundlePath,
    files: options.Files,
    state: options.State = None,
    schema: options.SchemaOption = None,
    benign: options.Benign = None,
    tz: options.TimeZone = "UTC",
    local_network: options.LocalNetworks = None,
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Judge a bundle on labelled flows: ROC AUC, precision, recall, false alarms kept or broken."""
    from edgeguard_core.bundle import Bundle
    from edgeguard_core.detection import Detector
    from edgeguard_core.pipeline.judge import evaluate_files

    with watched(json, progress) as on_progress:
        done = evaluate_files(
            Detector(Bundle.load(bundle), state),
            files,
            read=options.read_options(schema, benign, tz, local_network),
            on_progress=on_progress,
        )
    if json:
        print_json(done.to_json())
    else:
        _show(done.to_json())


def _show(result: dict[str, Any]) -> None:
    print_warnings(result["warnings"])
    promised = result["promised_false_positive_rate"]
    pairs(
        [
            ("flows", f"{result['flows']:,}, {result['attacks']:,} of them attacks"),
            ("ROC AUC", result["roc_auc"]),
            ("average precision", result["average_precision"]),
            *(
                (f"recall at FPR {rate}", percent(value))
                for rate, value in result["tpr_at_fpr"].items()
            ),
            ("threshold", f"{result['threshold']['value']:.4g} ({result['threshold']['method']})"),
            ("calibrated on", result["threshold"]["calibrated_on"]),
            ("set at", f"{result['threshold']['set_at']} ({result['threshold']['origin']})"),
            ("alerts", result["alerts"]),
            ("precision", percent(result["precision"])),
            ("recall", percent(result["recall"])),
            ("F1", result["f1"]),
            ("false-alarm rate", percent(result["false_positive_rate"])),
            ("promised", percent(promised)),
            *_audited(result["promise"]),
        ]
    )
    rows = [
        (name, found["flows"], percent(found["recall"]))
        for name, found in result["per_class"].items()
    ]
    if rows:
        table("Attack classes", ("class", "flows", "recall"), rows)


def _audited(promise: dict[str, Any] | None) -> list[tuple[str, object]]:
    """What became of the promise: the realised rate, its interval, and the verdict."""
    if promise is None or promise["realised"] is None:
        return []
    ends = f"{percent(promise['low'])} to {percent(promise['high'])}"
    verdict = "broken" if promise["breached"] else "kept"
    return [("realised", f"{percent(promise['realised'])}, 95 % interval {ends}: {verdict}")]
