"""The store of a watch, opened to be read by a verb."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeguard_core.outputs.store_reading import AlertStore


@contextmanager
def opened_store(url: str) -> "Iterator[AlertStore]":
    """The store, closed in the end.

    Raises
    ------
    OutputError
        If the address cannot be read, or a package that it needs is not installed.
    """
    from edgeguard_core.errors import OutputError

    try:
        from edgeguard_core.outputs.store_reading import AlertStore
    except ModuleNotFoundError as error:
        raise OutputError(
            "A store needs the package sqlalchemy; install edgeguard[store]."
        ) from error
    with AlertStore(url) as store:
        yield store
