"""The state folder: thresholds and calibrations made on the spot, beside an immutable bundle.

Each version is one file ``threshold-0001.json`` that holds the hash of its own content, and may
name a ``calibration-0001.npz``. Nothing is ever overwritten: two writers at once get two numbers.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from edgeguard_core.bundle import strict_json
from edgeguard_core.bundle.arrays import dump_arrays, load_arrays
from edgeguard_core.bundle.bundle import Bundle
from edgeguard_core.errors import EdgeGuardError, OutputError
from edgeguard_core.files import sha256_hex
from edgeguard_core.thresholds import Calibration, Threshold

STATE_FORMAT: Final = 1
FROM_BUNDLE: Final = "bundle"
_NAME: Final = re.compile(r"(?:threshold|calibration)-(\d{4,9})\.(?:json|npz)")
_MAX_JSON_BYTES: Final = 64 << 10
_MAX_NPZ_BYTES: Final = 16 << 20
_MOST_TRIES: Final = 1000


@dataclass(frozen=True)
class ThresholdVersion:
    """One threshold made on the spot, and where it comes from.

    ``meter`` is the source format of the flows it was calibrated on, None where none were.
    """

    number: int
    threshold: Threshold
    calibration: Calibration | None
    who: str
    when: datetime
    why: str
    on_what: str
    meter: str | None
    model_sha256: str

    @property
    def origin(self) -> str:
        """How an answer names it.

        ``state 0002`` for the second version.
        """
        return f"state {self.number:04d}"

    @property
    def set_at(self) -> str:
        """When it was set, ISO 8601 in UTC to the second."""
        return self.when.astimezone(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Current:
    """Which threshold and calibration are in force, and why.

    Attributes
    ----------
    origin, calibration_origin
        ``"bundle"`` or ``"state 0002"``. A version without a calibration leaves the one before
        it in force.
    meter
        Source format that the threshold was calibrated on.
    set_at
        When the threshold was set, or the bundle made, ISO 8601.
    warnings
        One sentence for each version that was skipped; for the caller to show.
    """

    threshold: Threshold
    calibration: Calibration
    origin: str
    calibration_origin: str
    meter: str
    set_at: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class StateFolder:
    """The versions in one state folder, which need not exist yet."""

    path: Path

    @classmethod
    def of(cls, bundle: Bundle | Path | str, state: Path | str | None = None) -> "StateFolder":
        """The folder given, or ``BUNDLE.state`` beside the bundle (``B1.zip.state`` for a zip).

        >>> StateFolder.of("/models/B1").path.name
        'B1.state'
        """
        if state is not None:
            if Path(state).is_file():
                raise OutputError(f"{state} is a file; --state names a folder.")
            return cls(Path(state))
        path = (bundle.path if isinstance(bundle, Bundle) else Path(bundle)).resolve()
        return cls(path.with_name(f"{path.name}.state"))

    def current(self, bundle: Bundle) -> Current:
        """What is in force for a bundle: the newest valid version wins over the bundle's own."""
        versions, warnings = self.versions(bundle)
        calibrated = next((version for version in versions if version.calibration), None)
        newest = versions[0] if versions else None
        meter = (newest and newest.meter) or (calibrated and calibrated.meter)
        return Current(
            threshold=newest.threshold if newest else bundle.threshold,
            calibration=(calibrated and calibrated.calibration) or bundle.calibration,
            origin=newest.origin if newest else FROM_BUNDLE,
            calibration_origin=calibrated.origin if calibrated else FROM_BUNDLE,
            meter=meter or bundle.manifest.meter.format,
            set_at=newest.set_at if newest else bundle.manifest.created,
            warnings=warnings,
        )

    def thresholds(self, bundle: Bundle) -> list[ThresholdVersion]:
        """The valid versions for a bundle, the newest first."""
        return self.versions(bundle)[0]

    def versions(self, bundle: Bundle) -> tuple[list[ThresholdVersion], tuple[str, ...]]:
        """The valid versions for a bundle, the newest first, and a warning for each other one.

        A version is valid when its content has the hash it names, and it was made for the same
        model: scores of another model are other numbers.
        """
        valid: list[ThresholdVersion] = []
        warnings: list[str] = []
        for number in sorted(self._numbers("threshold-"), reverse=True):
            file = self.path / _threshold_name(number)
            try:
                valid.append(_read_version(file, number, bundle))
            except (EdgeGuardError, OSError, ValueError, TypeError, KeyError) as error:
                reason = f"no {error}" if isinstance(error, KeyError) else str(error)
                warnings.append(
                    f"{file} is skipped: {' '.join(reason.split()).rstrip('.')}; delete it or set "
                    "a threshold again."
                )
        return valid, tuple(warnings)

    def add(
        self,
        bundle: Bundle,
        threshold: Threshold,
        *,
        who: str,
        when: datetime,
        why: str,
        on_what: str,
        calibration: Calibration | None = None,
        meter: str | None = None,
    ) -> ThresholdVersion:
        """The version just written; it is in force from now on.

        Parameters
        ----------
        when
            From the caller's clock.
        on_what
            What it was calibrated on or chosen from, such as a file name with its row count.
        meter
            Source format of those flows, when they are new ones.

        Raises
        ------
        OutputError
            If the folder cannot be written.
        """
        content = None if calibration is None else dump_arrays(calibration.to_arrays())
        body: dict[str, Any] = {
            "format": STATE_FORMAT,
            "who": who,
            "when": when.astimezone(UTC).isoformat(),
            "why": why,
            "on_what": on_what,
            "meter": meter,
            "model_sha256": bundle.model_sha256,
            "threshold": threshold.to_json(),
            "calibration_sha256": None if content is None else sha256_hex(content),
        }
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            number = self._write_next(body, content)
        except OSError as error:
            raise OutputError(
                f"Cannot write the state folder {self.path}: {error.strerror or error}; make it "
                "writable or name another with --state."
            ) from error
        return ThresholdVersion(
            number, threshold, calibration, who, when, why, on_what, meter, bundle.model_sha256
        )

    def _write_next(self, body: Mapping[str, Any], calibration: bytes | None) -> int:
        """Claim the next free number and write its files, the one that counts last."""
        number = max(self._numbers(""), default=0)
        for _ in range(_MOST_TRIES):
            number += 1
            npz = self.path / _calibration_name(number)
            if calibration is not None and not _create(npz, calibration):
                continue
            document = sealed({"number": number, **body})
            if _create(self.path / _threshold_name(number), strict_json.dump(document)):
                return number
            if calibration is not None:
                npz.unlink(missing_ok=True)  # another writer took the number in between
        raise OutputError(
            f"The state folder {self.path} is being written by too many at once; try again."
        )

    def _numbers(self, prefix: str) -> Iterator[int]:
        try:
            names = [entry.name for entry in self.path.iterdir()]
        except OSError:
            return
        for name in names:
            match = _NAME.fullmatch(name)
            if match and name.startswith(prefix):
                yield int(match[1])


def sealed(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the hash of itself under ``sha256``.

    >>> sealed({"number": 1})["sha256"][:8]
    '15ebdabb'
    """
    return {**body, "sha256": sha256_hex(strict_json.dump(body))}


def _threshold_name(number: int) -> str:
    return f"threshold-{number:04d}.json"


def _calibration_name(number: int) -> str:
    return f"calibration-{number:04d}.npz"


def _read_version(file: Path, number: int, bundle: Bundle) -> ThresholdVersion:
    document = strict_json.load(_read_bounded(file, _MAX_JSON_BYTES))
    body = {key: value for key, value in document.items() if key != "sha256"}
    if document.get("format") != STATE_FORMAT:
        raise ValueError(f"its format is {document.get('format')}, not {STATE_FORMAT}")
    if sealed(body) != document or document["number"] != number:
        raise ValueError("it is not as it was written")
    if document["model_sha256"] != bundle.model_sha256:
        raise ValueError(f"it was made for another model than that of {bundle.path}")
    return ThresholdVersion(
        number=number,
        threshold=Threshold.from_json(document["threshold"]),
        calibration=_read_calibration(file, number, document["calibration_sha256"]),
        who=str(document["who"]),
        when=datetime.fromisoformat(document["when"]),
        why=str(document["why"]),
        on_what=str(document["on_what"]),
        meter=document["meter"],
        model_sha256=document["model_sha256"],
    )


def _read_calibration(file: Path, number: int, digest: str | None) -> Calibration | None:
    if digest is None:
        return None
    name = _calibration_name(number)
    content = _read_bounded(file.with_name(name), _MAX_NPZ_BYTES)
    if sha256_hex(content) != digest:
        raise ValueError(f"its {name} is not as it was written")
    return Calibration.from_arrays(load_arrays(content))


def _read_bounded(file: Path, limit: int) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        raise ValueError(f"{file.name} cannot be read ({error.strerror})") from error
    if len(content) > limit:
        raise ValueError(f"{file.name} is larger than {limit} bytes")
    return content


def _create(path: Path, content: bytes) -> bool:
    """Whether the file was made here, whole; False when it is there already."""
    with _written_beside(path, content) as temporary:
        try:
            # A link fails where the name exists: the one exclusive way to put a whole file there.
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError:
            return _create_without_links(path, content)
    return True


def _create_without_links(path: Path, content: bytes) -> bool:
    # FAT and some network shares have no links. A reader that comes in between sees half a file,
    # finds its hash wrong and uses the version before it.
    try:
        with path.open("xb") as stream:
            stream.write(content)
    except FileExistsError:
        return False
    return True


@contextmanager
def _written_beside(path: Path, content: bytes) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink()
