"""Saving a bundle: complete or not at all, and over nothing but a bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgeguard_core.bundle import strict_json
from edgeguard_core.bundle.arrays import dump_arrays
from edgeguard_core.bundle.card import model_card
from edgeguard_core.bundle.files import (
    CALIBRATION,
    CARD,
    DRIFT,
    MANIFEST,
    MODEL,
    OPTIONAL,
    PARITY,
    PROTOTYPES,
    REQUIRED,
    SCHEMA,
    SUMS,
    THRESHOLD,
    WEIGHTS,
    read_bundle_files,
    sums_of,
)
from edgeguard_core.bundle.manifest import Manifest, Meter, SchemaRef, file_entries
from edgeguard_core.bundle.zips import zip_files
from edgeguard_core.errors import BundleError, OutputError
from edgeguard_core.features.preprocessing import Preprocessor
from edgeguard_core.features.prototypes import Prototypes
from edgeguard_core.files import whole_folder, write_whole
from edgeguard_core.flows import Schema
from edgeguard_core.thresholds import Calibration, Threshold


@dataclass(frozen=True)
class BundleParts:
    """What ``save_bundle`` needs; everything else in a bundle is derived from it.

    ``created`` comes from the caller's clock. ``data``, ``training``, ``metrics`` and
    ``runtime`` are JSON objects kept in the manifest as they are, with undefined numbers as
    None. ``weights`` and ``parity`` are what ``convert`` needs to make another variant;
    ``prototypes`` say what is usual for flows like one that is explained; ``drift`` is what the
    features looked like in training.
    """

    schema: Schema
    preprocessor: Preprocessor
    threshold: Threshold
    calibration: Calibration
    model: bytes
    created: datetime
    code_version: str
    meter: Meter
    data: Mapping[str, Any]
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    runtime: Mapping[str, Any]
    weights: Mapping[str, NDArray[Any]] | None = None
    parity: Mapping[str, NDArray[Any]] | None = None
    prototypes: Prototypes | None = None
    drift: Mapping[str, NDArray[Any]] | None = None


def save_bundle(
    out: Path | str, parts: BundleParts, *, force: bool = False, as_zip: bool = False
) -> Path:
    """The path of the bundle just written: ``out``, with ``.zip`` added for a zip.

    Complete or not at all, and the same bytes for the same parts.

    Raises
    ------
    BundleError
        If ``out`` exists without ``force``, or holds anything but a bundle: nothing else is
        ever replaced.
    """
    out = Path(out)
    if as_zip and out.suffix != ".zip":
        out = out.with_name(f"{out.name}.zip")
    check_target(out, force=force)
    return write_files(out, _bundle_files(parts), force=force, as_zip=as_zip)


def write_files(out: Path, files: Mapping[str, bytes], *, force: bool, as_zip: bool) -> Path:
    """The path of a folder or zip of these files, which are a bundle already.

    Raises
    ------
    BundleError, OutputError
        If ``out`` is taken, or cannot be written.
    """
    check_target(out, force=force)
    if as_zip:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"Cannot write {out}: {error.strerror}; choose another --out."
            ) from error
        write_whole(out, zip_files(files))
        return out
    with whole_folder(out, force=force) as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
    return out


def check_target(out: Path, *, force: bool) -> None:
    """Refuse a place where no bundle may be written; call it before any long work.

    Raises
    ------
    BundleError
        If ``out`` exists without ``force``, or is neither a bundle nor an empty folder.
    """
    if not out.exists() and not out.is_symlink():
        return
    if not force:
        raise BundleError(f"{out} exists already; choose another --out or add --force.")
    if out.is_symlink():
        raise BundleError(f"{out} is a link, which --force never replaces; choose another --out.")
    if out.is_dir() and not any(out.iterdir()):
        return
    try:
        foreign = sorted(set(read_bundle_files(out)) - {*REQUIRED, *OPTIONAL})
    except BundleError as error:
        raise BundleError(
            f"{out} is no bundle, which is all that --force replaces; choose another --out."
        ) from error
    if foreign:
        raise BundleError(
            f"{out} also holds {foreign[0]}, which --force would delete; choose another --out."
        )


def _bundle_files(parts: BundleParts) -> dict[str, bytes]:
    """Every file of the bundle by name, the manifest and the sums made last."""
    threshold = parts.threshold.to_json()
    manifest = _manifest(parts)
    files = {
        MODEL: parts.model,
        SCHEMA: parts.schema.to_yaml().encode(),
        THRESHOLD: strict_json.dump(threshold),
        CALIBRATION: dump_arrays(parts.calibration.to_arrays()),
        CARD: model_card(manifest, threshold).encode(),
    }
    if parts.weights is not None:
        files[WEIGHTS] = dump_arrays(parts.weights)
    if parts.parity is not None:
        files[PARITY] = dump_arrays(parts.parity)
    if parts.prototypes is not None:
        files[PROTOTYPES] = dump_arrays(parts.prototypes.to_arrays())
    if parts.drift is not None:
        files[DRIFT] = dump_arrays(parts.drift)
    document = manifest.to_json()
    document["files"] = {name: vars(entry).copy() for name, entry in file_entries(files).items()}
    files[MANIFEST] = strict_json.dump(document)
    files[SUMS] = sums_of(files)
    return files


def _manifest(parts: BundleParts) -> Manifest:
    return Manifest(
        created=parts.created.astimezone(UTC).isoformat(timespec="seconds"),
        code_version=parts.code_version,
        schema=SchemaRef(parts.schema.name, parts.schema.version, parts.schema.fingerprint()),
        meter=parts.meter,
        data=strict_json.without_nan(parts.data),
        training=strict_json.without_nan(parts.training),
        preprocessor=parts.preprocessor.to_json(),
        metrics=strict_json.without_nan(parts.metrics),
        promised_false_positive_rate=parts.threshold.promised_false_positive_rate,
        runtime=strict_json.without_nan(parts.runtime),
    )
