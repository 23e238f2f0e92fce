"""``manifest.json``: what a bundle is, where it comes from, and what is in it.

Format numbers
--------------
1. The first. A reader of format 1 ignores keys that it does not know, so a key may be added
   without a new number. Raise ``FORMAT`` when a reader that does not know of the change would
   misread the bundle; keep reading every older number, and commit a bundle of the old format to
   ``tests/bundle/fixtures`` before the change.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from edgeguard_core.bundle import strict_json
from edgeguard_core.bundle.files import MANIFEST, UNLISTED
from edgeguard_core.errors import BundleError, BundleVersionError
from edgeguard_core.files import sha256_hex

FORMAT: Final = 1


@dataclass(frozen=True)
class SchemaRef:
    """Which schema the bundle reads; the schema itself is ``schema.yaml``."""

    name: str
    version: int
    fingerprint: str


@dataclass(frozen=True)
class Meter:
    """What measured the training flows; another meter's numbers mean something else.

    ``format`` is the source format, ``bytes_layer`` says which bytes it counts ("ip", "link",
    or None where unknown), ``timeouts`` its flow timeouts in seconds by name.
    """

    format: str
    bytes_layer: str | None = None
    timeouts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class FileEntry:
    """Size and hash of one file of the bundle."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Everything about a bundle that is not one of its files.

    The plain mappings are JSON objects: ``data`` (fingerprint, files, rows, benign, ...),
    ``training`` (config, seed, epochs, ...), ``preprocessor``, ``metrics`` (undefined ones None)
    and ``runtime`` (variant, and the measured variants).
    """

    created: str  # ISO 8601, UTC
    code_version: str
    schema: SchemaRef
    meter: Meter
    data: Mapping[str, Any]
    training: Mapping[str, Any]
    preprocessor: Mapping[str, Any]
    metrics: Mapping[str, Any]
    promised_false_positive_rate: float | None
    runtime: Mapping[str, Any]
    files: Mapping[str, FileEntry] = field(default_factory=dict)
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """The manifest as plain JSON values, ``format`` first."""
        return {
            "format": self.format,
            "created": self.created,
            "code_version": self.code_version,
            "schema": vars(self.schema).copy(),
            "meter": vars(self.meter) | {"timeouts": dict(self.meter.timeouts)},
            "data": dict(self.data),
            "training": dict(self.training),
            "metrics": dict(self.metrics),
            "promised_false_positive_rate": self.promised_false_positive_rate,
            "runtime": dict(self.runtime),
            "files": {name: vars(entry).copy() for name, entry in sorted(self.files.items())},
            "preprocessor": dict(self.preprocessor),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Manifest":
        """The manifest that ``to_json`` wrote; keys it does not know are ignored.

        Raises
        ------
        ValueError
            If a key is missing or holds another kind of value.
        """
        schema, meter = _object(document, "schema"), _object(document, "meter")
        return cls(
            format=_typed(document, "format", int),
            created=_typed(document, "created", str),
            code_version=_typed(document, "code_version", str),
            schema=SchemaRef(
                name=_typed(schema, "name", str),
                version=_typed(schema, "version", int),
                fingerprint=_typed(schema, "fingerprint", str),
            ),
            meter=Meter(
                format=_typed(meter, "format", str),
                bytes_layer=_optional(meter, "bytes_layer", str),
                timeouts=_object(meter, "timeouts"),
            ),
            data=_object(document, "data"),
            training=_object(document, "training"),
            preprocessor=_object(document, "preprocessor"),
            metrics=_object(document, "metrics"),
            promised_false_positive_rate=_optional(document, "promised_false_positive_rate", float),
            runtime=_object(document, "runtime"),
            files=_file_entries(_object(document, "files")),
        )


def read_manifest_json(content: bytes, bundle: str) -> dict[str, Any]:
    """The manifest's JSON object, once it is certain that this version can read the bundle.

    Nothing else of a bundle is looked at before: what a newer format means by it is unknown.

    Raises
    ------
    BundleError
        If it is not strict JSON or has no format number.
    BundleVersionError
        If the format number is above ``FORMAT``.
    """
    try:
        document = strict_json.load(content)
    except ValueError as error:
        raise BundleError(
            f"{MANIFEST} of bundle {bundle} is damaged: {error}; copy the whole bundle again from "
            "where it was made."
        ) from error
    number = document.get("format")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise BundleError(
            f"{bundle} is not a bundle: {MANIFEST} has no format number; give the folder or .zip "
            "that edgeguard train wrote."
        )
    if number > FORMAT:
        raise BundleVersionError(
            f"Bundle {bundle} has format {number}, this EdgeGuard reads formats up to {FORMAT}: "
            "update EdgeGuard here, or train the bundle again with this version."
        )
    return document


def file_entries(files: Mapping[str, bytes]) -> dict[str, FileEntry]:
    """Size and hash of every file that the manifest lists: all but itself, sums and signature."""
    return {
        name: FileEntry(len(files[name]), sha256_hex(files[name]))
        for name in sorted(files)
        if name != MANIFEST and name not in UNLISTED
    }


def _file_entries(values: Mapping[str, Any]) -> dict[str, FileEntry]:
    return {
        name: FileEntry(
            bytes=_typed(_object(values, name), "bytes", int),
            sha256=_typed(_object(values, name), "sha256", str),
        )
        for name in values
    }


def _typed(values: Mapping[str, Any], key: str, kind: type) -> Any:
    value = values.get(key)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"its {key} is {value!r}, not {_A_KIND[kind]}")
    return value


def _optional(values: Mapping[str, Any], key: str, kind: type) -> Any:
    return None if values.get(key) is None else _typed(values, key, kind)


def _object(values: Mapping[str, Any], key: str) -> Any:
    return _typed(values, key, dict)


_A_KIND: Final = {int: "a whole number", float: "a number", str: "a text", dict: "an object"}
