"""The signed index that boxes look at for a newer bundle.

``index.json`` names one bundle, the one that boxes shall run, and carries a serial number that
only grows: an old index, however well signed, is recognised by it. What is signed stands in it
as one text, with the signature beside it in the same file, so that no reader ever sees one
without the other. It is a static file: a folder, a share or any web server will do.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from edgeguard_core.bundle import SigningKey, TrustedKeys, strict_json
from edgeguard_core.bundle.files import MAX_TOTAL_BYTES
from edgeguard_core.bundle.signing import Signature, signature_of
from edgeguard_core.bundle.zips import SAFE_NAME
from edgeguard_core.errors import BundleError, BundleSignatureError

INDEX: Final = "index.json"
INDEX_FORMAT: Final = 1
MAX_INDEX_BYTES: Final = 64 << 10
_PURPOSE: Final = "edgeguard-updates"  # so that nothing else that the key signed reads as one
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class UpdateIndex:
    """Which bundle boxes shall run.

    Attributes
    ----------
    serial
        Grows with every publication.
    file, size_bytes, sha256
        The bundle's ``.zip`` beside the index.
    sums_sha256
        Hash of its ``SHA256SUMS``: what the bundle is, however it is packed.
    allow_older
        Whether boxes shall take it although theirs was made later.
    """

    serial: int
    file: str
    size_bytes: int
    sha256: str
    sums_sha256: str
    created: str
    allow_older: bool = False

    def to_text(self) -> bytes:
        """What is signed."""
        return strict_json.dump(
            {
                "format": INDEX_FORMAT,
                "purpose": _PURPOSE,
                "serial": self.serial,
                "bundle": {
                    "file": self.file,
                    "bytes": self.size_bytes,
                    "sha256": self.sha256,
                    "sums_sha256": self.sums_sha256,
                    "created": self.created,
                },
                "allow_older": self.allow_older,
            }
        )

    def signed(self, key: SigningKey) -> bytes:
        """The content of ``index.json``."""
        text = self.to_text()
        signature = strict_json.load(signature_of(text, key).to_bytes())
        return strict_json.dump({"signature": signature, "signed": text.decode()})

    @classmethod
    def from_text(cls, content: bytes) -> "UpdateIndex":
        """The index in what was signed.

        Raises
        ------
        ValueError
            If it is none. The message says what is wrong, not where.
        """
        document = strict_json.load(content)
        if document.get("format") != INDEX_FORMAT or document.get("purpose") != _PURPOSE:
            raise ValueError("it is no index of bundles that this version knows")
        bundle = document.get("bundle")
        if not isinstance(bundle, Mapping):
            raise ValueError("it names no bundle")
        found = cls(
            serial=_whole(document, "serial"),
            file=_text(bundle, "file", SAFE_NAME),
            size_bytes=_whole(bundle, "bytes"),
            sha256=_text(bundle, "sha256", _DIGEST),
            sums_sha256=_text(bundle, "sums_sha256", _DIGEST),
            created=_text(bundle, "created", re.compile(r"[0-9T:+.Z-]{10,40}")),
            allow_older=document.get("allow_older") is True,
        )
        if not 0 < found.size_bytes <= MAX_TOTAL_BYTES:
            raise ValueError(
                f"its bundle has {found.size_bytes} bytes, the limit is {MAX_TOTAL_BYTES}"
            )
        return found


def read_index(content: bytes, trusted: TrustedKeys, origin: str) -> UpdateIndex:
    """The index, once a trusted key is known to have signed it.

    Raises
    ------
    BundleSignatureError
        If it is not signed, or by no trusted key.
    BundleError
        If it is signed and still no index.
    """
    try:
        text, claimed = _parts(content)
    except ValueError as error:
        raise BundleSignatureError(
            f"{INDEX} of {origin} is no signed index ({error}): publish with edgeguard bundle "
            "publish --key."
        ) from error
    if claimed.key_id not in trusted.keys:
        raise BundleSignatureError(
            f"{INDEX} of {origin} is signed by key {claimed.key_id}, which is not trusted "
            f"({trusted.origin}): add that key's .pub file there, or publish with a trusted one."
        )
    if not trusted.accepts(claimed.key_id, claimed.value, text):
        raise BundleSignatureError(
            f"The signature in {INDEX} of {origin} does not fit it: nothing is taken from there; "
            "publish the bundle again."
        )
    try:
        return UpdateIndex.from_text(text)
    except ValueError as error:
        raise BundleError(
            f"{INDEX} of {origin} is no index ({error}): publish the bundle again, or update "
            "EdgeGuard here."
        ) from error


def serial_in(content: bytes) -> int:
    """The serial number that an index gives, trusted or not; 0 where it gives none."""
    try:
        return UpdateIndex.from_text(_parts(content)[0]).serial
    except ValueError:
        return 0


def _parts(content: bytes) -> tuple[bytes, Signature]:
    document = strict_json.load(content)
    text, signature = document.get("signed"), document.get("signature")
    if not isinstance(text, str) or not isinstance(signature, dict):
        raise ValueError("it is not signed")
    return text.encode(), Signature.from_bytes(strict_json.dump(signature))


def _whole(values: Mapping[str, Any], key: str) -> int:
    value = values.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"its {key} is {value!r}")
    return value


def _text(values: Mapping[str, Any], key: str, form: "re.Pattern[str]") -> str:
    value = values.get(key)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError(f"its {key} is {value!r}")
    return value
