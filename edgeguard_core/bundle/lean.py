"""A bundle for use alone: without what only ``convert`` needs, and with golden vectors."""

from typing import Final

from edgeguard_core.bundle import strict_json
from edgeguard_core.bundle.arrays import dump_arrays
from edgeguard_core.bundle.bundle import Bundle
from edgeguard_core.bundle.files import (
    GOLDEN,
    MANIFEST,
    PARITY,
    SIGNATURE,
    SUMS,
    WEIGHTS,
    sums_of,
)
from edgeguard_core.bundle.golden import Golden
from edgeguard_core.bundle.keys import SigningKey
from edgeguard_core.bundle.manifest import file_entries
from edgeguard_core.bundle.signing import signature_of

_MADE_ANEW: Final = (MANIFEST, SUMS, SIGNATURE, GOLDEN, WEIGHTS, PARITY)


def lean_files(bundle: Bundle, golden: Golden, key: SigningKey | None = None) -> dict[str, bytes]:
    """The files of the bundle as it ships to a box, signed where a key is given.

    Model, schema, threshold, calibration and card stay as they are to the last byte; manifest
    and sums are made anew, since they name the set of files. A signature of the whole bundle
    does not fit the lean one, and is left out.
    """
    files = {name: content for name, content in bundle.files.items() if name not in _MADE_ANEW}
    files[GOLDEN] = dump_arrays(golden.to_arrays())
    document = strict_json.load(bundle.files[MANIFEST])
    document["files"] = {name: vars(entry).copy() for name, entry in file_entries(files).items()}
    files[MANIFEST] = strict_json.dump(document)
    files[SUMS] = sums_of(files)
    if key is not None:
        files[SIGNATURE] = signature_of(files[SUMS], key).to_bytes()
    return files
