"""``edgeguard models shadow-report``: champion and shadow on the same flows."""

from typing import TYPE_CHECKING

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, percent, print_json, print_warnings, table
from edgeguard_core.cli.progress import watched
from edgeguard_core.cli.registry_option import MODELS, RegistryFolder, opened_registry

if TYPE_CHECKING:
    from edgeguard_core.pipeline.registry import Registry
    from edgeguard_core.pipeline.shadow import ShadowReport
    from edgeguard_core.pipeline.shadow_live import LiveShadowReport


def report_shadow(
    files: options.FilesOrStore = None,
    store: options.StoreOfWatch = None,
    hours: options.Hours = options.LAST_HOURS,
    sensor: options.Sensors = None,
    registry: RegistryFolder = MODELS,
    schema: options.SchemaOption = None,
    benign: options.Benign = None,
    tz: options.TimeZone = "UTC",
    local_network: options.LocalNetworks = None,
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Score files with champion and shadow, and tell where they differ.

    Each alerts at the threshold in force for it. Recall and precision are compared at as many
    alerts of both as the champion raises. With --store the flows are those of a running watch,
    which nobody labelled.
    """
    options.require_files_or_store(files, store)
    if store is not None:
        _report_of_store(opened_registry(registry), store, hours, sensor, json)
        return
    from edgeguard_core.pipeline.shadow import shadow_report

    with watched(json, progress) as on_progress:
        done = shadow_report(
            opened_registry(registry),
            files or [],
            read=options.read_options(schema, benign, tz, local_network),
            on_progress=on_progress,
        )
    if json:
        print_json(done.to_json())
        return
    print_warnings(done.compared.warnings)
    _show_both(done)
    table(
        "At as many alerts",
        ("model", "alerts", "recall", "precision", "false alarms", "ROC AUC", "average precision"),
        [
            (
                model.name, model.alerts, percent(model.recall), percent(model.precision),
                percent(model.false_positive_rate), model.roc_auc, model.average_precision,
            )
            for model in done.compared.found.models
        ],
    )  # fmt: skip


def _report_of_store(
    registry: "Registry", url: str, hours: float, sensors: list[str] | None, json: bool
) -> None:
    from edgeguard_core.cli.store import opened_store
    from edgeguard_core.pipeline.shadow_live import shadow_store

    with opened_store(url) as opened:
        done = shadow_store(registry, opened, hours=hours, sensors=sensors or None)
    if json:
        print_json(done.to_json())
        return
    print_warnings(done.warnings)
    _show_both(done)
    pairs([("hours", done.hours)])
    table(
        "By themselves",
        ("model", "alerts an hour", "threshold", "microseconds a flow"),
        [
            (name, alerts, threshold["value"], microseconds)
            for name, alerts, threshold, microseconds in zip(
                (f"champion {done.champion:04d}", f"shadow {done.shadow:04d}"),
                done.alerts_per_hour, done.thresholds, done.microseconds, strict=True,
            )
        ],
    )  # fmt: skip


def _show_both(done: "ShadowReport | LiveShadowReport") -> None:
    """Where champion and shadow differ, of files and of a store in the same words."""
    pairs(
        [
            ("champion, shadow", f"{done.champion:04d}, {done.shadow:04d}"),
            ("flows", done.flows),
            ("alerts of both", done.both),
            ("of the champion alone", done.champion_only),
            ("of the shadow alone", done.shadow_only),
            ("alerts they share", percent(done.agreement)),
            ("rank correlation", done.spearman),
        ]
    )
