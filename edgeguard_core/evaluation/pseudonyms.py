"""Addresses replaced by a keyed hash, wherever in a document they stand."""

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

from edgeguard_core.errors import EdgeGuardError

SHORTEST_KEY: Final = 8
_DIGITS: Final = 12  # hexadecimal ones of a pseudonym: 48 bits, so a million rarely collide

_LONGEST: Final = 45  # characters of an IPv6 address that ends as an IPv4 one

# Whatever could be an address is looked at; what is none by ipaddress stays. Four and more numbers
# with dots are replaced whatever they are: whoever wrote 010.0.0.300 meant an address.
_CANDIDATE: Final = re.compile(
    r"(?P<mac>(?<![0-9A-Fa-f:.-])[0-9A-Fa-f]{2}(?P<sep>[:-])(?:[0-9A-Fa-f]{2}(?P=sep)){4}"
    r"[0-9A-Fa-f]{2}(?![0-9A-Fa-f]))"
    r"|(?P<v6>[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*)"
    r"|(?P<v4>\d+(?:\.\d+){3,})"
)
_ZONE: Final = re.compile(r"%[0-9A-Za-z_.-]+")
_PREFIX_LENGTH: Final = re.compile(r"/\d{1,3}(?!\d|[.:]\w)")


def new_key() -> str:
    """A key that nobody can guess, to be shown once: with it the same names come out again."""
    return secrets.token_urlsafe(24)


class Pseudonyms:
    """Replaces addresses by ``host-`` (networks by ``net-``) and a keyed hash.

    HMAC-SHA256 of the address in its canonical form: the same key gives the same name, in any
    report and however the address is written; without the key nobody can tell which address it
    was, nor try them all.

    Raises
    ------
    EdgeGuardError
        If the key is shorter than eight characters: all addresses could be tried with all keys.

    Examples
    --------
    >>> names = Pseudonyms("a key of ours")
    >>> names.text("10.0.0.7 scanned 10.0.0.0/8")
    'host-867b8c70b189 scanned net-8142197571aa'
    >>> names.text("::FFFF:10.0.0.7") == names.text("10.0.0.7")
    True
    """

    def __init__(self, key: str) -> None:
        if len(key) < SHORTEST_KEY:
            raise EdgeGuardError(
                f"A key of {len(key)} characters for pseudonyms can be guessed: give at least "
                f"{SHORTEST_KEY}."
            )
        self._key = key.encode()

    def text(self, text: str) -> str:
        """The text with a pseudonym in the place of every address, prefix and MAC address."""
        parts, at = [], 0
        while found := _CANDIDATE.search(text, at):
            name, end = self._name(found, text)
            parts += [text[at : found.start()], name]
            at = end
        return "".join(parts) + text[at:]

    def document(self, value: Any) -> Any:
        """The same document with all its texts replaced, names of keys too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.document(key): self.document(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.document(item) for item in value]
        return value

    def _name(self, found: re.Match[str], text: str) -> tuple[str, int]:
        """What stands in the place of a candidate, and where the text goes on."""
        if found["mac"]:
            return self._hashed("mac", re.sub(r"[:-]", "", found["mac"]).lower()), found.end()
        if found["v4"]:
            canonical = ".".join(str(int(number)) for number in found["v4"].split("."))
            return self._whole("host", canonical, text, found.end())
        start = found.start()
        for end in range(min(found.end(), start + _LONGEST), start + 1, -1):
            address = _ipv6(text[start:end])
            if address is not None:
                zone = _ZONE.match(text, end)
                return self._whole("host", address, text, zone.end() if zone else end)
        return text[start], start + 1  # a time of day: one character on, and look again

    def _whole(self, kind: str, address: str, text: str, end: int) -> tuple[str, int]:
        length = _PREFIX_LENGTH.match(text, end)
        if length is None:
            return self._hashed(kind, address), end
        return self._hashed("net", address + length.group()), length.end()

    def _hashed(self, kind: str, what: str) -> str:
        digest = hmac.new(self._key, what.encode(), hashlib.sha256).hexdigest()
        return f"{kind}-{digest[:_DIGITS]}"


def _ipv6(text: str) -> str | None:
    """An address as there is only one way to write it; None where it is none."""
    if ":" not in text:
        return None
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    return str(address.ipv4_mapped or address)
