"""What stands in a capture, told before the meter reads it."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from edgeguard_core.errors import SourceError
from edgeguard_core.sources.packets.capture_file import Damage, Walker
from edgeguard_core.sources.packets.link_types import READ_AS_THEY_ARE, is_readable, name_of
from edgeguard_core.sources.streams import GZIP_MAGIC, ZSTD_MAGIC

_IPV6_TYPE, _HEAD_BYTES = b"\x86\xdd", 24  # behind two VLAN tags at the latest
_IPV6_STARTS = frozenset(bytes([0x60 + part]) for part in range(16))


@dataclass(frozen=True)
class Survey:
    """A capture's packets, counted.

    Attributes
    ----------
    kind
        ``pcap`` or ``pcapng``.
    packets
        All that can be read.
    links
        Packets by link type; of a file without packets its interfaces' types, 0 each.
    first_us, last_us
        Of the packets that have a time; None without any.
    cut
        Packets of which only the first bytes were kept.
    timeless
        Packets without a time.
    damage
        Why the rest of the file cannot be read; None where it is whole.
    is_direct
        Whether the meter reads the file as it stands.
    """

    path: Path
    kind: str
    packets: int
    links: Counter[int] = field(default_factory=Counter)
    first_us: int | None = None
    last_us: int | None = None
    cut: int = 0
    timeless: int = 0
    damage: str | None = None
    is_direct: bool = False

    @property
    def readable(self) -> int:
        """Packets of link types that flows are made of."""
        return sum(count for link, count in self.links.items() if is_readable(link))

    def warnings(self) -> list[str]:
        """One sentence each about what was odd but does not stop the reading."""
        told = []
        if self.damage is not None:
            told.append(
                f"{self.path} is not whole: after {self.packets:,} packets {self.damage}; "
                "those are read."
            )
        for link, count in sorted(self.links.items()):
            if count and not is_readable(link):
                told.append(
                    f"{self.path} has packets of link type {name_of(link)}, which are left out: "
                    f"{count:,} of {self.packets:,}."
                )
        if self.timeless:
            told.append(
                f"{self.path} has packets without a time ({self.timeless:,}); they count as of "
                "the packet before them."
            )
        return told

    def refuse(self) -> None:
        """Refuse a capture out of which no packet can be metered.

        Raises
        ------
        SourceError
            If it is damaged from its start, or of no readable link type.
        """
        if not self.packets and self.damage is not None:
            raise SourceError(
                f"{self.path} is a damaged capture: {self.damage}; capture or copy it again."
            )
        if self.links and not any(map(is_readable, self.links)):
            named = ", ".join(name_of(link) for link in sorted(self.links))
            raise SourceError(
                f"{self.path} is of link type {named}, which cannot be read; capture on an "
                "Ethernet, cooked or raw IP interface."
            )


def survey(path: Path) -> Survey:
    """What stands in a capture; each of its packets is looked at, and none kept.

    Raises
    ------
    SourceError
        If the file cannot be opened or is no capture.
    """
    walker = Walker(path)
    links: Counter[int] = Counter()
    first = last = time_us = damage = None
    timeless = cut = cut_ipv6 = run = 0
    link = -1
    try:
        for of, time_us, length, data in walker.packets():
            if of != link:
                links[link] += run
                link, run = of, 0
            run += 1
            if time_us is None:
                timeless += 1
            elif first is None:
                first = time_us
            if length > len(data):
                cut += 1
                head = data[:_HEAD_BYTES]
                cut_ipv6 += _IPV6_TYPE in head or head[:1] in _IPV6_STARTS
            last = time_us
    except Damage as error:
        damage = str(error)
    links[link] += run
    del links[-1]
    packets = links.total()
    if not links:
        links.update({interface.link: 0 for interface in walker.interfaces})
    direct = (
        walker.is_plain
        and damage is None
        and not cut_ipv6
        and not timeless
        and set(links) <= READ_AS_THEY_ARE
        and not _is_packed(path)
    )
    return Survey(path, walker.kind, packets, links, first, last, cut, timeless, damage, direct)


def _is_packed(path: Path) -> bool:
    with path.open("rb") as stream:
        magic = stream.read(4)
    return magic.startswith(GZIP_MAGIC) or ZSTD_MAGIC.match(magic) is not None
