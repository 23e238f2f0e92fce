"""Signatures: who vouches for a bundle.

What is signed are the exact bytes of ``SHA256SUMS``, which covers every other file and names
the set of them. The signature stands beside it as ``SHA256SUMS.sig``, the one file that the sums
do not list: it can be added, replaced or taken away without touching the bundle.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgeguard_core.bundle import strict_json
from edgeguard_core.bundle.files import (
    SIGNATURE,
    SUMS,
    find_problems,
    read_bundle_files,
)
from edgeguard_core.bundle.keys import SigningKey, TrustedKeys
from edgeguard_core.bundle.zips import zip_files
from edgeguard_core.errors import BundleError, BundleSignatureError
from edgeguard_core.files import write_whole

SIGNATURE_FORMAT: Final = 1
_ALGORITHM: Final = "ed25519"
_SIGNATURE_BYTES: Final = 64
_KEY_ID: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Signature:
    """A signature, and the key that it claims to be of: proved only against that key."""

    key_id: str
    value: bytes  # (64,)

    def to_bytes(self) -> bytes:
        """The content of ``SHA256SUMS.sig``."""
        return strict_json.dump(
            {
                "format": SIGNATURE_FORMAT,
                "algorithm": _ALGORITHM,
                "key_id": self.key_id,
                "signature": base64.b64encode(self.value).decode("ascii"),
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> "Signature":
        """The signature in some bytes; exactly what ``to_bytes`` writes, nothing added.

        Raises
        ------
        ValueError
            If it is anything else. The message says what, not where.
        """
        document = strict_json.load(content)
        if document.get("format") != SIGNATURE_FORMAT or document.get("algorithm") != _ALGORITHM:
            raise ValueError("it is of a kind that this version does not know")
        name, text = document.get("key_id"), document.get("signature")
        if not isinstance(name, str) or not _KEY_ID.fullmatch(name) or not isinstance(text, str):
            raise ValueError("it names no key")
        try:
            value = base64.b64decode(text.encode("ascii"), validate=True)
        except (binascii.Error, UnicodeEncodeError) as error:
            raise ValueError("it is not base64") from error
        if len(value) != _SIGNATURE_BYTES:
            raise ValueError(f"it has {len(value)} bytes, not {_SIGNATURE_BYTES}")
        found = cls(name, value)
        if found.to_bytes() != content:
            raise ValueError("it is not as it was written")
        return found


def signature_of(content: bytes, key: SigningKey) -> Signature:
    """The key's signature of some bytes."""
    return Signature(key.key_id, key.sign(content))


def sign_bundle(path: Path | str, key: SigningKey) -> Signature:
    """The signature just put into a bundle, a folder or ``.zip``; one that was there is replaced.

    Raises
    ------
    BundleError
        If it is no bundle, or not intact: what is damaged is never signed.
    OutputError
        If it cannot be written.
    """
    path = Path(path)
    files = read_bundle_files(path)
    if problems := find_problems(files, path):
        raise BundleError(problems[0].sentence(str(path)))
    signature = signature_of(files[SUMS], key)
    if path.is_dir():
        write_whole(path / SIGNATURE, signature.to_bytes())
    else:
        write_whole(path, zip_files({**files, SIGNATURE: signature.to_bytes()}))
    return signature


def claimed_signature(files: Mapping[str, bytes], path: Path | str) -> Signature | None:
    """The signature that a bundle carries, not held against any key; None where there is none.

    Raises
    ------
    BundleSignatureError
        If there is one that cannot be read.
    """
    content = files.get(SIGNATURE)
    if content is None:
        return None
    try:
        return Signature.from_bytes(content)
    except ValueError as error:
        raise BundleSignatureError(
            f"{SIGNATURE} of bundle {path} is damaged ({error}): copy the bundle again from where "
            "it was made, or sign it again."
        ) from error


def signer_of(
    files: Mapping[str, bytes], trusted: TrustedKeys | Path | str, path: Path | str
) -> str:
    """Name of the trusted key that signed these very bytes of ``SHA256SUMS``.

    The other files are not looked at: they are held against the sums, by ``find_problems``.

    Raises
    ------
    BundleSignatureError
        If the bundle is not signed, by none of these keys, or the signature is not of this
        bundle.
    """
    trusted = TrustedKeys.of(trusted)
    signature = claimed_signature(files, path)
    names = ", ".join(sorted(trusted.keys))
    if signature is None:
        raise BundleSignatureError(
            f"Bundle {path} is not signed, and a signature by {names} is demanded: sign it with "
            "edgeguard bundle sign where it was made."
        )
    if signature.key_id not in trusted.keys:
        raise BundleSignatureError(
            f"Bundle {path} is signed by key {signature.key_id}, and only {names} is trusted "
            f"({trusted.origin}): add that key's .pub file there, or have it signed by a trusted "
            "one."
        )
    if not trusted.accepts(signature.key_id, signature.value, files.get(SUMS, b"")):
        raise BundleSignatureError(
            f"The signature of bundle {path} is not of this bundle, although it names key "
            f"{signature.key_id}: do not use it, get it again from where it was made."
        )
    return signature.key_id


@dataclass(frozen=True)
class SignatureReport:
    """What can be said of a bundle's signature.

    Attributes
    ----------
    key_id
        The key it names; None where it is not signed.
    verified
        Whether a trusted key signed it; None where no key was given to hold it against.
    problem
        The sentence for what is wrong with it.
    """

    key_id: str | None
    verified: bool | None
    problem: str | None = None

    @property
    def sentence(self) -> str:
        """One line for a person."""
        if self.problem is not None:
            return self.problem
        if self.key_id is None:
            return "not signed"
        if self.verified:
            return f"signed by key {self.key_id}"
        return f"names key {self.key_id} as its signer; not checked, give --key PUB to do so"

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {"signed": self.key_id is not None, "key_id": self.key_id, "verified": self.verified}


def report_signature(
    files: Mapping[str, bytes],
    path: Path | str,
    trusted: TrustedKeys | Path | str | None = None,
) -> SignatureReport:
    """What the signature of a bundle is worth, without an exception for a bad one.

    Raises
    ------
    BundleSignatureError
        If the trusted keys themselves cannot be read.
    """
    keys = None if trusted is None else TrustedKeys.of(trusted)
    try:
        claimed = claimed_signature(files, path)
    except BundleSignatureError as error:
        return SignatureReport(None, None if keys is None else False, str(error))
    name = None if claimed is None else claimed.key_id
    if keys is None:
        return SignatureReport(name, None)
    try:
        return SignatureReport(signer_of(files, keys, path), True)
    except BundleSignatureError as error:
        return SignatureReport(name, False, str(error))
