"""A written capture, decoded again by a decoder that knows nothing of the writer."""

import ipaddress
import shutil
import struct
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.errors import SourceError
from edgeguard_core.flows.table import Flows
from edgeguard_core.sources.synthesis import (
    ATTACKS,
    SynthesisRequest,
    synthesise,
    write_pcap,
)
from edgeguard_core.sources.synthesis.packet_plan import FlowCounts, plan

FIN, SYN, RST, ACK = 1, 2, 4, 16
Key = tuple[str, int, str, int, int]


@dataclass(frozen=True)
class Packet:
    at_us: int
    src: str
    sport: int
    dst: str
    dport: int
    protocol: int
    ip_bytes: int
    flags: int
    seq: int
    payload: int


def ones_complement(data: bytes) -> int:
    """The checksum of RFC 1071, word by word; 0 over data that hold a right one."""
    data += b"\0" * (len(data) % 2)
    total = 0
    for i in range(0, len(data), 2):
        total += data[i] * 256 + data[i + 1]
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def decode(path: Path, *, whole: bool = True) -> list[Packet]:
    raw = path.read_bytes()
    assert struct.unpack_from("<IHH", raw) == (0xA1B2C3D4, 2, 4)
    assert struct.unpack_from("<I", raw, 20) == (1,)
    packets, at = [], 24
    while at < len(raw):
        seconds, micros, kept, length = struct.unpack_from("<IIII", raw, at)
        frame = raw[at + 16 : at + 16 + kept]
        at += 16 + kept
        assert micros < 1_000_000
        assert kept == length or not whole
        packets.append(_packet(seconds * 1_000_000 + micros, frame, length - 14, whole))
    return packets


def _packet(at_us: int, frame: bytes, ip_bytes: int, whole: bool) -> Packet:
    kind, ip = frame[12:14], frame[14:]
    if kind == b"\x08\x00":
        assert ip[0] == 0x45
        assert ones_complement(ip[:20]) == 0
        assert struct.unpack_from("!H", ip, 2)[0] == ip_bytes
        protocol, src, dst, body = ip[9], ip[12:16], ip[16:20], ip[20:]
        n_body = ip_bytes - 20
        pseudo = src + dst + struct.pack("!BBH", 0, protocol, n_body)
    else:
        assert kind == b"\x86\xdd"
        assert ip[0] >> 4 == 6
        assert struct.unpack_from("!H", ip, 4)[0] == ip_bytes - 40
        protocol, src, dst, body = ip[6], ip[8:24], ip[24:40], ip[40:]
        n_body = ip_bytes - 40
        pseudo = src + dst + struct.pack("!IHBB", n_body, 0, 0, protocol)
    if whole:
        assert len(body) == n_body
        assert ones_complement((b"" if protocol == 1 else pseudo) + body) == 0
    sport = dport = flags = seq = 0
    header = 8
    if protocol in (6, 17):
        sport, dport = struct.unpack_from("!HH", body)
    if protocol == 6:
        seq, flags, header = struct.unpack_from("!I", body, 4)[0], body[13] & 63, body[12] // 16 * 4
    if protocol == 17:
        assert struct.unpack_from("!H", body, 4)[0] == n_body
    near, far = (str(ipaddress.ip_address(x)) for x in (src, dst))
    return Packet(at_us, near, sport, far, dport, protocol, ip_bytes, flags, seq, n_body - header)


def small(profile: str, n: int, seed: int, attacks: tuple[str, ...] = ()) -> Flows:
    request = SynthesisRequest(
        profile, flows=n, seed=seed, attacks=attacks, strength="low", largest_flow_bytes=60_000
    )
    flows = synthesise(request)
    packets = flows.columns["src2dst_packets"] + flows.columns["dst2src_packets"]
    return flows.select(packets < 200)


def by_ends(packets: list[Packet]) -> dict[Key, list[Packet]]:
    found: dict[Key, list[Packet]] = defaultdict(list)
    for p in packets:
        found[(p.src, p.sport, p.dst, p.dport, p.protocol)].append(p)
    return found


def expected(flows: Flows) -> dict[Key, list[float]]:
    """Packets and bytes of each direction of each five-tuple, and the moments it lies in."""
    totals: dict[Key, list[float]] = {}
    c = flows.columns
    for i in range(len(flows)):
        ports = [
            0 if np.isnan(c[name][i]) else int(c[name][i]) for name in ("src_port", "dst_port")
        ]
        one: Key = (c["src_ip"][i], ports[0], c["dst_ip"][i], ports[1], int(c["protocol"][i]))
        two: Key = (one[2], one[3], one[0], one[1], one[4])
        for key, side in ((one, "src2dst"), (two, "dst2src")):
            if c[f"{side}_packets"][i]:
                total = totals.setdefault(key, [0, 0])
                total[0] += c[f"{side}_packets"][i]
                total[1] += c[f"{side}_bytes"][i]
    return totals


@pytest.mark.parametrize("profile", ["office", "home"])
def test_packets_and_bytes_of_every_flow_are_there(tmp_path: Path, profile: str) -> None:
    flows = small(profile, 500, 1, tuple(ATTACKS))
    path = tmp_path / "flows.pcap"
    written = write_pcap(path, flows, seed=3)
    packets = decode(path)
    assert written.packets == len(packets)
    assert written.ip_bytes == sum(p.ip_bytes for p in packets)
    assert [p.at_us for p in packets] == sorted(p.at_us for p in packets)
    found = {k: [len(v), sum(p.ip_bytes for p in v)] for k, v in by_ends(packets).items()}
    assert found == expected(flows)
    assert max(p.ip_bytes for p in packets) <= 1500


def test_start_duration_and_state_of_a_connection_are_there(tmp_path: Path) -> None:
    flows = small("office", 800, 2, ("syn_flood", "vertical_scan"))
    tcp = flows.select(flows.columns["transport"] == "tcp")
    path = tmp_path / "flows.pcap"
    write_pcap(path, tcp, seed=3)
    found = by_ends(decode(path))
    c, states = tcp.columns, set()
    for i in range(len(tcp)):
        key = (c["src_ip"][i], int(c["src_port"][i]), c["dst_ip"][i], int(c["dst_port"][i]), 6)
        ours, theirs = found[key], found.get((key[2], key[3], key[0], key[1], 6), [])
        both = sorted([*ours, *theirs], key=lambda p: p.at_us)
        assert both[0].at_us == round(c["bidirectional_first_seen_ms"][i] * 1000)
        assert both[-1].at_us - both[0].at_us == pytest.approx(
            c["bidirectional_duration_ms"][i] * 1000, abs=2
        )
        assert zeek_like_state(ours, theirs) == c["state"][i]
        states.add(c["state"][i])
    assert states == {"done", "noreply", "rejected", "reset", "open", "half", "mid"}


def zeek_like_state(ours: list[Packet], theirs: list[Packet]) -> str:
    """The state as a meter would see it from the flags alone."""
    sent, got = [p.flags for p in ours], [p.flags for p in theirs]
    if not any(f & SYN for f in sent):
        return "mid"
    if not theirs:
        return "noreply"
    if any(f & RST for f in got) and not any(f & SYN for f in got):
        return "rejected"
    if any(f & RST for f in sent):
        return "reset"
    if all(f & SYN for f in sent):
        return "half"
    closed = any(f & FIN for f in sent) and any(f & FIN for f in got)
    return "done" if closed else "open"


def test_sequence_numbers_leave_no_gap(tmp_path: Path) -> None:
    flows = small("home", 300, 4)
    done = flows.select((flows.columns["transport"] == "tcp") & (flows.columns["state"] == "done"))
    path = tmp_path / "flows.pcap"
    write_pcap(path, done)
    for packets in by_ends(decode(path)).values():
        following = packets[0].seq
        for p in packets:
            assert p.seq == following
            following = (p.seq + p.payload + bool(p.flags & SYN) + bool(p.flags & FIN)) % 2**32


def test_headers_alone_can_be_kept(tmp_path: Path) -> None:
    flows = small("home", 200, 1)
    path, short = tmp_path / "whole.pcap", tmp_path / "short.pcap"
    write_pcap(path, flows, seed=1)
    write_pcap(short, flows, seed=1, keep_bytes=96)
    assert decode(short, whole=False) == decode(path)
    assert short.stat().st_size < path.stat().st_size


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    flows = small("home", 60, 1)
    paths = [tmp_path / f"{i}.pcap" for i in range(3)]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        write_pcap(path, flows, seed=seed)
    assert paths[0].read_bytes() == paths[1].read_bytes() != paths[2].read_bytes()


states = st.sampled_from(["done", "noreply", "rejected", "reset", "half", "open", "mid"])


@settings(max_examples=200, deadline=None)
@given(
    state=states,
    protocol=st.sampled_from([1, 6, 17, 47, 58]),
    src=st.integers(0, 30),
    dst=st.integers(0, 30),
    sizes=st.tuples(st.floats(60, 9000), st.floats(60, 9000)),
    duration=st.integers(0, 10**9),
    version=st.sampled_from([4, 6]),
    seed=st.integers(0, 100),
)
def test_any_flow_with_room_for_its_headers_becomes_packets_that_add_up(
    state: str,
    protocol: int,
    src: int,
    dst: int,
    sizes: tuple[float, float],
    duration: int,
    version: int,
    seed: int,
) -> None:
    flow = FlowCounts(
        10**15,
        duration,
        protocol,
        src,
        dst,
        int(src * sizes[0]),
        int(dst * sizes[1]),
        state,
        version,
    )
    packets = plan(flow, np.random.default_rng(seed))
    assert len(packets) == src + dst
    header = (20 if version == 4 else 40) + {6: 20, 47: 0}.get(protocol, 8)
    length = header + packets.options + packets.payload
    for side, n, total in ((True, src, flow.src_bytes), (False, dst, flow.dst_bytes)):
        rows = packets.forward == side
        assert rows.sum() == n
        assert length[rows].sum() == total
    assert (packets.payload >= 0).all()
    assert (np.diff(packets.time_us) >= 0).all()
    if len(packets) > 1:
        assert packets.time_us[-1] - packets.time_us[0] == duration


def test_what_cannot_be_packets_is_told(tmp_path: Path) -> None:
    flows = synthesise(SynthesisRequest(flows=20, seed=1))
    path = tmp_path / "x.pcap"

    def changed(**columns: object) -> Flows:
        return Flows(flows.schema, {**flows.columns, **columns}, None, flows.line)  # type: ignore[dict-item]

    lacking = {name: v for name, v in flows.columns.items() if name != "src_ip"}
    cases = (
        (Flows(flows.schema, lacking, None, flows.line), "without src_ip"),
        (changed(src2dst_bytes=np.full(20, np.nan)), "lack their time, packets or bytes"),
        (changed(src2dst_bytes=np.ones(20)), "1 bytes in"),
        (changed(src2dst_packets=np.full(20, 1e6)), "20,000,000|20,000,"),
        (changed(src_ip=np.full(20, None, object)), "Address None is no IP address"),
        (changed(src_ip=np.full(20, "fe80::1", object)), "cannot talk"),
    )
    for wrong, words in cases:
        with pytest.raises(SourceError, match=words):
            write_pcap(path, wrong)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_finds_no_wrong_checksum_and_no_broken_packet(tmp_path: Path) -> None:
    path = tmp_path / "flows.pcap"
    write_pcap(path, small("home", 300, 7), seed=1)
    checks = [
        word for name in ("ip", "tcp", "udp") for word in ("-o", f"{name}.check_checksum:TRUE")
    ]
    wrong = (
        "ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0 "
        "|| icmp.checksum.status==0 || icmpv6.checksum.status==0 || tcp.analysis.lost_segment"
    )
    shown = subprocess.run(
        ["tshark", "-r", path, *checks, "-Y", wrong], capture_output=True, text=True, check=True
    )
    assert shown.stdout == ""
