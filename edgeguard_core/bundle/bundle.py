"""A bundle: the model and all it needs to be used and understood, as one thing that ships."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from numpy.typing import NDArray

from edgeguard_core.bundle import strict_json
from edgeguard_core.bundle.arrays import load_arrays
from edgeguard_core.bundle.files import (
    CALIBRATION,
    CARD,
    DRIFT,
    MANIFEST,
    MODEL,
    PARITY,
    PROTOTYPES,
    REQUIRED,
    SCHEMA,
    SUMS,
    THRESHOLD,
    WEIGHTS,
    Problem,
    find_problems,
    read_bundle_files,
)
from edgeguard_core.bundle.keys import TrustedKeys
from edgeguard_core.bundle.manifest import (
    FileEntry,
    Manifest,
    SchemaRef,
    file_entries,
    read_manifest_json,
)
from edgeguard_core.bundle.probe import probe_model
from edgeguard_core.bundle.saving import BundleParts
from edgeguard_core.bundle.signing import (
    SignatureReport,
    claimed_signature,
    report_signature,
    signer_of,
)
from edgeguard_core.errors import BundleError, EdgeGuardError
from edgeguard_core.features.preprocessing import Preprocessor
from edgeguard_core.features.prototypes import Prototypes
from edgeguard_core.files import sha256_hex
from edgeguard_core.flows import Schema
from edgeguard_core.thresholds import Calibration, Threshold

T = TypeVar("T")

_TFLITE_MAGIC: Final = b"TFL3"  # bytes 4 to 8 of every TFLite flatbuffer
_MAYBE_YAML_ALIAS: Final = re.compile(r"(?:^|[\s,\[{:-])\*\w")


@dataclass(frozen=True)
class Bundle:
    """A bundle as it was verified and read; it never changes.

    Thresholds and calibrations made on the spot stand in its state folder (``StateFolder``).
    """

    path: Path
    manifest: Manifest
    schema: Schema
    preprocessor: Preprocessor
    threshold: Threshold
    calibration: Calibration
    model: bytes
    files: Mapping[str, bytes]
    verified_by: str | None = None
    prototypes: Prototypes | None = None  # older bundles have none

    @classmethod
    def load(
        cls,
        path: Path | str,
        *,
        untrusted: bool = False,
        require_signature: TrustedKeys | Path | str | None = None,
    ) -> "Bundle":
        """The bundle in a folder or ``.zip``, once every file is as it was saved.

        Parameters
        ----------
        untrusted
            Score one row in a child process first. Hashes detect damage, not intent: a model
            made to crash its runtime then ends the child and not this process.
        require_signature
            Public keys, or the file or folder of them, one of which must have signed it. Nothing
            in the bundle is interpreted before that is certain; ``verified_by`` names the key.

        Raises
        ------
        BundleSignatureError
            If it is not signed as demanded, or carries a signature that cannot be read.
        BundleVersionError
            If a newer EdgeGuard wrote it. Looked at before anything else but the signature is.
        BundleError
            If it is no bundle, or a file was changed, is missing, was added, is too large, or
            does not hold what it should. The message names the file.
        """
        path = Path(path)
        files = read_bundle_files(path)
        verified_by = None
        if require_signature is not None:
            verified_by = signer_of(files, require_signature, path)
        document = read_manifest_json(files[MANIFEST], str(path))
        if problems := find_problems(files, path) or _not_in_place(files):
            raise BundleError(problems[0].sentence(str(path)))
        claimed_signature(files, path)  # one that cannot be read is damage like any other
        manifest = _read(path, MANIFEST, lambda: Manifest.from_json(document))
        _check_manifest(manifest, files, path)
        schema = _read(path, SCHEMA, lambda: _schema(files[SCHEMA], manifest.schema))
        preprocessor = _read(path, MANIFEST, lambda: _preprocessor(manifest.preprocessor, schema))
        bundle = cls(
            path=path,
            manifest=manifest,
            schema=schema,
            preprocessor=preprocessor,
            threshold=_read(
                path, THRESHOLD, lambda: Threshold.from_json(strict_json.load(files[THRESHOLD]))
            ),
            calibration=_read(
                path, CALIBRATION, lambda: Calibration.from_arrays(load_arrays(files[CALIBRATION]))
            ),
            model=_read(path, MODEL, lambda: _tflite(files[MODEL])),
            files=files,
            verified_by=verified_by,
            prototypes=_read(path, PROTOTYPES, lambda: _prototypes(files, preprocessor)),
        )
        if untrusted:
            probe_model(bundle.model, bundle.preprocessor, path)
        return bundle

    @property
    def name(self) -> str:
        """The file name without ``.zip``: what to call it on a screen."""
        return self.path.resolve().name.removesuffix(".zip")

    @property
    def variant(self) -> str:
        """Which variant of the model it ships, such as ``float32``."""
        return str(self.manifest.runtime.get("variant", "float32"))

    @cached_property
    def model_sha256(self) -> str:
        """Hash of the model file: two bundles with the same one give the same scores."""
        return sha256_hex(self.model)

    @property
    def signature(self) -> SignatureReport:
        """Who is said to have signed it, and whether that was held against a trusted key."""
        if self.verified_by is not None:
            return SignatureReport(self.verified_by, True)
        return report_signature(self.files, self.path)

    @cached_property
    def sums_sha256(self) -> str:
        """Hash of ``SHA256SUMS``: two bundles with the same one are the same to the last byte."""
        return sha256_hex(self.files[SUMS])

    @property
    def card(self) -> str:
        """The model card, Markdown."""
        return self.files[CARD].decode("utf-8", errors="replace")

    def arrays(self, file: str) -> dict[str, NDArray[Any]]:
        """The arrays of ``weights.npz``, ``parity.npz`` or ``drift.npz``.

        Raises
        ------
        BundleError
            If the bundle does not carry the file (``deploy`` leaves the first two out).
        """
        if file not in self.files:
            raise BundleError(
                f"Bundle {self.path} has no {file}, it was exported for use only: take the "
                "bundle that edgeguard train wrote."
            )
        return _read(self.path, file, lambda: load_arrays(self.files[file]))

    def parts(self) -> BundleParts:
        """What the bundle was saved from; ``dataclasses.replace`` makes a variant of it."""
        return BundleParts(
            schema=self.schema,
            preprocessor=self.preprocessor,
            threshold=self.threshold,
            calibration=self.calibration,
            model=self.model,
            created=datetime.fromisoformat(self.manifest.created),
            code_version=self.manifest.code_version,
            meter=self.manifest.meter,
            data=self.manifest.data,
            training=self.manifest.training,
            metrics=self.manifest.metrics,
            runtime=self.manifest.runtime,
            weights=self.arrays(WEIGHTS) if WEIGHTS in self.files else None,
            parity=self.arrays(PARITY) if PARITY in self.files else None,
            prototypes=self.prototypes,
            drift=self.arrays(DRIFT) if DRIFT in self.files else None,
        )


@dataclass(frozen=True)
class VerifyReport:
    """What ``verify_bundle`` found; ``problems`` is empty for an intact bundle."""

    path: Path
    format: int
    files: Mapping[str, FileEntry]
    problems: tuple[Problem, ...]
    signature: SignatureReport = SignatureReport(None, None)  # noqa: RUF009 (it is frozen)

    @property
    def intact(self) -> bool:
        """Whether every file is as it was saved."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {
            "bundle": str(self.path.resolve()),
            "bundle_format": self.format,
            "intact": self.intact,
            "files": {name: vars(entry).copy() for name, entry in self.files.items()},
            "problems": [vars(problem) for problem in self.problems],
            "signature": self.signature.to_json(),
        }


def verify_bundle(
    path: Path | str, trusted: TrustedKeys | Path | str | None = None
) -> VerifyReport:
    """Every file of a bundle held against ``SHA256SUMS``: all problems, not only the first.

    Its signature is held against the trusted keys, where they are given.

    Raises
    ------
    BundleError
        If there is no bundle at ``path``, or it has no readable manifest or sums.
    """
    path = Path(path)
    files = read_bundle_files(path)
    number = int(read_manifest_json(files[MANIFEST], str(path))["format"])
    problems = find_problems(files, path) or _not_in_place(files)
    signature = report_signature(files, path, trusted)
    return VerifyReport(path, number, file_entries(files), problems, signature)


def _not_in_place(files: Mapping[str, bytes]) -> tuple[Problem, ...]:
    """Files that every bundle has and that this one, whatever its sums say, lacks."""
    return tuple(Problem(name, "missing") for name in REQUIRED if name not in files)


def _check_manifest(manifest: Manifest, files: Mapping[str, bytes], path: Path) -> None:
    entries = file_entries(files)
    if dict(manifest.files) != entries:
        names = manifest.files.keys() | entries.keys()
        wrong = min(name for name in names if manifest.files.get(name) != entries.get(name))
        raise BundleError(
            f"{MANIFEST} of bundle {path} describes another {wrong} than the one there: copy the "
            "whole bundle again from where it was made."
        )


def _read(path: Path, file: str, reader: Callable[[], T]) -> T:
    """What a file of a bundle holds, or an error that names the file.

    The files are as they were saved; what else is wrong with them was wrong then, or meant so.
    So any error of the readers below says the same here: this file does not hold what it should.
    """
    try:
        return reader()
    except (EdgeGuardError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise BundleError(
            f"{file} of bundle {path} does not hold what it should ({_short(error)}): copy the "
            "bundle again from where it was made, or train a new one."
        ) from error


def _short(error: Exception) -> str:
    text = f"no {error}" if isinstance(error, KeyError) else str(error)
    return " ".join(text.split()).rstrip(".") or type(error).__name__


def _schema(content: bytes, expected: SchemaRef) -> Schema:
    text = content.decode("utf-8")
    # A few aliases of aliases unfold to gigabytes; ours have none.
    if _MAYBE_YAML_ALIAS.search(text) and any(
        isinstance(token, yaml.AliasToken) for token in yaml.scan(text)
    ):
        raise ValueError("it uses YAML aliases")
    schema = Schema.from_yaml(text, origin=SCHEMA)
    # Not the fingerprint: it is of the text as this version would write it, not as it stands.
    if (schema.name, schema.version) != (expected.name, expected.version):
        raise ValueError(
            f"it is {schema.name} version {schema.version}, the manifest names {expected.name} "
            f"version {expected.version}"
        )
    return schema


def _preprocessor(plain: Mapping[str, Any], schema: Schema) -> Preprocessor:
    preprocessor = Preprocessor.from_json(plain)
    if preprocessor.schema_name != schema.name:
        raise ValueError(f"its preprocessor is for schema {preprocessor.schema_name}")
    if foreign := sorted(set(preprocessor.features) - set(schema.features)):
        raise ValueError(f"its preprocessor reads {foreign[0]}, no feature of {schema.name}")
    return preprocessor


def _prototypes(files: Mapping[str, bytes], preprocessor: Preprocessor) -> Prototypes | None:
    if PROTOTYPES not in files:
        return None
    return Prototypes.from_arrays(load_arrays(files[PROTOTYPES]), preprocessor)


def _tflite(content: bytes) -> bytes:
    if content[4:8] != _TFLITE_MAGIC:
        raise ValueError("it is not a TFLite file")
    return content
