"""Options that several verbs share, each defined once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edgeguard_core.flows.schema import Schema
    from edgeguard_core.sources import ReadOptions

Files = Annotated[
    list[Path], typer.Argument(help="Files of flows, or folders of them.", show_default=False)
]

FilesOrStore = Annotated[
    list[Path] | None,
    typer.Argument(help="Files of flows, or folders of them; or give --store."),
]
StoreOfWatch = Annotated[
    str | None,
    typer.Option("--store", help="In place of files: what a watch saw, from its store."),
]
Hours = Annotated[float, typer.Option("--hours", help="Of the store: so many hours back.", min=1)]
LAST_HOURS = 24.0
Sensors = Annotated[
    list[str] | None,
    typer.Option("--sensor", help="Of the store: this box alone. May be given again."),
]


def require_files_or_store(files: list[Path] | None, store: str | None) -> None:
    """Nothing, when exactly one of them is given.

    Raises
    ------
    typer.BadParameter
        If both are, or neither.
    """
    if bool(files) == (store is not None):
        raise typer.BadParameter("Give either files of flows, or the --store of a watch.")


def bundle_path(text: str) -> Path:
    """Where the bundle lies that a person means: a path, or a version such as models@champion.

    Raises
    ------
    RegistryError
        If there is no such version.
    """
    if "@" not in text:
        return Path(text)
    from edgeguard_core.pipeline.registry import bundle_at

    return bundle_at(text)


BundlePath = Annotated[
    Path,
    typer.Argument(
        help="A bundle: its folder or .zip, or a registered one as models@champion.",
        parser=bundle_path,
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
ProgressFile = Annotated[
    Path | None,
    typer.Option("--progress", help="Append progress to this file as JSON lines."),
]
SchemaOption = Annotated[
    str | None,
    typer.Option("--schema", help="Read by this schema: a shipped name or a YAML file."),
]
Benign = Annotated[
    list[str] | None,
    typer.Option("--benign", help="A further label word that means benign; may be repeated."),
]
TimeZone = Annotated[
    str, typer.Option("--tz", help="Zone of time stamps that name none, such as Europe/Prague.")
]
LocalNetworks = Annotated[
    list[str] | None,
    typer.Option(
        "--local-network",
        help="A CIDR range that is internal; may be repeated. Default: private ranges.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace what --out holds already.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
State = Annotated[
    Path | None,
    typer.Option(
        "--state", help="Folder of local thresholds. Default: BUNDLE.state beside the bundle."
    ),
]
KeepRows = Annotated[
    bool,
    typer.Option(
        "--keep-rows", help="Golden vectors of held-out rows, not of synthetic ones alone."
    ),
]
UnlabelledAsBenign = Annotated[
    bool,
    typer.Option("--unlabelled-as-benign", help="Take unlabelled flows as benign, too."),
]


def read_options(
    schema: str | None,
    benign: list[str] | None,
    tz: str,
    local_networks: list[str] | None = None,
) -> "ReadOptions":
    """How files are read, from what the person typed.

    Raises
    ------
    SchemaError
        If the schema is neither shipped nor a readable YAML file.
    SourceError
        If there is no such time zone.
    """
    from edgeguard_core.sources import ReadOptions

    chosen = ReadOptions(
        schema=load_schema(schema) if schema else None,
        benign_words=tuple(benign or ()),
        tz=tz,
        local_networks=tuple(local_networks) if local_networks else ReadOptions().local_networks,
    )
    _ = chosen.zone  # an unknown one is told before any work
    return chosen


def load_schema(name: str) -> "Schema":
    """A schema by its shipped name, or from a YAML file.

    Raises
    ------
    SchemaError
        If there is neither.
    """
    from edgeguard_core.flows.schema_file import schema_called

    return schema_called(name)[1]


Who = Annotated[
    str | None, typer.Option("--who", help="Who decides it, kept with it; else your account.")
]
