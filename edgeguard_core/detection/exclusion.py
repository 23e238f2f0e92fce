"""Exclusions: alerts that a site does not want to see, said by address, port, protocol or cause.

An exclusion hides alerts from the queue and from nothing else: scores, metrics and thresholds
never change with it. It ends by itself, for what was harmless in March may not be in June.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.flows.canonical import port_buckets

DEFAULT_DAYS: Final = 30
LONGEST_DAYS: Final = 366
_ADDRESSES: Final = ("host", "src_ip", "dst_ip")
_NUMBERS: Final = {"dst_port": 65_535, "protocol": 255}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Conditions:
    """What a flow must be to be excluded: all that is given must hold, None asks for nothing.

    ``host``, ``src_ip`` and ``dst_ip`` are an address or a network prefix; ``protocol`` is the
    IANA number; ``service`` the bucket of the destination's port.

    Raises
    ------
    EdgeGuardError
        If nothing is given, or something is no address, port or number.

    Examples
    --------
    >>> Conditions(dst_ip="10.0.0.0/8", dst_port=53).sentence
    'destination 10.0.0.0/8, port 53'
    """

    host: str | None = None
    src_ip: str | None = None
    dst_ip: str | None = None
    dst_port: int | None = None
    protocol: int | None = None
    cause: str | None = None
    service: str | None = None

    def __post_init__(self) -> None:
        if not self.given:
            raise EdgeGuardError(
                "An exclusion without any condition would hide every alert: give at least one."
            )
        for name in set(_ADDRESSES) & set(self.given):
            _network(str(self.given[name]))
        for name, largest in _NUMBERS.items():
            value = self.given.get(name, 0)
            if isinstance(value, bool) or value != int(value) or not 0 <= value <= largest:
                raise EdgeGuardError(
                    f"{value} is no {name.replace('_', ' ')}: give a whole number from 0 to "
                    f"{largest}."
                )

    @property
    def given(self) -> dict[str, Any]:
        """The conditions that ask for something, by name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in found.items() if value not in (None, "")}

    @property
    def sentence(self) -> str:
        """The conditions in words, in their order."""
        words = {
            "host": "host", "src_ip": "source", "dst_ip": "destination", "dst_port": "port",
            "protocol": "protocol", "cause": "cause", "service": "service",
        }  # fmt: skip
        return ", ".join(f"{words[name]} {value}" for name, value in self.given.items())

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Conditions":
        """The conditions that ``given`` wrote; names that are unknown are refused."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(document) - known):
            raise EdgeGuardError(
                f"An exclusion cannot ask for {unknown[0]!r}: it knows {', '.join(sorted(known))}."
            )
        return cls(**document)

    def match(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Which of n flows meet all conditions, shape ``(n,)``.

        A condition on a column that is not there, or on a cell that is empty, is not met.

        Parameters
        ----------
        columns
            By the names of the conditions, shape ``(n,)`` each; ``service`` is found from
            ``dst_port`` where it is absent.

        Examples
        --------
        >>> columns = {"src_ip": np.array(["10.1.2.3", "192.0.2.1"], object)}
        >>> Conditions(src_ip="10.0.0.0/8").match(columns).tolist()
        [True, False]
        """
        size = next((len(column) for column in columns.values()), 0)
        met = np.ones(size, np.bool_)
        for name, wanted in self.given.items():
            column = _column(columns, name)
            if column is None:
                return np.zeros(size, np.bool_)
            met &= _meets(name, wanted, column)
        return met


@dataclass(frozen=True)
class Exclusion:
    """Conditions with who set them, why, when, and until when.

    ``revoked`` is when somebody ended it early; None while it runs.
    """

    number: int
    conditions: Conditions
    reason: str
    actor: str
    created: datetime
    expires: datetime
    revoked: datetime | None = None
    revoked_by: str | None = None

    def is_active(self, now: datetime) -> bool:
        """Whether it hides anything at that time."""
        return self.created <= now < self.expires and self.revoked is None

    def state(self, now: datetime) -> str:
        """``active``, ``revoked`` or ``expired``."""
        if self.revoked is not None:
            return "revoked"
        return "active" if now < self.expires else "expired"

    def matches(self, columns: Mapping[str, NDArray[Any]], now: datetime) -> NDArray[np.bool_]:
        """Which flows it hides at that time, shape ``(n,)``; none once it ended."""
        if self.is_active(now):
            return self.conditions.match(columns)
        return np.zeros(next((len(column) for column in columns.values()), 0), np.bool_)


def default_expiry(now: datetime) -> datetime:
    """When an exclusion ends unless its maker says otherwise: in 30 days.

    >>> default_expiry(datetime(2026, 1, 1, tzinfo=UTC)).date().isoformat()
    '2026-01-31'
    """
    return now.astimezone(UTC) + timedelta(days=DEFAULT_DAYS)


def require_expiry(created: datetime, expires: datetime) -> None:
    """Nothing, when an exclusion ends after it begins, and within a year.

    Raises
    ------
    EdgeGuardError
        If it does not: one that never ends is forgotten and hides what it should not.
    """
    if expires <= created:
        raise EdgeGuardError(
            f"An exclusion that ends on {expires.date()} would hide nothing: let it end later."
        )
    if expires - created > timedelta(days=LONGEST_DAYS):
        raise EdgeGuardError(
            f"An exclusion until {expires.date()} would outlive its reason: let it end within a "
            "year and renew it then."
        )


def hidden(
    exclusions: list[Exclusion], columns: Mapping[str, NDArray[Any]], size: int, now: datetime
) -> NDArray[np.bool_]:
    """Which of n flows any exclusion hides at that time, shape ``(n,)``."""
    found = np.zeros(size, np.bool_)
    for exclusion in exclusions:
        if exclusion.is_active(now):
            found |= exclusion.conditions.match(columns)
    return found


def _column(columns: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any] | None:
    if name in columns:
        return columns[name]
    if name == "service" and "dst_port" in columns:
        return port_buckets(_as_numbers(columns["dst_port"]))
    return None


def _meets(name: str, wanted: Any, column: NDArray[Any]) -> NDArray[np.bool_]:
    if name in _ADDRESSES:
        return _inside(_network(str(wanted)), column)
    if name in _NUMBERS:
        return np.asarray(_as_numbers(column) == float(wanted), np.bool_)
    return np.asarray(column.astype(object) == wanted, np.bool_)


def _inside(network: Network, addresses: NDArray[Any]) -> NDArray[np.bool_]:
    texts = addresses.tolist()
    # A file has few addresses and many flows: each address is parsed once.
    verdicts = {text: _lies_in(network, text) for text in dict.fromkeys(texts)}
    return np.fromiter(map(verdicts.__getitem__, texts), np.bool_, len(texts))


def _lies_in(network: Network, text: object) -> bool:
    if not isinstance(text, str):
        return False
    address = _address(text)
    return address is not None and address.version == network.version and address in network


@lru_cache(maxsize=65_536)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        return None


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise EdgeGuardError(
            f"{text!r} is neither an address nor a network: write 10.0.0.7 or 10.0.0.0/8."
        ) from error


def _as_numbers(column: NDArray[Any]) -> NDArray[np.float64]:
    if column.dtype != object:
        return column.astype(np.float64)
    return np.fromiter(_numbers(column.tolist()), np.float64, len(column))


def _numbers(cells: list[Any]) -> Iterator[float]:
    for cell in cells:
        try:
            yield float(cell)
        except (TypeError, ValueError):
            yield np.nan
