"""``edgeguard models``: trained bundles by version, and which of them is in use."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.models_shadow import report_shadow
from edgeguard_core.cli.output import pairs, print_json, say, table
from edgeguard_core.cli.registry_option import MODELS, RegistryFolder, opened_registry

if TYPE_CHECKING:
    from edgeguard_core.pipeline.registry import Registry
    from edgeguard_core.pipeline.registry_state import Event, RegistryState
    from edgeguard_core.pipeline.registry_version import Version

app = typer.Typer(
    help="Keep trained bundles by version; promote, shadow, roll back.",
    epilog="Example: edgeguard models register office.bundle",
)

VersionName = Annotated[
    str,
    typer.Argument(
        metavar="VERSION", help="Its number, or champion, candidate or shadow.", show_default=False
    ),
]
Because = Annotated[
    str, typer.Option("--because", help="The reason, kept in the history.", show_default=False)
]
MaybeBecause = Annotated[str, typer.Option("--because", help="The reason, kept in the history.")]


@app.command("list", epilog="Example: edgeguard models list")
def list_versions(registry: RegistryFolder = MODELS, json: options.Json = False) -> None:
    """List the versions, and what the aliases stand for."""
    opened = opened_registry(registry)
    state, versions = opened.state(), opened.versions()
    if json:
        told = [_told(version, state) for version in versions]
        print_json({"registry": registry, "aliases": _aliases(state), "versions": told})
        return
    if not versions:
        say(f"No version in {registry} yet; edgeguard models register BUNDLE adds one.")
        return
    table(
        "",
        ("version", "is", "trained", "run", "ROC AUC", "note"),
        [
            (
                f"{version.number:04d}", ", ".join(state.aliases_of(version.number)),
                version.created, version.run_id or "", version.metrics.get("roc_auc"),
                version.note,
            )
            for version in versions
        ],
    )  # fmt: skip


@app.command("show", epilog="Example: edgeguard models show champion")
def show(
    version: VersionName, registry: RegistryFolder = MODELS, json: options.Json = False
) -> None:
    """Show what is known of a version, and what was done with it."""
    opened = opened_registry(registry)
    state, found = opened.state(), opened.version(version)
    about = [event for event in opened.history() if found.number in _touched(event)]
    if json:
        steps = [event.to_json() for event in about]
        print_json({**_told(found, state), "history": steps})
        return
    pairs(
        [
            ("version", f"{found.number:04d}"),
            ("is", ", ".join(state.aliases_of(found.number)) or None),
            ("bundle", found.bundle_path),
            ("fingerprint", found.fingerprint),
            ("registered", f"{found.registered} by {found.who}"),
            ("trained", found.created),
            ("run", found.run_id),
            ("schema", found.schema),
            ("variant", found.variant),
            ("note", found.note or None),
            *((name, value) for name, value in found.metrics.items() if _is_plain(value)),
        ]
    )
    _show_steps(about)


@app.command("register", epilog="Example: edgeguard models register office.bundle --note monday")
def register(
    bundle: options.BundlePath,
    metrics: Annotated[
        Path | None,
        typer.Option(
            "--metrics",
            help="A JSON object of figures, such as evaluate --json prints. Default: the bundle's.",
        ),
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--run-id", help="The pipeline run that made it.")
    ] = None,
    note: Annotated[str, typer.Option("--note", help="What to remember of it.")] = "",
    who: options.Who = None,
    registry: RegistryFolder = MODELS,
    json: options.Json = False,
) -> None:
    """Copy a bundle into the registry as the new candidate.

    It gets the next number; a bundle that is registered already keeps its own.
    """
    measured = None if metrics is None else _metrics(metrics)
    opened = opened_registry(registry)
    found = opened.register(bundle, metrics=measured, run_id=run_id, note=note, who=who)
    _answer(opened, found, json)


@app.command("promote", epilog='Example: edgeguard models promote candidate --because "gates held"')
def promote(
    version: VersionName,
    because: Because,
    who: options.Who = None,
    registry: RegistryFolder = MODELS,
    json: options.Json = False,
) -> None:
    """Make a version the champion.

    The one before it stays, to go back to. A champion that is promoted again stays as it is.
    """
    opened = opened_registry(registry)
    _answer(opened, opened.promote(version, why=because, who=who), json)


@app.command("rollback", epilog='Example: edgeguard models rollback --because "twice the alerts"')
def rollback(
    because: Because,
    who: options.Who = None,
    registry: RegistryFolder = MODELS,
    json: options.Json = False,
) -> None:
    """Make the champion before this one champion again.

    Once more goes back further. What was rolled back from is not gone back to: only promoting it
    brings it back.
    """
    opened = opened_registry(registry)
    _answer(opened, opened.rollback(why=because, who=who), json)


@app.command("shadow", epilog="Example: edgeguard models shadow candidate")
def shadow(
    version: Annotated[
        str | None,
        typer.Argument(metavar="[VERSION]", help="Its number, or candidate.", show_default=False),
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="Have no shadow any more.")] = False,
    because: MaybeBecause = "",
    who: options.Who = None,
    registry: RegistryFolder = MODELS,
    json: options.Json = False,
) -> None:
    """Name the version that is tried beside the champion, or end that."""
    if end == (version is not None):
        raise typer.BadParameter("Give either the version to shadow with, or --end.")
    opened = opened_registry(registry)
    _answer(opened, opened.set_shadow(version, why=because, who=who), json)


app.command("shadow-report", epilog="Example: edgeguard models shadow-report today.csv")(
    report_shadow
)


@app.command("history", epilog="Example: edgeguard models history")
def history(registry: RegistryFolder = MODELS, json: options.Json = False) -> None:
    """Show every step: when, who, what and why."""
    steps = opened_registry(registry).history()
    if json:
        print_json({"registry": registry, "history": [event.to_json() for event in steps]})
        return
    if not steps:
        say(f"Nothing was done in {registry} yet.")
    _show_steps(steps)


@app.command("remove", epilog="Example: edgeguard models remove 3")
def remove(
    version: VersionName,
    because: MaybeBecause = "",
    who: options.Who = None,
    registry: RegistryFolder = MODELS,
    json: options.Json = False,
) -> None:
    """Remove a version that no alias stands for.

    The thresholds set for it on the spot go with it.
    """
    opened = opened_registry(registry)
    _answer(opened, opened.remove(version, why=because, who=who), json)


def _metrics(path: Path) -> dict[str, Any]:
    from edgeguard_core.bundle import strict_json
    from edgeguard_core.errors import SourceError

    try:
        return strict_json.load(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SourceError(
            f"The metrics in {path} cannot be read ({reason}); give a file with one JSON object."
        ) from error


def _answer(opened: "Registry", version: "Version | None", json: bool) -> None:
    """What the registry is after a step."""
    state = opened.state()
    if json:
        about = {} if version is None else _told(version, state)
        print_json({**about, "registry": opened.folder, "now": _aliases(state)})
        return
    if version is not None:
        pairs([("version", f"{version.number:04d}"), ("bundle", version.bundle_path)])
    pairs([(name, _number(number)) for name, number in _aliases(state).items()])


def _told(version: "Version", state: "RegistryState") -> dict[str, Any]:
    values = version.to_json()
    values.pop("format")
    return {
        "version": values.pop("number"),
        "aliases": list(state.aliases_of(version.number)),
        "bundle": version.bundle_path,
        **values,
    }


def _aliases(state: "RegistryState") -> dict[str, int | None]:
    from edgeguard_core.pipeline.registry_state import ALIASES

    return {name: state.aliases.get(name) for name in ALIASES}


def _touched(event: "Event") -> set[int | None]:
    return {event.version, event.before, event.after}


def _show_steps(steps: "list[Event]") -> None:
    if not steps:
        return
    table(
        "",
        ("when", "who", "what", "version", "from", "to", "why"),
        [
            (
                event.when, event.who, event.action, f"{event.version:04d}",
                _number(event.before), _number(event.after), event.why,
            )
            for event in steps
        ],
    )  # fmt: skip


def _number(number: int | None) -> str | None:
    return None if number is None else f"{number:04d}"


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, int | float | str)


@app.command("mlflow", epilog="Example: edgeguard models mlflow champion --store sqlite:///ml.db")
def log_to_mlflow(
    version: VersionName,
    store: Annotated[
        str, typer.Option("--store", help="MLflow's tracking URI.", show_default=True)
    ] = "sqlite:///mlflow.db",  # tracking.DEFAULT_STORE, which help needs not load
    registry: RegistryFolder = MODELS,
    json: options.Json = False,
) -> None:
    """Log a version to MLflow: parameters, metrics, bundle, model version and aliases.

    Needs MLflow: pip install -r requirements-mlops.txt.
    """
    from edgeguard_core.pipeline.tracking import log_version

    opened = opened_registry(registry)
    found = opened.version(version)
    done = log_version(found, opened.state().aliases_of(found.number), store).to_json()
    if json:
        print_json({"version": found.number, **done})
        return
    pairs([("store", store), ("run", done["run_id"])])
    pairs([("model version", f"{done['model']} {done['model_version']}")])
