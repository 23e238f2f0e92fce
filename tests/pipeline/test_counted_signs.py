"""Signs in columns that a data set counted itself."""

import numpy as np
from support import data

from edgeguard_core.pipeline.counted_signs import LEAST_SHARE, kdd_signs, unsw_signs
from edgeguard_core.sources import read_flows


def test_a_handful_of_odd_flows_is_no_sign():
    flows, _ = read_flows([data("nsl-kdd/KDDTrain+.txt.gz")])
    benign, attacks = np.flatnonzero(flows.is_benign), np.flatnonzero(flows.is_attack)
    few = round(LEAST_SHARE * len(benign) / 3)
    assert kdd_signs(flows.select(np.concatenate([benign, attacks[:few]]))) == []
    many = flows.select(np.concatenate([benign, attacks[: 10 * few]]))
    assert kdd_signs(many)[0].reason.startswith("flood: 50 or more flows")


def test_without_its_counts_nothing_is_told():
    flows, _ = read_flows([data("unsw-nb15/UNSW_NB15_82332.csv.gz")])
    attacks = flows.select(flows.is_attack)
    del attacks.columns["ct_dst_sport_ltm"], attacks.columns["proto"]
    assert unsw_signs(attacks) == []
    kdd, _ = read_flows([data("nsl-kdd/KDDTest+.txt.gz")])
    del kdd.columns["serror_rate"]
    assert kdd_signs(kdd) == []


def test_a_protocol_scan_is_many_protocols():
    flows, _ = read_flows([data("unsw-nb15/UNSW_NB15_82332.csv.gz")])
    rare = np.flatnonzero(flows.columns["proto"] == "unas")
    assert len(rare) > 100
    alone = unsw_signs(flows.select(rare))
    assert not any("protocol scan" in sign.reason for sign in alone)
    signs = unsw_signs(flows.select(flows.is_attack))
    assert any(sign.reason.startswith("protocol scan: 119 IP protocols") for sign in signs)
