"""No address is left, the same key gives the same names, and nothing else is touched."""

import ipaddress
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.evaluation.pseudonyms import Pseudonyms, new_key

KEY = "a key of eight or more"
addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
around = st.text(alphabet=" ,;:.[](){}/'\"-_%abcfxyz0123\n", max_size=6)


@given(parts=st.lists(st.tuples(around, addresses), min_size=1, max_size=4), tail=around)
@settings(max_examples=200, deadline=None)
def test_no_address_is_left_wherever_it_stands(parts: list[tuple[str, str]], tail: str) -> None:
    text = "".join(before + address for before, address in parts) + tail
    told = Pseudonyms(KEY).text(text)
    left = re.sub(r"(host|net|mac)-[0-9a-f]{12}", " ", told)  # the digits of a hash are no part
    # Every way to cut a piece out of what is left, and none of them is an address.
    for run in re.findall(r"[0-9A-Fa-f:.]+", left):
        if run.count(":") < 2 and run.count(".") < 3:
            continue
        cuts = [run[a:b] for a in range(len(run)) for b in range(a + 2, min(len(run), a + 45) + 1)]
        assert [piece for piece in cuts if is_address(piece)] == []


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@given(address=addresses)
def test_a_name_depends_on_the_key_and_not_on_how_an_address_is_written(address: str) -> None:
    parsed = ipaddress.ip_address(address)
    name = Pseudonyms(KEY).text(address)
    assert re.fullmatch(r"host-[0-9a-f]{12}", name)
    assert Pseudonyms(KEY).text(parsed.exploded.upper()) == name
    assert Pseudonyms("another key").text(address) != name


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05T06:35:30.442+00:00", "at 23:59:59", "0.21.3", "p < 0.001", "1,632 of 13,397",
        "src2dst_bytes 41 %", "sha256 e3b0c44298fc1c149afbf4c8996fb924", "a: b", "",
    ],
)  # fmt: skip
def test_what_is_no_address_stays(text: str) -> None:
    assert Pseudonyms(KEY).text(text) == text


def test_networks_hardware_addresses_and_zones_are_replaced_too() -> None:
    told = Pseudonyms(KEY).text("10.0.0.0/8 aa:bb:cc:dd:ee:ff AA-BB-CC-DD-EE-FF fe80::1%eth0 x")
    net, mac, same, host, rest = told.split(" ")
    assert net.startswith("net-")
    assert mac == same
    assert mac.startswith("mac-")
    assert host.startswith("host-")
    assert rest == "x"
    assert Pseudonyms(KEY).text("010.0.0.007") == Pseudonyms(KEY).text("10.0.0.7")


def test_keys_and_lists_of_a_document_are_replaced_and_numbers_stay() -> None:
    names = Pseudonyms(KEY)
    document = {"10.0.0.7": [1, None, {"a": "to 10.0.0.7"}], "b": (True, 0.5)}
    host = names.text("10.0.0.7")
    assert names.document(document) == {host: [1, None, {"a": f"to {host}"}], "b": [True, 0.5]}


def test_a_short_key_is_refused_and_a_new_one_is_long() -> None:
    with pytest.raises(EdgeGuardError, match="at least 8"):
        Pseudonyms("short")
    assert len(new_key()) >= 32
    assert new_key() != new_key()
