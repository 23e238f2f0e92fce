"""Synthesised flows: from a seed, consistent in themselves, and bounded before they are made."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.errors import SourceError
from edgeguard_core.flows.canonical import NetworkTable, canonical_columns
from edgeguard_core.flows.table import ATTACK, BENIGN, Flows
from edgeguard_core.sources.synthesis import ATTACKS, SynthesisRequest, synthesise
from edgeguard_core.sources.synthesis.profiles import PROFILES

KINDS = tuple(ATTACKS)
requests = st.builds(
    SynthesisRequest,
    profile=st.sampled_from(sorted(PROFILES)),
    flows=st.integers(1, 3000),
    seed=st.integers(0, 2**31 - 1),
    attacks=st.lists(st.sampled_from(KINDS), max_size=3).map(tuple),
    strength=st.sampled_from(["low", "medium", "high"]),
)


def assert_same(one: Flows, other: Flows) -> None:
    for name, values in one.columns.items():
        np.testing.assert_array_equal(values, other.columns[name], err_msg=name)
    assert one.labels is not None
    assert other.labels is not None
    np.testing.assert_array_equal(one.labels.class_name, other.labels.class_name)


def assert_consistent(flows: Flows) -> None:
    """What packets, bytes, durations and states of any flow must agree on."""
    columns = flows.columns
    tcp, udp = columns["transport"] == "tcp", columns["transport"] == "udp"
    six = np.array([":" in address for address in columns["src_ip"]])
    headers = np.select([tcp, udp], [40, 28], 28) + 20 * six
    for side in ("src2dst", "dst2src"):
        packets, volume = columns[f"{side}_packets"], columns[f"{side}_bytes"]
        assert (packets == np.floor(packets)).all()
        assert (volume == np.floor(volume)).all()
        assert (volume >= headers * packets).all()
        assert (volume <= 1500 * packets).all()
    src, dst, state = columns["src2dst_packets"], columns["dst2src_packets"], columns["state"]
    assert (src >= 1).all()
    duration = columns["bidirectional_duration_ms"]
    assert (duration[src + dst == 1] == 0).all()
    assert (duration[src + dst > 1] > 0).all()
    assert (dst[state == "noreply"] == 0).all()
    assert (dst[state == "done"] > 0).all()
    assert (src[(state == "done") & tcp] >= 4).all()
    refused = state == "rejected"
    assert (columns["dst2src_bytes"][refused] == 40 * dst[refused]).all()
    ports = columns["src_port"]
    assert (np.isnan(ports) == (columns["transport"] == "icmp")).all()
    assert (ports[~np.isnan(ports)] >= 53).all()
    assert not np.isin(state, [""]).any()


@settings(max_examples=25, deadline=None)
@given(requests)
def test_every_flow_agrees_with_itself(request: SynthesisRequest) -> None:
    flows = synthesise(request)
    assert_consistent(flows)
    benign = flows.is_benign
    assert benign.sum() == request.flows
    assert flows.labels is not None
    assert (flows.labels.label == np.where(benign, BENIGN, ATTACK)).all()
    assert set(flows.labels.class_name[~benign]) == set(request.attacks)
    assert (flows.labels.class_name[benign] == "benign").all()
    times = flows.time_ms
    assert times is not None
    assert (np.diff(times) >= 0).all()
    assert times[0] >= request.begin_ms


@settings(max_examples=10, deadline=None)
@given(requests)
def test_the_same_seed_gives_the_same_flows_and_another_seed_others(
    request: SynthesisRequest,
) -> None:
    flows = synthesise(request)
    assert_same(flows, synthesise(request))
    other = SynthesisRequest(
        request.profile, flows=request.flows, seed=request.seed + 1, attacks=request.attacks
    )
    elsewhere = synthesise(other).time_ms
    times = flows.time_ms
    assert times is not None
    assert elsewhere is not None
    assert not np.array_equal(times, elsewhere)


def test_derived_columns_are_those_of_the_canonical_flow() -> None:
    flows = synthesise(SynthesisRequest("home", flows=800, seed=4))
    again = canonical_columns(flows.columns, NetworkTable())
    assert set(flows.columns) == set(again)
    for name, values in again.items():
        np.testing.assert_array_equal(values, flows.columns[name], err_msg=name)
    features = flows.schema.features
    assert all(not np.isnan(flows.columns[n]).any() for n in flows.schema.numeric if n in again)
    allowed = {n: flows.schema.column(n).values for n in features if n in flows.schema.categorical}
    assert all(set(flows.columns[n]) <= {*(v or ())} for n, v in allowed.items() if n in again)


def test_a_longer_request_begins_with_the_flows_of_a_shorter_one() -> None:
    short = synthesise(SynthesisRequest("office", hours=5, seed=1))
    long = synthesise(SynthesisRequest("office", hours=24, seed=1))
    for name in ("src_ip", "dst_ip", "src2dst_bytes", "bidirectional_first_seen_ms"):
        np.testing.assert_array_equal(short.columns[name], long.columns[name][: len(short)])


def test_time_begins_where_asked() -> None:
    start = 1_600_000_000_000.0
    times = synthesise(SynthesisRequest("home", hours=2, start_ms=start)).time_ms
    assert times is not None
    assert start <= times[0] < times[-1] < start + 2 * 3_600_000


def test_a_lookup_goes_before_what_was_looked_up() -> None:
    """Most visits of a site begin with a DNS flow of the same host that has just ended."""
    flows = synthesise(SynthesisRequest("home", hours=24, seed=2))
    columns, times = flows.columns, flows.time_ms
    assert times is not None
    dns = np.flatnonzero(columns["service"] == "dns")
    ends = times[dns] + columns["bidirectional_duration_ms"][dns]
    followed = 0
    for row, end in zip(dns, ends, strict=True):
        later = (columns["src_ip"] == columns["src_ip"][row]) & (columns["service"] != "dns")
        followed += bool((later & (times >= end) & (times < end + 400)).any())
    assert followed > 0.9 * len(dns)
    assert len(dns) > 100


def test_heartbeats_are_regular_and_not_exact() -> None:
    flows = synthesise(SynthesisRequest("home", hours=24, seed=2))
    columns = flows.columns
    plugs = (columns["service"] == "mqtt") & (columns["dst_port"] == 8883)
    host = columns["src_ip"][plugs][0]
    gaps = np.diff(columns["bidirectional_first_seen_ms"][plugs & (columns["src_ip"] == host)])
    assert 0.02 < np.std(gaps) / np.mean(gaps) < 0.5
    assert len(gaps) > 60


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_every_role_appears_and_some_flows_fail(profile: str) -> None:
    flows = synthesise(SynthesisRequest(profile, hours=72, seed=0))
    assert {"done", "noreply", "rejected", "reset", "open", "half", "mid"} == set(
        flows.columns["state"]
    )
    assert {"tcp", "udp", "icmp"} == set(flows.columns["transport"])
    services = {"dns", "https", "http", "ntp", "dhcp", "mdns", "ssdp", "mail", "smb"}
    wanted = services | ({"mqtt", "rtsp"} if profile == "home" else {"auth", "database", "snmp"})
    assert wanted <= set(flows.columns["service"])
    expected = SynthesisRequest(profile, hours=72).expected_flows
    assert 0.7 * expected < len(flows) < 1.3 * expected


def test_a_hundred_thousand_flows_are_all_different_moments() -> None:
    flows = synthesise(SynthesisRequest("office", flows=100_000, seed=0))
    assert len(flows) == 100_000
    assert len(np.unique(flows.columns["bidirectional_first_seen_ms"])) > 99_000


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (SynthesisRequest(flows=50_000_000), ("50,000,000 flows", "at most 20,000,000")),
        (SynthesisRequest(hours=1e9), ("1e+09 hours", "do not fit into memory")),
    ],
)
def test_a_request_beyond_memory_is_refused_before_anything_is_made(
    request_: SynthesisRequest, words: tuple[str, ...]
) -> None:
    with pytest.raises(SourceError) as refused:
        synthesise(request_, free_bytes=10**12)
    assert all(word in str(refused.value) for word in words)


def test_a_small_machine_gets_less() -> None:
    with pytest.raises(SourceError, match="at most 114,285 at a time"):
        synthesise(SynthesisRequest(flows=200_000), free_bytes=100_000_000)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"profile": "castle"}, "No profile is called 'castle'; use office or home"),
        ({"hours": 0.0}, "0 hours cannot be synthesised"),
        ({"hours": float("nan")}, "nan hours cannot be synthesised"),
        ({"hours": float("inf")}, "inf hours cannot be synthesised"),
        ({"flows": 0}, "0 flows cannot be synthesised"),
        ({"flows": 5, "hours": 5.0}, "Both 5 hours and 5 flows are asked for"),
        ({"seed": -1}, "The seed is -1"),
        ({"start_ms": -5.0}, "Start -5 ms lies outside 1970 to 2100"),
        ({"attacks": ("nuke",)}, "No attack is called 'nuke'; there are syn_flood"),
        ({"strength": "mighty"}, "Strength 'mighty' is not known; use low, medium, high"),
        ({"largest_flow_bytes": 10.0}, "at most 10 bytes leave nearly nothing"),
    ],
)
def test_what_cannot_be_asked_for_is_told_in_one_sentence(
    values: dict[str, object], words: str
) -> None:
    with pytest.raises(SourceError, match=words):
        SynthesisRequest(**values)  # type: ignore[arg-type]


def test_large_flows_can_be_left_out() -> None:
    flows = synthesise(SynthesisRequest("home", flows=500, largest_flow_bytes=5000))
    assert len(flows) == 500
    assert (flows.columns["src2dst_bytes"] + flows.columns["dst2src_bytes"]).max() <= 5000
