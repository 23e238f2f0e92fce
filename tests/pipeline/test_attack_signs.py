"""Signs of attack: none in what is benign, and those that are there in what is not."""

from dataclasses import replace

import numpy as np
import pytest
from support import PROJECT, data
from unanswered import made

from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.attack_signs import (
    FLOOD_A_MINUTE,
    GUESSES,
    MANY_HOSTS,
    MANY_PORTS,
    attack_signs,
)
from edgeguard_core.sources import read_flows

BENIGN = [
    "zeek/iot23_34-1_conn.log.labeled.gz",
    "zeek/iot23_20-1.csv.gz",
    "zeek/iot23_42-1.csv.gz",
    "zeek/iot23_honeypot_5-1.csv",
    "zeek/stratosphere_008_conn.log.labeled.gz",
    "cic-ids2017/thursday_morning_original_header.csv.gz",
    "cic-ids2017/tuesday_sampled.csv.gz",
    "unsw-nb15/UNSW_NB15_82332.csv.gz",
    "nsl-kdd/KDDTrain+.txt.gz",
]


@pytest.mark.parametrize("name", BENIGN)
def test_benign_flows_show_no_sign(name):
    flows, _ = read_flows([data(name)])
    assert attack_signs(flows.select(flows.is_benign)) == []


@pytest.mark.parametrize("name", ["zeek/zat_conn.log", "argus/slips-test2.binetflow"])
def test_unlabelled_everyday_traffic_shows_no_sign(name):
    assert attack_signs(read_flows([data(name)])[0]) == []


@pytest.mark.parametrize(
    ("name", "least", "says"),
    [
        ("zeek/iot23_34-1_conn.log.labeled.gz", 0.6, "flood of 123.59.209.185 port 80"),
        ("zeek/stratosphere_008_conn.log.labeled.gz", 0.9, "scans of 147.32.81.167"),
        ("zeek/stratosphere_002_portscan_conn_json.log.gz", 0.8, "scan by 172.16.1.11"),
        ("cic-ids2017/tuesday_sampled.csv.gz", 0.9, "guessed passwords: 3,973 logins to port 21"),
        ("cic-ids2017/friday_ddos_with_ips.csv", 0.4, "flood of 192.168.10.50 port 80"),
        ("unsw-nb15/UNSW_NB15_82332.csv.gz", 0.4, "flood: 5 or more of a hundred flows"),
        ("nsl-kdd/KDDTrain+.txt.gz", 0.8, "flood: 50 or more flows to one host"),
    ],
)
def test_attacks_that_come_in_crowds_show_them(name, least, says):
    flows, _ = read_flows([data(name)])
    attacks = flows.select(flows.is_attack) if flows.is_attack.any() else flows
    signs = attack_signs(attacks)
    assert signs[0].reason.startswith(says)
    found = np.unique(np.concatenate([sign.rows for sign in signs]))
    assert len(found) >= least * len(attacks)


def test_web_attacks_show_none():
    """What the page of the benchmark says plainly: flow by flow they are web requests."""
    flows, _ = read_flows([data("cic-ids2017/thursday_morning_original_header.csv.gz")])
    assert attack_signs(flows.select(flows.is_attack)) == []


@pytest.mark.parametrize(
    ("least", "changed", "says"),
    [
        (MANY_PORTS, lambda n: {"dst_port": 1.0 + np.arange(n)}, "scan by 10.0.0.5: 15 ports"),
        (
            MANY_HOSTS,
            lambda n: {"dst_ip": np.array([f"10.0.1.{k}" for k in range(n)], object)},
            "scan by 10.0.0.5: 20 hosts that do not answer on port 8000",
        ),
        (FLOOD_A_MINUTE, lambda n: {}, "flood of 10.0.0.7 port 8000: up to 200"),
        (GUESSES, lambda n: {"dst_port": np.full(n, 22.0)}, "guessed passwords: 30 connections"),
    ],
    ids=["ports", "hosts", "flood", "guesses"],
)
def test_a_sign_begins_at_its_count(least, changed, says):
    assert attack_signs(made(least - 1, **changed(least - 1))) == []
    (sign,) = attack_signs(made(least, **changed(least)))
    assert sign.reason.startswith(says)
    assert sorted(sign.rows) == list(range(least))


def test_hosts_of_another_file_are_other_hosts():
    n = MANY_PORTS
    flows = made(n, dst_port=1.0 + np.arange(n))
    assert attack_signs(flows, np.arange(n) % 2) == []


def test_flows_that_are_answered_are_no_scan():
    n = 100
    answered = made(
        n,
        dst_port=1.0 + np.arange(n),
        state=np.full(n, "done", object),
        dst2src_packets=np.full(n, 5.0),
    )
    assert attack_signs(answered) == []


def test_what_is_not_known_finds_nothing():
    schema = Schema.from_yaml("{name: mine, columns: [{name: a, role: numeric}]}")
    assert attack_signs(Flows(schema, {"a": np.zeros(99)}, None, np.arange(99))) == []
    bare = made(99)
    few = {"dst2src_packets": bare.columns["dst2src_packets"]}
    assert attack_signs(replace(bare, columns=few)) == []


def test_the_sample_of_the_project_shows_its_attacks_alone():
    flows, _ = read_flows([PROJECT / "sample_data" / "office_with_attacks.csv.gz"])
    rows = np.unique(np.concatenate([sign.rows for sign in attack_signs(flows)]))
    assert flows.is_attack[rows].mean() > 0.95
