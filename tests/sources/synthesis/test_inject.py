"""Attacks, alone and laid into somebody's own flows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import data

from edgeguard_core.errors import NotEnoughDataError, SchemaError, SourceError
from edgeguard_core.flows.canonical import NetworkTable
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import ATTACK, BENIGN, UNLABELLED, Flows, Labels
from edgeguard_core.sources import read_flows
from edgeguard_core.sources.synthesis import (
    ATTACKS,
    STRENGTHS,
    SynthesisRequest,
    inject,
    synthesise,
)

KINDS = tuple(ATTACKS)


def some_flows(n: int = 300, seed: int = 0) -> Flows:
    flows = synthesise(SynthesisRequest("home", flows=n, seed=seed))
    return Flows(flows.schema, flows.columns, None, flows.line)


def without(flows: Flows, *names: str) -> Flows:
    kept = {name: values for name, values in flows.columns.items() if name not in names}
    return Flows(flows.schema, kept, flows.labels, flows.line)


@settings(max_examples=20, deadline=None)
@given(
    n=st.integers(1, 400),
    kinds=st.lists(st.sampled_from(KINDS), max_size=3).map(tuple),
    strength=st.sampled_from(STRENGTHS),
    seed=st.integers(0, 2**31 - 1),
)
def test_the_original_rows_stay_as_they_were(
    n: int, kinds: tuple[str, ...], strength: str, seed: int
) -> None:
    own = some_flows(n, seed % 5)
    laid = inject(own, kinds, strength, seed)
    kept = laid.flows.select(~laid.is_injected)
    assert set(kept.columns) == set(own.columns)
    for name, values in own.columns.items():
        np.testing.assert_array_equal(kept.columns[name], values, err_msg=name)
    np.testing.assert_array_equal(kept.line, own.line)
    assert kept.is_benign.all()
    attacks = laid.flows.select(laid.is_injected)
    assert attacks.is_attack.all()
    assert attacks.labels is not None
    names, counts = np.unique(attacks.labels.class_name.astype(str), return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == laid.counts
    assert set(laid.counts) == set(kinds or KINDS)
    times, all_times = own.time_ms, laid.flows.time_ms
    assert times is not None
    assert all_times is not None
    assert (np.diff(all_times) >= 0).all()
    assert all_times.min() == times.min()
    if n > 1:
        assert all_times.max() == times.max()


def test_the_same_seed_lays_the_same_attacks() -> None:
    one, two, other = (inject(some_flows(), (), "low", seed) for seed in (3, 3, 4))
    for name in one.flows.columns:
        np.testing.assert_array_equal(one.flows.columns[name], two.flows.columns[name])
    assert not np.array_equal(one.flows.time_ms, other.flows.time_ms)


@pytest.mark.parametrize("kind", KINDS)
def test_stronger_attacks_have_more_flows_at_shorter_intervals(kind: str) -> None:
    own = synthesise(SynthesisRequest("office", hours=24, seed=0))
    sizes, gaps = [], []
    for strength in STRENGTHS:
        laid = inject(own, (kind,), strength, 1)
        times = laid.flows.select(laid.is_injected).time_ms
        assert times is not None
        sizes.append(len(times))
        gaps.append(np.median(np.diff(times)))
    assert sizes == sorted(set(sizes))
    assert gaps == sorted(gaps, reverse=True)


def test_victims_and_insiders_are_hosts_of_the_file() -> None:
    flows, _ = read_flows([data("zeek/iot23_honeypot_5-1.csv")])
    laid = inject(flows, (), "medium", 1)
    assert set(laid.counts) == set(KINDS)
    attacks = laid.flows.select(laid.is_injected)
    assert attacks.labels is not None
    mine = set(flows.columns["src_ip"]) | set(flows.columns["dst_ip"])
    networks = NetworkTable()
    for kind in KINDS:
        rows = attacks.select(attacks.labels.class_name == kind)
        ends = {*rows.columns["src_ip"], *rows.columns["dst_ip"]}
        inside = {a for a in ends if networks.words(np.array([a], object))[0] == "internal"}
        if kind == "horizontal_scan":  # neighbours that do not exist are asked too
            inside = set(rows.columns["src_ip"])
        assert inside
        assert inside <= mine
    # pivot keys belong to the meter
    assert all(uid is None for uid in attacks.columns["uid"])


def test_shapes_are_those_of_the_attack() -> None:
    own = synthesise(SynthesisRequest("office", hours=48, seed=2))
    laid = inject(own, (), "high", 2)
    assert laid.flows.labels is not None
    by = {kind: laid.flows.select(laid.flows.labels.class_name == kind).columns for kind in KINDS}
    assert len(set(by["syn_flood"]["src_ip"])) > 1000
    assert np.mean(by["syn_flood"]["state"] == "noreply") > 0.9
    assert len(set(by["horizontal_scan"]["dst_ip"])) == 1000
    assert len(set(by["horizontal_scan"]["dst_port"])) == 1
    assert len(set(by["vertical_scan"]["dst_port"])) == 1500
    assert len(set(by["vertical_scan"]["dst_ip"])) == 1
    assert set(by["brute_force"]["service"]) == {"ssh"}
    gaps = np.diff(by["beaconing"]["bidirectional_first_seen_ms"])
    assert np.std(gaps) / np.mean(gaps) < 0.05
    assert np.median(by["exfiltration"]["src2dst_bytes_share"]) > 0.9
    hour = by["exfiltration"]["bidirectional_first_seen_ms"][0] // 3_600_000 % 24
    assert hour < 5
    replies = by["amplification"]
    hits = replies["dst2src_packets"] == 0
    assert set(replies["dst_network"][hits]) == {"internal"}
    ratio = replies["dst2src_bytes"][~hits] / replies["src2dst_bytes"][~hits]
    assert np.median(ratio) > 20


def test_labels_that_are_there_stay() -> None:
    own = some_flows(5)
    labels = Labels(
        np.array([BENIGN, ATTACK, UNLABELLED, BENIGN, BENIGN], np.int8),
        np.array(["benign", "worm", "unlabelled", "benign", "benign"], object),
    )
    laid = inject(Flows(own.schema, own.columns, labels, own.line), ("beaconing",), "low", 0)
    kept = laid.flows.select(~laid.is_injected).labels
    assert kept is not None
    assert kept.class_name.tolist() == labels.class_name.tolist()


def test_a_file_of_unlabelled_rows_becomes_benign() -> None:
    own = some_flows(3)
    labels = Labels(np.full(3, UNLABELLED, np.int8), np.full(3, "unlabelled", object))
    laid = inject(Flows(own.schema, own.columns, labels, own.line), ("beaconing",), "low", 0)
    assert laid.flows.select(~laid.is_injected).is_benign.all()


@pytest.mark.parametrize("absent", ["column", "every stamp"])
def test_without_time_attacks_stand_among_the_rows(absent: str) -> None:
    own = some_flows(200)
    name = "bidirectional_first_seen_ms"
    if absent == "column":
        own = without(own, name)
    else:
        columns = {**own.columns, name: np.full(200, np.nan)}
        own = Flows(own.schema, columns, None, own.line)
    laid = inject(own, (), "low", 0)
    assert laid.flows.time_ms is None
    places = np.flatnonzero(laid.is_injected)
    assert places[0] < len(laid.flows) / 2
    assert (np.diff(places) > 1).any()
    np.testing.assert_array_equal(laid.flows.select(~laid.is_injected).line, own.line)


def test_a_row_without_a_stamp_stays_behind_its_neighbour() -> None:
    own = some_flows(50)
    stamps = own.columns["bidirectional_first_seen_ms"].copy()
    stamps[[0, 20]] = np.nan
    columns = {**own.columns, "bidirectional_first_seen_ms": stamps}
    laid = inject(Flows(own.schema, columns, None, own.line), (), "low", 0)
    kept = laid.flows.select(~laid.is_injected)
    np.testing.assert_array_equal(kept.line, own.line)


def test_columns_are_those_of_the_flows() -> None:
    """A direction that is never seen stays missing, and what neighbours decide is left out."""
    own = some_flows(100)
    columns = {
        **own.columns,
        "dst2src_bytes": np.full(100, np.nan),
        "community_id": np.full(100, "1:x", object),
        "flow_history_of_the_host": np.ones(100),
    }
    del columns["src_port"]
    laid = inject(Flows(own.schema, columns, None, own.line), ("syn_flood",), "low", 0)
    attacks = laid.flows.select(laid.is_injected).columns
    assert set(attacks) == set(columns) - {"flow_history_of_the_host"}
    assert np.isnan(attacks["dst2src_bytes"]).all()
    assert set(attacks["community_id"]) == {None}


def test_flows_without_addresses_get_attackers_all_the_same() -> None:
    laid = inject(without(some_flows(20), "src_ip", "dst_ip"), (), "low", 0)
    assert "src_ip" not in laid.flows.columns
    assert set(laid.flows.columns["dst_network"][laid.is_injected]) >= {"internal", "external"}


def test_what_cannot_be_laid_in_is_told() -> None:
    own = some_flows(10)
    with pytest.raises(SourceError, match="No attack is called 'nuke'"):
        inject(own, ("nuke",))
    with pytest.raises(SourceError, match="Strength 'mighty'"):
        inject(own, (), "mighty")
    with pytest.raises(NotEnoughDataError, match="no flows"):
        inject(own.select(np.zeros(10, bool)))
    with pytest.raises(SchemaError, match="schema 'nsl-kdd'"):
        inject(Flows(Schema.named("nsl-kdd"), {}, None, np.ones(1, np.int64)))
