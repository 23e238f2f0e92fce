"""Who is on a network and what they do: an office and a smart home, as tables."""

from collections.abc import Mapping
from dataclasses import dataclass

from edgeguard_core.sources.synthesis.arrivals import Arrival, Heartbeat, Sessions
from edgeguard_core.sources.synthesis.draws import Size
from edgeguard_core.sources.synthesis.exchanges import (
    UDP6_HEADERS,
    Exchange,
    Ping,
    Stream,
    Tcp,
    Udp,
)

WEB = "web"
"""The target of browsing: a few hundred sites, some far more popular than others."""

MDNS, MDNS6, SSDP = "224.0.0.251", "ff02::fb", "239.255.255.250"
BROADCAST, ROUTERS6 = "255.255.255.255", "ff02::2"


@dataclass(frozen=True)
class Activity:
    """One thing that the hosts of a role do.

    Attributes
    ----------
    who
        Role of the hosts that begin it.
    to
        A role of this network, ``web``, the name of an outside service, or an address.
    port
        Destination port; None for ICMP.
    lookup
        Share of visits that begin with a DNS lookup.
    source_port
        Where the protocol fixes it.
    """

    who: str
    to: str
    port: int | None
    exchange: Exchange
    arrival: Arrival
    lookup: float = 0.0
    source_port: int | None = None


@dataclass(frozen=True)
class Profile:
    """A network: its range, how many hosts of each role, and all they do."""

    name: str
    network: str  # the first three numbers of its addresses
    roles: Mapping[str, int]
    resolver: str  # role
    flows_per_day: int  # about, on a working day
    activities: tuple[Activity, ...]


_PAGE = Tcp(
    up=Size(1400, 0.9, tail=0.04, alpha=1.3, most=5e7),
    down=Size(4600, 1.3, tail=0.05, alpha=1.1, most=8e8),
    hold_ms=Size(900, 2.2, tail=0.03, alpha=1.1, most=2e6),
)
_CALL_HOME = Tcp(
    up=Size(1100, 0.5, tail=0.03), down=Size(3900, 0.7, tail=0.03), hold_ms=Size(150, 1.5)
)
_MAIL = Tcp(up=Size(900, 0.7, tail=0.03), down=Size(2600, 1.1, tail=0.06, alpha=1.05, most=6e7))
_SUBMIT = Tcp(up=Size(7000, 1.4, tail=0.08, alpha=1.1, most=3e7), down=Size(1300, 0.4))
_UPDATE = Tcp(
    up=Size(2500, 0.9),
    down=Size(250_000, 2.0, tail=0.1, alpha=1.0, most=1.5e9),
    hold_ms=Size(400, 1.5),
)
_TIME = Udp(Size(48, 0.0), Size(48, 0.0), unanswered=0.06)
_LEASE = Udp(Size(300, 0.04), Size(310, 0.06), unanswered=0.01)
_ANNOUNCE = Udp(Size(110, 0.9), packets=Size(2, 0.9, tail=0.03), gap_ms=Size(1000, 0.8))
_ANNOUNCE6 = Udp(Size(110, 0.9), packets=Size(2, 0.9), gap_ms=Size(1000, 0.8), headers=UDP6_HEADERS)
_SEARCH = Udp(Size(140, 0.3), packets=Size(4, 0.5, tail=0.02), gap_ms=Size(1000, 0.4))

_OFFICE = (
    # people
    Activity("workstation", WEB, 443, _PAGE,
             Sessions(9, "office", pages=Size(3, 1.0, tail=0.03), flows=Size(3, 0.8, tail=0.02)),
             lookup=0.75),
    Activity("workstation", WEB, 80, _PAGE, Sessions(3, "office", flows=Size(2, 0.6)), lookup=0.8),
    Activity("phone", WEB, 443, _PAGE,
             Sessions(6, "office", pages=Size(2, 0.8), flows=Size(2, 0.8)), lookup=0.7),
    Activity("workstation", "mail", 993, _MAIL, Heartbeat(900, 0.2, "powered on"), lookup=0.3),
    Activity("workstation", "mail", 587, _SUBMIT, Sessions(9, "office"), lookup=0.6),
    Activity("workstation", "file server", 445,
             Tcp(Size(9000, 1.6, tail=0.05, alpha=1.05, most=1e9),
                 Size(12_000, 1.7, tail=0.05, alpha=1.15, most=2e9),
                 hold_ms=Size(20_000, 2.0, tail=0.03, most=3e7)),
             Sessions(9, "office", pages=Size(2, 0.6))),
    Activity("workstation", "directory", 88, Tcp(Size(1500, 0.2), Size(1600, 0.2), Size(6, 0.8)),
             Sessions(10, "office", flows=Size(2, 0.5))),
    Activity("workstation", "directory", 389,
             Tcp(Size(1900, 0.8), Size(3000, 1.0, tail=0.04), Size(500, 2)), Sessions(7, "office")),
    Activity("workstation", "printer", 9100,
             Tcp(Size(60_000, 1.6, tail=0.06, alpha=1.1, most=3e8), Size(120, 0.6),
                 Size(2000, 1.0)), Sessions(2, "office")),
    Activity("workstation", "conference", 3480,
             Stream(Size(9e5, 1.0, tail=0.03, most=1.4e7), Size(40, 0.7), Size(60, 0.8),
                    Size(300, 0.6)), Sessions(1.2, "meetings", flows=Size(1.3, 0.3)), lookup=1.0),
    Activity("workstation", "app server", 443, _PAGE,
             Sessions(5, "office", pages=Size(3, 0.8)), lookup=0.5),
    Activity("workstation", "app server", 22,
             Tcp(Size(9000, 1.4, tail=0.05), Size(16_000, 1.6, tail=0.06, most=4e8),
                 Size(240_000, 1.8, tail=0.03, most=4e7), segment=190),
             Sessions(0.5, "office")),
    Activity("workstation", "app server", 3389,
             Tcp(Size(90_000, 1.4), Size(900_000, 1.6, tail=0.04), Size(400_000, 1.4, most=3e7)),
             Sessions(0.3, "office")),
    # machines
    Activity("workstation", "telemetry", 443, _CALL_HOME, Heartbeat(1800, 0.3, "powered on"),
             lookup=0.5),
    Activity("workstation", "updates", 443, _UPDATE, Sessions(1.2, "powered on"), lookup=1.0),
    Activity("app server", "updates", 80, _UPDATE, Sessions(2, "night"), lookup=1.0),
    Activity("app server", "database", 5432,
             Tcp(Size(2400, 1.2, tail=0.04), Size(9000, 1.6, tail=0.06, most=5e8), Size(60, 2.0),
                 segment=700),
             Heartbeat(300, 0.4)),
    Activity("file server", "backup", 22,
             Tcp(Size(3e6, 1.5, tail=0.08, alpha=1.1, most=1.9e9), Size(9000, 1.0),
                 Size(4000, 1.5)), Heartbeat(1800, 0.1, "night")),
    Activity("workstation", "backup", 445,
             Tcp(Size(600_000, 1.5, tail=0.06, alpha=1.1, most=1.9e9), Size(8000, 1.0),
                 Size(3000, 1.5)), Heartbeat(5400, 0.3, "night")),
    Activity("phone", "exchange", 5060, Udp(Size(520, 0.15), Size(410, 0.2), Size(2, 0.3)),
             Heartbeat(600, 0.05)),
    Activity("app server", "printer", 161, Udp(Size(70, 0.2), Size(95, 0.4), Size(3, 0.4)),
             Heartbeat(900, 0.02)),
    Activity("app server", "gateway", None, Ping(Size(3, 0.2)), Heartbeat(600, 0.01)),
    Activity("workstation", "directory", 123, _TIME, Heartbeat(2048, 0.05, "powered on")),
    Activity("app server", "clock", 123, _TIME, Heartbeat(1024, 0.05), lookup=0.1),
    Activity("phone", "clock", 123, _TIME, Heartbeat(3600, 0.1), lookup=0.5),
    Activity("workstation", "gateway", 67, _LEASE, Heartbeat(14_400, 0.1, "powered on"),
             source_port=68),
    Activity("phone", "gateway", 67, _LEASE, Heartbeat(14_400, 0.1), source_port=68),
    Activity("workstation", MDNS, 5353, _ANNOUNCE, Sessions(7, "powered on"), source_port=5353),
    Activity("printer", MDNS, 5353, _ANNOUNCE, Heartbeat(1800, 0.2), source_port=5353),
    Activity("workstation", MDNS6, 5353, _ANNOUNCE6, Sessions(3, "powered on"), source_port=5353),
    Activity("workstation", ROUTERS6, None, Ping(Size(1, 0.4), 0, 6), Sessions(2, "powered on")),
    Activity("workstation", SSDP, 1900, _SEARCH, Sessions(5, "office")),
    Activity("workstation", "subnet", 137, _ANNOUNCE, Sessions(5, "office"), source_port=137),
    Activity("file server", "subnet", 138, Udp(Size(200, 0.1)), Heartbeat(720, 0.02),
             source_port=138),
)  # fmt: skip

_HOME = (
    # people
    Activity("mobile", WEB, 443, _PAGE,
             Sessions(14, "home", pages=Size(3, 0.9, tail=0.03), flows=Size(3, 0.8, tail=0.02)),
             lookup=0.75),
    Activity("laptop", WEB, 443, _PAGE,
             Sessions(9, "home", pages=Size(4, 1.0, tail=0.03), flows=Size(4, 0.8, tail=0.02)),
             lookup=0.75),
    Activity("laptop", WEB, 80, _PAGE, Sessions(3, "home", flows=Size(2, 0.6)), lookup=0.8),
    Activity("mobile", "mail", 993, _MAIL, Heartbeat(1800, 0.2, "awake"), lookup=0.4),
    Activity("laptop", "conference", 3480,
             Stream(Size(1.2e6, 0.9, tail=0.03, most=1.4e7), Size(70, 0.5), Size(110, 0.6),
                    Size(520, 0.5)), Sessions(0.8, "home", flows=Size(2, 0.3)), lookup=1.0),
    Activity("mobile", "camera", 554,
             Tcp(Size(3000, 0.8), Size(900_000, 1.5, tail=0.05, most=1e9), Size(20_000, 1.3)),
             Sessions(1.5, "home")),
    Activity("television", "video", 443,
             Tcp(Size(30_000, 1.2), Size(600_000, 1.3, tail=0.03, alpha=1.0, most=1.9e9),
                 Size(9000, 1.8, most=2e7)),
             Sessions(3, "evening", pages=Size(4, 0.8), flows=Size(2, 0.5)), lookup=0.7),
    Activity("speaker", "music", 443,
             Tcp(Size(4000, 0.9), Size(250_000, 1.3, tail=0.04, most=4e8), Size(9000, 1.6)),
             Sessions(4, "evening", pages=Size(3, 0.9)), lookup=0.6),
    # devices
    Activity("camera", "camera cloud", 443,
             Tcp(Size(900, 0.3), Size(1500, 0.4), Size(120, 1.0)), Heartbeat(600, 0.05),
             lookup=0.5),
    Activity("camera", "camera cloud", 443,
             Tcp(Size(90_000, 1.3, tail=0.05, alpha=1.1, most=4e8), Size(2600, 0.7),
                 Size(6000, 1.2)), Sessions(9, "awake"), lookup=0.3),
    Activity("plug", "plug cloud", 8883,
             Tcp(Size(360, 0.4, tail=0.02), Size(300, 0.4), Size(900, 2.2, tail=0.03, most=3e7),
                 {"mid": 0.75, "done": 0.17, "open": 0.04, "reset": 0.03, "noreply": 0.01}),
             Heartbeat(900, 0.08), lookup=0.15),
    Activity("plug", "hub", 1883,
             Tcp(Size(190, 0.4), Size(90, 0.5), Size(60, 1.6), {"mid": 0.9, "done": 0.1}),
             Heartbeat(1200, 0.1)),
    Activity("hub", "plug cloud", 443, _CALL_HOME, Heartbeat(900, 0.05), lookup=0.6),
    Activity("hub", WEB, 80, Tcp(Size(320, 0.2), Size(900, 0.4), Size(60, 1.2)),
             Heartbeat(1800, 0.1), lookup=0.7),
    Activity("speaker", "music", 443, _CALL_HOME, Heartbeat(900, 0.1), lookup=0.5),
    Activity("mobile", "push", 5228,
             Tcp(Size(300, 0.8), Size(400, 1.0), Size(90_000, 2.2, tail=0.05, most=7e7),
                 {"mid": 0.5, "open": 0.3, "done": 0.1, "reset": 0.1}),
             Sessions(14, "awake"), lookup=0.4),
    Activity("laptop", "updates", 443, _UPDATE, Sessions(1.5, "awake"), lookup=1.0),
    Activity("television", "updates", 443, _UPDATE, Sessions(0.6, "night"), lookup=1.0),
    Activity("laptop", "hub", 445,
             Tcp(Size(300_000, 2.2, tail=0.08, alpha=1.0, most=1.5e9), Size(9000, 1.2),
                 Size(3000, 1.5)), Sessions(2, "home")),
    *(
        Activity(role, "clock", 123, _TIME, Heartbeat(every, 0.05), lookup=0.2)
        for role, every in (
            ("plug", 1200), ("camera", 900), ("speaker", 1200), ("hub", 1024), ("television", 3600)
        )
    ),
    *(
        Activity(role, "gateway", 67, _LEASE, Heartbeat(21_600, 0.1), source_port=68)
        for role in ("plug", "camera", "speaker", "television", "mobile", "laptop")
    ),
    *(
        Activity(role, MDNS, 5353, _ANNOUNCE, Heartbeat(every, 0.3), source_port=5353)
        for role, every in (("speaker", 1200), ("hub", 1800), ("television", 2400))
    ),
    Activity("mobile", MDNS, 5353, _ANNOUNCE, Sessions(14, "awake"), source_port=5353),
    Activity("mobile", MDNS6, 5353, _ANNOUNCE6, Sessions(9, "awake"), source_port=5353),
    Activity("hub", ROUTERS6, None, Ping(Size(1, 0.4), 0, 6), Heartbeat(3600, 0.2)),
    Activity("television", SSDP, 1900, _SEARCH, Heartbeat(1800, 0.2)),
    Activity("mobile", SSDP, 1900, _SEARCH, Sessions(8, "awake")),
    Activity("hub", "gateway", None, Ping(Size(2, 0.3)), Heartbeat(900, 0.05)),
)  # fmt: skip

PROFILES: Mapping[str, Profile] = {
    "office": Profile(
        "office",
        "10.20.0",
        {
            "gateway": 1, "directory": 1, "file server": 1, "app server": 2, "database": 1,
            "backup": 1, "exchange": 1, "printer": 2, "phone": 5, "workstation": 11,
        },
        resolver="directory",
        flows_per_day=9_200,
        activities=_OFFICE,
    ),
    "home": Profile(
        "home",
        "192.168.1",
        {
            "gateway": 1, "hub": 1, "camera": 2, "plug": 4, "speaker": 2, "television": 1,
            "mobile": 3, "laptop": 1,
        },
        resolver="gateway",
        flows_per_day=4_700,
        activities=_HOME,
    ),
}  # fmt: skip
"""The networks that can be synthesised, by name."""
