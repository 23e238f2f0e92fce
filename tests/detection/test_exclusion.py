"""Exclusions match as a slow loop over rows does, and end by themselves."""

import ipaddress
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.detection.exclusion import Conditions, Exclusion, default_expiry, hidden
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.flows.canonical import port_buckets

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADDRESSES = [
    "10.0.0.1", "10.0.0.2", "10.9.0.1", "192.0.2.7", "fe80::1", "2001:db8::5",
    "2001:DB8:0::5", None, "", "no address", "17",
]  # fmt: skip
WANTED = ["10.0.0.1", "10.0.0.0/8", "10.0.0.77/24", "0.0.0.0/0", "2001:db8::/32", "2001:db8::5"]

cells = st.fixed_dictionaries(
    {
        "host": st.sampled_from(ADDRESSES),
        "src_ip": st.sampled_from(ADDRESSES),
        "dst_ip": st.sampled_from(ADDRESSES),
        "dst_port": st.sampled_from([22.0, 53.0, 443.0, 50_000.0, np.nan]),
        "protocol": st.sampled_from([6.0, 17.0, np.nan]),
        "cause": st.sampled_from(["volume", "rhythm", None]),
    }
)
conditions = st.fixed_dictionaries(
    {},
    optional={
        "host": st.sampled_from(WANTED),
        "src_ip": st.sampled_from(WANTED),
        "dst_ip": st.sampled_from(WANTED),
        "dst_port": st.sampled_from([22, 53, 443]),
        "protocol": st.sampled_from([6, 17]),
        "cause": st.sampled_from(["volume", "rhythm"]),
        "service": st.sampled_from(["ssh", "dns", "https"]),
    },
).filter(bool)


def slowly(wanted: dict[str, object], row: dict[str, object]) -> bool:
    for name, value in wanted.items():
        if name in ("host", "src_ip", "dst_ip"):
            try:
                address = ipaddress.ip_address(row[name])
            except ValueError:
                return False
            if address not in ipaddress.ip_network(value, strict=False):
                return False
        elif name == "service":
            if port_buckets(np.array([row["dst_port"]]))[0] != value:
                return False
        elif row[name] != value:
            return False
    return True


def columns_of(rows: list[dict[str, object]]) -> dict[str, np.ndarray]:
    numbers = ("dst_port", "protocol")
    return {
        name: np.array([row[name] for row in rows], float if name in numbers else object)
        for name in rows[0]
    }


@given(rows=st.lists(cells, min_size=1, max_size=30), wanted=conditions)
@settings(deadline=None, max_examples=150)
def test_matching_is_as_a_loop_over_rows(
    rows: list[dict[str, object]], wanted: dict[str, object]
) -> None:
    found = Conditions(**wanted).match(columns_of(rows))
    assert found.tolist() == [slowly(wanted, row) for row in rows]


def test_ports_of_a_text_column_match_too() -> None:
    columns = {"dst_port": np.array(["53", None, "53.0", "x"], object)}
    assert Conditions(dst_port=53).match(columns).tolist() == [True, False, True, False]
    assert Conditions(service="dns").match(columns).tolist() == [True, False, True, False]


def test_a_condition_on_a_column_that_is_not_there_is_not_met() -> None:
    columns = {"src_ip": np.array(["10.0.0.1"], object)}
    assert Conditions(src_ip="10.0.0.1", dst_port=53).match(columns).tolist() == [False]
    assert Conditions(service="dns").match(columns).tolist() == [False]
    assert Conditions(dst_port=53).match({}).tolist() == []


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({}, "would hide every alert"),
        ({"host": ""}, "would hide every alert"),
        ({"host": "printer"}, "neither an address nor a network"),
        ({"src_ip": "10.0.0.0/99"}, "neither an address nor a network"),
        ({"dst_port": 70_000}, "70000 is no dst port"),
        ({"protocol": -1}, "-1 is no protocol"),
    ],
)
def test_what_is_no_condition_is_told(wanted: dict[str, object], said: str) -> None:
    with pytest.raises(EdgeGuardError, match=said):
        Conditions(**wanted)


def test_conditions_survive_json_and_unknown_ones_are_refused() -> None:
    wanted = Conditions(host="10.0.0.0/8", dst_port=53, service="dns")
    assert Conditions.from_json(wanted.given) == wanted
    assert wanted.sentence == "host 10.0.0.0/8, port 53, service dns"
    with pytest.raises(EdgeGuardError, match="cannot ask for 'colour'"):
        Conditions.from_json({"colour": "red"})


@given(days=st.integers(-5, 40), revoked=st.booleans())
def test_one_that_ended_matches_nothing(days: int, revoked: bool) -> None:
    made = Exclusion(
        1, Conditions(dst_port=53), "dns", "ann", NOON, default_expiry(NOON),
        revoked=NOON if revoked else None,
    )  # fmt: skip
    now = NOON + timedelta(days=days)
    columns = {"dst_port": np.array([53.0, 80.0])}
    active = 0 <= days < 30 and not revoked
    assert made.matches(columns, now).tolist() == [active, False]
    assert hidden([made], columns, 2, now).tolist() == [active, False]
    assert made.is_active(now) is active
    if days >= 30 and not revoked:
        assert made.state(now) == "expired"
