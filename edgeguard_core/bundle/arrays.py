"""Arrays in ``.npz`` files that may come from a stranger: no pickle, bounded size."""

import io
import math
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.bundle.zips import check_directory, zip_files

MAX_ARRAYS: Final = 256
MAX_ARRAY_BYTES: Final = 64 << 20  # of one file's arrays together, unpacked
# Numbers and text. Object arrays ("O") would need pickle; void ones have no use here.
_ALLOWED_KINDS: Final = "biufU"
_UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
)


def dump_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The arrays as compressed ``.npz`` bytes, the same for the same arrays.

    Raises
    ------
    ValueError
        If an array is neither of numbers nor of text.

    Examples
    --------
    >>> load_arrays(dump_arrays({"edges": np.array([1.0, 2.0])}))["edges"]
    array([1., 2.])
    """
    for name, array in arrays.items():
        if array.dtype.kind not in _ALLOWED_KINDS:
            raise ValueError(f"array {name} holds {array.dtype}, not numbers or text")
    # numpy's own savez opens its entries in a way whose headers differ between Python releases.
    return zip_files({f"{name}.npy": _dump_array(array) for name, array in arrays.items()})


def _dump_array(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)
    return stream.getvalue()


def load_arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """The arrays in ``.npz`` bytes, by name.

    Every header is read before its data: what an array would take up is known, and bounded,
    before memory is asked for.

    Raises
    ------
    ValueError
        If the bytes are no such file, or hold more than 256 arrays, more than 64 MB unpacked,
        or anything but numbers and text. The message says what is wrong, not where from.
    """
    try:
        check_directory(content, max_entries=MAX_ARRAYS)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _load_all(archive)
    except _UNREADABLE as error:
        raise ValueError(f"it is not a readable .npz file ({error})") from error


def _load_all(archive: zipfile.ZipFile) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    remaining = MAX_ARRAY_BYTES
    for entry in archive.infolist():
        name = entry.filename.removesuffix(".npy")
        if name == entry.filename or name in arrays:
            raise ValueError(f"it holds {entry.filename!r}, which is not one more .npy array")
        with archive.open(entry) as stream:
            size = _declared_bytes(stream, name)
        if size > remaining:
            raise ValueError(f"its arrays take more than {MAX_ARRAY_BYTES >> 20} MB")
        remaining -= size
        with archive.open(entry) as stream:
            arrays[name] = np.lib.format.read_array(stream, allow_pickle=False)
    return arrays


def _declared_bytes(stream: Any, name: str) -> int:
    """Bytes that the array's header announces."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise ValueError(f"array {name} has .npy version {version}, not 1.0 or 2.0")
    if dtype.kind not in _ALLOWED_KINDS:
        raise ValueError(f"array {name} holds {dtype}, not numbers or text")
    return math.prod(shape) * dtype.itemsize
