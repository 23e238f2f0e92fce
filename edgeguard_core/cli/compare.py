"""``edgeguard compare``: models side by side on one's own flows."""

from pathlib import Path
from typing import Annotated, Any

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, percent, print_json, print_warnings, table
from edgeguard_core.cli.progress import watched

SUMMARY = "Put models beside each other on your flows."
EXAMPLE = "Example: edgeguard compare office.bundle --on labelled.csv --with knn,iforest"


def command(
    bundles: Annotated[
        list[Path],
        typer.Argument(
            help="Bundles, the one to be held against first.",
            parser=options.bundle_path,
            show_default=False,
        ),
    ],
    on: Annotated[
        list[Path],
        typer.Option("--on", help="A file of flows to judge; may be repeated.", show_default=False),
    ],
    peers: Annotated[
        str,
        typer.Option(
            "--with",
            help="Plain detectors, by comma: knn, iforest, lof, svm; with pyod installed also "
            "ecod, copod, hbos, pca, ae, vae, deepsvdd.",
        ),
    ] = "",
    fit: Annotated[
        list[Path] | None,
        typer.Option(
            "--fit",
            help="Flows for these to learn from; may be repeated. Default: the benign ones of the "
            "earliest third of --on, which nothing is judged on.",
        ),
    ] = None,
    alerts_per_hour: Annotated[
        float | None,
        typer.Option(
            "--alerts-per-hour",
            min=0,
            help="Alerts an hour of each. Default: as many as the first bundle's threshold.",
        ),
    ] = None,
    alerts: Annotated[
        int | None, typer.Option("--alerts", min=1, help="Alerts of each on all judged flows.")
    ] = None,
    schema: options.SchemaOption = None,
    benign: options.Benign = None,
    tz: options.TimeZone = "UTC",
    local_network: options.LocalNetworks = None,
    seed: options.Seed = 0,
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Put models beside each other on the same flows, each at as many alerts.

    Differences to the first have 95 % intervals of a paired bootstrap.
    """
    from edgeguard_core.bundle import Bundle
    from edgeguard_core.detection import Detector
    from edgeguard_core.evaluation.peers import peer_called
    from edgeguard_core.pipeline.compare import compare_files

    beside = [peer_called(word.strip()) for word in peers.split(",") if word.strip()]
    with watched(json, progress) as on_progress:
        done = compare_files(
            [Detector(Bundle.load(bundle)) for bundle in bundles],
            on,
            peers=beside,
            fit=fit or (),
            alerts_per_hour=alerts_per_hour,
            alerts=alerts,
            read=options.read_options(schema, benign, tz, local_network),
            seed=seed,
            on_progress=on_progress,
        ).to_json()
    if json:
        print_json(done)
    else:
        _show(done)


def _show(result: dict[str, Any]) -> None:
    print_warnings(result["warnings"])
    about = [
        ("flows judged", f"{result['flows']:,}"),
        ("alerts of each", f"at most {result['alerts_each']:,}"),
    ]
    if result["peers_fitted_on"]:
        about.append(("others learned from", result["peers_fitted_on"]))
    pairs(about)
    models = result["models"]
    table(
        "At as many alerts",
        ("model", "recall", "precision", "false alarms", "ROC AUC", "average precision", "shared"),
        [
            (
                model["name"], percent(model["recall"]), percent(model["precision"]),
                percent(model["false_positive_rate"]), model["roc_auc"],
                model["average_precision"], percent(model["overlap"]),
            )
            for model in models
        ],
    )  # fmt: skip
    ahead = [model for model in models if model["lead_on_first"]]
    if ahead:
        names = tuple(ahead[0]["lead_on_first"])
        table(
            f"Ahead of {models[0]['name']}, with 95 % intervals",
            ("model", *(name.replace("_", " ").replace("roc auc", "ROC AUC") for name in names)),
            [(m["name"], *(_interval(m["lead_on_first"][name]) for name in names)) for m in ahead],
        )


def _interval(lead: dict[str, float]) -> str:
    return f"{lead['difference']:+.3f} ({lead['low']:+.3f} to {lead['high']:+.3f})"
