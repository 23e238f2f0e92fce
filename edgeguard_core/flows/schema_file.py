"""A schema as a person names it: one that ships, or a YAML file of their own."""

from pathlib import Path

from edgeguard_core.errors import SchemaError
from edgeguard_core.flows.schema import Schema, shipped_schemas


def schema_called(name: str, folder: Path | None = None) -> tuple[str, Schema]:
    """The schema that a name or a path means, and what to call it from anywhere.

    Parameters
    ----------
    folder
        Where a relative path starts; by default in the current folder.

    Raises
    ------
    SchemaError
        If it is neither shipped nor a readable YAML file.

    Examples
    --------
    >>> schema_called("flow")[1].name
    'flow'
    """
    if name in shipped_schemas():
        return name, Schema.named(name)
    path = Path(name).expanduser() if folder is None else folder / Path(name).expanduser()
    try:
        return str(path), Schema.from_yaml(path.read_text("utf-8"), origin=name)
    except (OSError, UnicodeDecodeError) as error:
        raise SchemaError(
            f"{name!r} is neither a schema ({', '.join(shipped_schemas())}) nor a YAML file "
            "that can be read."
        ) from error
