"""One version of a registry: a bundle as it was trained, and what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgeguard_core.bundle import Bundle, strict_json
from edgeguard_core.bundle.files import SUMS
from edgeguard_core.errors import RegistryError
from edgeguard_core.files import sha256_hex, whole_folder

VERSION: Final = "version.json"
FORMAT: Final = 1
_DATA: Final = ("fingerprint", "files", "rows", "benign", "note")


@dataclass(frozen=True)
class Version:
    """A version, which never changes.

    Attributes
    ----------
    folder
        Where it lies in the registry.
    fingerprint
        Hash of the bundle's ``SHA256SUMS``: what the bundle is, to the last byte.
    registered, created
        When it came into the registry, and when the bundle was trained; ISO 8601, UTC.
    run_id
        The pipeline run that made it; None where none did.
    metrics
        What whoever registered it measured, else those of the bundle's manifest.
    data
        What it learned from: the fingerprint of the flows, and each file with its sha256.
    """

    folder: Path
    number: int
    fingerprint: str
    registered: str
    created: str
    who: str
    run_id: str | None
    note: str
    variant: str
    schema: str
    metrics: Mapping[str, Any]
    data: Mapping[str, Any]

    @property
    def bundle_path(self) -> Path:
        """The bundle's folder, as every verb takes it."""
        return self.folder / f"bundle-{self.number:04d}"

    def load(self) -> Bundle:
        """The bundle, verified, and known to be the one that was registered.

        Raises
        ------
        BundleError
            If it is damaged.
        RegistryError
            If another bundle lies in its place.
        """
        self.require_same()
        return Bundle.load(self.bundle_path)

    def require_same(self) -> None:
        """Nothing, when the bundle here is the one that was registered.

        Raises
        ------
        RegistryError
            If it is gone, or another one.
        """
        try:
            found = sha256_hex(self.bundle_path / SUMS)
        except OSError as error:
            raise RegistryError(
                f"The bundle of version {self.number} cannot be read at {self.bundle_path} "
                f"({error.strerror}): put it back from a backup."
            ) from error
        if found != self.fingerprint:
            raise RegistryError(
                f"{self.bundle_path} is another bundle than was registered as version "
                f"{self.number}: put that one back from a backup."
            )

    def to_json(self) -> dict[str, Any]:
        """The content of ``version.json``."""
        values = {name: value for name, value in vars(self).items() if name != "folder"}
        return {"format": FORMAT, **values, "metrics": dict(self.metrics), "data": dict(self.data)}

    @classmethod
    def of(
        cls,
        bundle: Bundle,
        *,
        folder: Path,
        number: int,
        registered: str,
        who: str,
        run_id: str | None,
        note: str,
        metrics: Mapping[str, Any] | None,
    ) -> "Version":
        """What there is to say of a bundle that is about to be registered."""
        manifest = bundle.manifest
        known = {key: manifest.data[key] for key in _DATA if key in manifest.data}
        return cls(
            folder=folder,
            number=number,
            fingerprint=bundle.sums_sha256,
            registered=registered,
            created=manifest.created,
            who=who,
            run_id=run_id,
            note=note,
            variant=bundle.variant,
            schema=bundle.schema.name,
            metrics=strict_json.without_nan(manifest.metrics if metrics is None else metrics),
            data=known,
        )


def write_version(version: Version, bundle: Bundle) -> None:
    """The version in its folder, whole or not at all; the bundle byte for byte as it was read.

    Raises
    ------
    OutputError
        If the disk is full or the folder cannot be written.
    """
    with whole_folder(version.folder) as folder:
        inner = folder / version.bundle_path.name
        inner.mkdir()
        for name, content in bundle.files.items():
            (inner / name).write_bytes(content)
        (folder / VERSION).write_bytes(strict_json.dump(version.to_json()))


def read_version(folder: Path, number: int, fingerprint: str) -> Version:
    """The version in a folder.

    Raises
    ------
    RegistryError
        If it is not there, or not the version that the registry names.
    """
    try:
        document = strict_json.load((folder / VERSION).read_bytes())
        if document.pop("format", None) != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        version = Version(folder=folder, **document)
        if not isinstance(version.metrics, dict) or not isinstance(version.data, dict):
            raise ValueError("its metrics or data are no object")
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(folder, str(error)) from error
    if (version.number, version.fingerprint) != (number, fingerprint):
        raise _damaged(folder, "it is of another version")
    return version


def _damaged(folder: Path, why: str) -> RegistryError:
    return RegistryError(
        f"{folder / VERSION} does not hold what it should ({why}): put the version back from a "
        "backup."
    )
