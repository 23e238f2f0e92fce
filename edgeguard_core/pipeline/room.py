"""Room for a result, made sure of before the long work for it begins."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from edgeguard_core.errors import OutputError


def require_room(out: Path) -> None:
    """Nothing, when a file can be made where ``out`` shall stand.

    Raises
    ------
    OutputError
        If its folder cannot be written; a folder that is not there yet will be made, so the
        nearest one above it counts.
    """
    folder = next(parent for parent in out.absolute().parents if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"Cannot write {out}: {error.strerror} ({folder}); choose another --out."
        ) from error


def spare(out: Path, inputs: Iterable[str | Path], bundle: Path | None = None) -> None:
    """Nothing, when writing ``out`` destroys neither an input nor the bundle.

    Raises
    ------
    OutputError
        If ``out`` is one of the inputs, or lies in the bundle, which would no longer verify.
    """
    place = out.resolve()
    if place in (Path(path).resolve() for path in inputs):
        raise OutputError(f"Cannot write {out}: it is the file to be read; name another one.")
    if bundle is not None and (place == (home := bundle.resolve()) or home in place.parents):
        raise OutputError(
            f"Cannot write {out}: it lies in bundle {bundle}, which nothing may change; "
            "choose another place."
        )
