"""The option that names a registry, for every verb that has it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edgeguard_core.pipeline.registry import Registry

MODELS = Path("models")
RegistryFolder = Annotated[
    Path, typer.Option("--registry", help="The folder of the registry.", show_default=True)
]


def opened_registry(folder: Path) -> "Registry":
    """The registry in a folder, which need not hold one yet."""
    from edgeguard_core.pipeline.registry import Registry

    return Registry(folder)
