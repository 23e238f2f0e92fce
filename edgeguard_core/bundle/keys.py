"""Ed25519 keys: one secret that signs bundles, and the public ones that a box trusts.

``cryptography`` is imported only when a key is asked for: a box that demands no signature does
not load it.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edgeguard_core.errors import BundleSignatureError, OutputError
from edgeguard_core.files import sha256_hex

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PUBLIC_SUFFIX: Final = ".pub"
KEY_BYTES: Final = 32  # of a public key as it stands, RFC 8032
_ID_CHARACTERS: Final = 16
_MAX_KEY_BYTES: Final = 64 << 10
_MOST_KEYS: Final = 64
_PUBLIC_BLOCK: Final = re.compile(
    rb"-----BEGIN PUBLIC KEY-----\s.*?-----END PUBLIC KEY-----", re.DOTALL
)


def key_id(public: bytes) -> str:
    """The name of a public key: the start of its SHA-256, 16 hexadecimal digits.

    >>> key_id(bytes(32))
    '66687aadf862bd77'
    """
    return sha256_hex(public)[:_ID_CHARACTERS]


@dataclass(frozen=True)
class KeyPair:
    """Where a new key stands, and its name."""

    private: Path
    public: Path
    key_id: str

    def to_json(self) -> dict[str, Any]:
        """The keys of ``bundle keygen --json``."""
        return {"key": self.private, "public": self.public, "key_id": self.key_id}


def generate_key(out: Path, passphrase: bytes | None = None) -> KeyPair:
    """A new key: the secret in ``out`` (PEM, PKCS #8, mode 0600), the public one in ``out.pub``.

    Parameters
    ----------
    passphrase
        Encrypts the secret on disk.

    Raises
    ------
    OutputError
        If either file exists, for a lost key cannot be made again, or cannot be written.
    """
    ed25519, serialization = _cryptography()
    public_path = out.with_name(out.name + PUBLIC_SUFFIX)
    for path in (out, public_path):
        if path.exists() or path.is_symlink():
            raise OutputError(f"{path} exists already, and a key is never replaced; name another.")
    private = ed25519.Ed25519PrivateKey.generate()
    encryption = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    public = private.public_key()
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    text = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    # The public half first: a secret without one beside it would look lost.
    _create(public_path, text, 0o644)
    try:
        _create(out, secret, 0o600)
    except OutputError:
        public_path.unlink(missing_ok=True)
        raise
    return KeyPair(out, public_path, key_id(raw))


@dataclass(frozen=True)
class SigningKey:
    """The secret half, in memory."""

    key_id: str
    public: bytes  # (32,)
    _private: "Ed25519PrivateKey"

    @classmethod
    def read(cls, path: Path, passphrase: bytes | None = None) -> "SigningKey":
        """The key that ``generate_key`` wrote.

        Raises
        ------
        BundleSignatureError
            If there is none, it is no Ed25519 key, or its passphrase is missing or wrong.
        """
        ed25519, serialization = _cryptography()
        content = _read(path, "secret key")
        try:
            private = serialization.load_pem_private_key(content, passphrase)
        except TypeError as error:
            raise BundleSignatureError(_about_passphrase(path, passphrase)) from error
        except ValueError as error:
            if b"ENCRYPTED" in content:
                raise BundleSignatureError(
                    f"The passphrase does not open key {path}; give the right one."
                ) from error
            raise BundleSignatureError(_no_key(path, "secret key")) from error
        except Exception as error:  # UnsupportedAlgorithm derives from nothing we may import here
            raise BundleSignatureError(_no_key(path, "secret key")) from error
        if not isinstance(private, ed25519.Ed25519PrivateKey):
            raise BundleSignatureError(_no_key(path, "secret key"))
        raw = private.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        return cls(key_id(raw), raw, private)

    def sign(self, content: bytes) -> bytes:
        """The signature of the content, 64 bytes; the same each time."""
        return self._private.sign(content)


@dataclass(frozen=True)
class TrustedKeys:
    """Public keys by their name; several while an old one is being replaced.

    ``origin`` is where they were read, for messages.
    """

    keys: Mapping[str, bytes]
    origin: str

    @classmethod
    def read(cls, path: Path | str) -> "TrustedKeys":
        """The keys in a file of PEM blocks, or in every ``*.pub`` of a folder.

        Raises
        ------
        BundleSignatureError
            If there is none, or a file holds anything else, such as a secret key.
        """
        path = Path(path)
        files = sorted(path.glob("*" + PUBLIC_SUFFIX)) if path.is_dir() else [path]
        keys: dict[str, bytes] = {}
        for file in files[:_MOST_KEYS]:
            keys |= {key_id(raw): raw for raw in _public_keys(file)}
        if not keys:
            raise BundleSignatureError(
                f"There is no public key in {path}: put a {PUBLIC_SUFFIX} file there that "
                "edgeguard bundle keygen wrote."
            )
        return cls(keys, str(path))

    @classmethod
    def of(cls, keys: "TrustedKeys | Path | str") -> "TrustedKeys":
        """The keys themselves, read first where a path is given."""
        return keys if isinstance(keys, TrustedKeys) else cls.read(keys)

    def accepts(self, name: str, signature: bytes, content: bytes) -> bool:
        """Whether the key of that name, one of these, signed the content."""
        raw = self.keys.get(name)
        if raw is None:
            return False
        ed25519, _ = _cryptography()
        from cryptography.exceptions import InvalidSignature

        try:
            ed25519.Ed25519PublicKey.from_public_bytes(raw).verify(signature, content)
        except (InvalidSignature, ValueError):
            return False
        return True


def public_pem(raw: bytes) -> bytes:
    """A public key as the text that ``TrustedKeys.read`` and openssl read."""
    ed25519, serialization = _cryptography()
    text: bytes = ed25519.Ed25519PublicKey.from_public_bytes(raw).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return text


def readable_by_others(path: Path) -> bool:
    """Whether a secret lies open to other users of this machine."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return os.name == "posix" and bool(stat.S_IMODE(mode) & 0o077)


def _public_keys(path: Path) -> list[bytes]:
    ed25519, serialization = _cryptography()
    content = _read(path, "public key")
    if b"PRIVATE KEY" in content:
        raise BundleSignatureError(
            f"{path} is a secret key, which no box may hold: give the {PUBLIC_SUFFIX} file beside "
            "it."
        )
    blocks = _PUBLIC_BLOCK.findall(content)
    try:
        keys = [serialization.load_pem_public_key(block) for block in blocks]
    except Exception as error:  # a damaged block and an unknown algorithm share no base class
        raise BundleSignatureError(_no_key(path, "public key")) from error
    if not keys or not all(isinstance(key, ed25519.Ed25519PublicKey) for key in keys):
        raise BundleSignatureError(_no_key(path, "public key"))
    raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    return [key.public_bytes(*raw) for key in keys]


def _read(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_KEY_BYTES + 1)
    except OSError as error:
        raise BundleSignatureError(
            f"The {what} {path} cannot be read ({error.strerror}); make one with edgeguard bundle "
            "keygen, or check the path."
        ) from error
    if len(content) > _MAX_KEY_BYTES:
        raise BundleSignatureError(_no_key(path, what))
    return content


def _create(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise OutputError(
            f"Cannot write {path}: {error.strerror}; choose a folder that exists and has room."
        ) from error


def _about_passphrase(path: Path, passphrase: bytes | None) -> str:
    if passphrase is None:
        return (
            f"Key {path} is locked with a passphrase; give it in EDGEGUARD_KEY_PASSPHRASE or with "
            "--passphrase-file."
        )
    return f"Key {path} has no passphrase, and one was given; leave it out."


def _no_key(path: Path, what: str) -> str:
    return f"{path} is no Ed25519 {what}; give one that edgeguard bundle keygen wrote."


def _cryptography() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise BundleSignatureError(
            "Signatures need a package that is not installed; run pip install cryptography."
        ) from error
    return ed25519, serialization
