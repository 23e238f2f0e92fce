"""The canonical flow: derived figures against a plain loop over rows."""

import ipaddress
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.errors import SchemaError
from edgeguard_core.flows import Schema
from edgeguard_core.flows.canonical import (
    NetworkTable,
    canonical_columns,
    port_buckets,
    transport_words,
)

# As people say it; the module has it as a table over all ports.
BUCKETS = """ftp 20 21 · ssh 22 · telnet 23 2323 · mail 25 110 143 465 587 993 995 · dns 53 ·
mdns 5353 · dhcp 67 68 · http 80 8000 8080 · https 443 8443 · ntp 123 · ssdp 1900 · rdp 3389 ·
smb 139 445 · netbios 137 138 · auth 88 389 · rpc 135 · snmp 161 · sip 5060 · mqtt 1883 8883 ·
irc 6667 · rtsp 554 · database 1433 3306 5432 6379"""


def bucket_by_hand(port: int) -> str:
    for entry in BUCKETS.split("·"):
        name, *members = entry.split()
        if str(port) in members:
            return name
    return "system" if port < 1024 else "user" if port < 32768 else "ephemeral"


def test_every_port_has_the_bucket_that_is_agreed() -> None:
    ports = np.arange(65536)
    assert port_buckets(ports.astype(float)).tolist() == [bucket_by_hand(p) for p in ports.tolist()]


def test_a_port_that_is_none_has_no_bucket() -> None:
    assert port_buckets(np.array([-1.0, 65536.0, np.nan])).tolist() == ["", "", ""]


def test_the_buckets_and_words_are_those_the_schema_allows() -> None:
    schema = Schema.named("flow")
    buckets = set(port_buckets(np.arange(65536.0)))
    assert buckets | {"none"} == set(schema.column("service").values or ())
    words = set(transport_words(np.arange(256.0)))
    assert words == set(schema.column("transport").values or ())


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("10.255.0.1", "internal"), ("172.16.0.1", "internal"), ("172.32.0.1", "external"),
        ("192.168.1.1", "internal"), ("169.254.9.9", "internal"), ("127.0.0.1", "internal"),
        ("fe80::1", "internal"), ("fe80::1%eth0", "internal"), ("fd00::1", "internal"),
        ("2001:db8::1", "external"), ("8.8.8.8", "external"), ("224.0.0.251", "multicast"),
        ("ff02::1", "multicast"), ("255.255.255.255", "multicast"), ("0.0.0.0", "none"),
        ("::", "none"), ("00:11:22:33:44:55", "none"), ("", "none"), (None, "none"),
    ],
)  # fmt: skip
def test_the_side_of_an_address(address: str | None, word: str) -> None:
    assert NetworkTable().words(np.array([address], object)).tolist() == [word]


def test_ones_own_networks() -> None:
    table = NetworkTable(["147.32.0.0/16", "2001:db8::/32"])
    addresses = np.array(["147.32.81.1", "10.0.0.1", "2001:db8::1"], object)
    assert table.words(addresses).tolist() == ["internal", "external", "internal"]
    with pytest.raises(SchemaError, match="'home' is no network"):
        NetworkTable(["home"])


def test_a_flood_of_addresses_does_not_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NetworkTable, "_MOST_REMEMBERED", 10)
    table = NetworkTable()
    for start in range(0, 200, 5):
        block = [str(ipaddress.ip_address(0x08000000 + start + k)) for k in range(5)]
        assert table.words(np.array(block, object)).tolist() == ["external"] * 5
    assert len(table._known) <= 15


quantity = st.one_of(st.just(0.0), st.floats(1e-6, 1e12), st.just(math.nan))


@given(st.lists(st.tuples(quantity, quantity, quantity, quantity, quantity), max_size=20))
def test_shares_means_and_rates_are_those_of_a_loop(rows: list[tuple[float, ...]]) -> None:
    n = len(rows)
    names = (
        "bidirectional_duration_ms", "src2dst_packets", "dst2src_packets", "src2dst_bytes",
        "dst2src_bytes",
    )  # fmt: skip
    base = {name: np.array([row[at] for row in rows], float) for at, name in enumerate(names)}
    base |= {
        "src_ip": np.full(n, None, object),
        "dst_ip": np.full(n, None, object),
        "dst_port": np.full(n, 53.0),
        "protocol": np.full(n, 17.0),
    }
    made = canonical_columns(base, NetworkTable())
    for row, (duration, sent_p, got_p, sent_b, got_b) in enumerate(rows):
        packets = sum(x for x in (sent_p, got_p) if not math.isnan(x))
        total = sum(x for x in (sent_b, got_b) if not math.isnan(x))
        expected = {
            "src2dst_mean_packet_bytes": share(sent_b, sent_p),
            "dst2src_mean_packet_bytes": share(got_b, got_p),
            "src2dst_bytes_share": share(sent_b, total),
            "src2dst_packets_share": share(sent_p, packets),
            "bidirectional_packets_per_s": share(packets, duration / 1000),
            "bidirectional_bytes_per_s": share(total, duration / 1000),
        }
        for name, value in expected.items():
            np.testing.assert_allclose(made[name][row], value, rtol=1e-12)


def test_a_rate_beyond_every_float_is_missing() -> None:
    one, tiny = np.ones(1), np.full(1, 5e-324)
    base = {
        "bidirectional_duration_ms": tiny * 1000,
        "src2dst_packets": one, "dst2src_packets": one,
        "src2dst_bytes": one * 1e300, "dst2src_bytes": one,
        "src_ip": np.array([None]), "dst_ip": np.array([None]),
        "dst_port": one, "protocol": one,
    }  # fmt: skip
    made = canonical_columns(base, NetworkTable())
    assert np.isnan(made["bidirectional_bytes_per_s"][0])
    assert made["src2dst_bytes_share"][0] == 1.0


def share(part: float, whole: float) -> float:
    if math.isnan(part) or math.isnan(whole):
        return math.nan
    return part / whole if whole > 0 else 0.0


@pytest.mark.parametrize(("protocol", "service"), [(6.0, "dns"), (1.0, "none"), (47.0, "none")])
def test_only_protocols_with_ports_have_a_service(protocol: float, service: str) -> None:
    numbers = dict.fromkeys(
        ("bidirectional_duration_ms", "src2dst_packets", "dst2src_packets", "src2dst_bytes",
         "dst2src_bytes"),
        np.zeros(1),
    )  # fmt: skip
    base = numbers | {
        "src_ip": np.array(["10.0.0.1"], object),
        "dst_ip": np.array(["8.8.8.8"], object),
        "dst_port": np.array([53.0]),
        "protocol": np.array([protocol]),
    }
    assert canonical_columns(base, NetworkTable())["service"].tolist() == [service]
