"""Captures of which bytes were cut or changed: an answer always, and never another error."""

import gzip

import pytest
from captures import golden_sent, pcap, pcapng
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.sources import read_flows

WHOLE = {
    "pcap": pcap(golden_sent()),
    "pcapng": pcapng(golden_sent(), order=">"),
    "cooked 2": pcap(golden_sent("cooked 2"), 276),
    "gzip": gzip.compress(pcap(golden_sent())),
}


@pytest.mark.parametrize("kind", WHOLE)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(places=st.data())
def test_damaged_bytes_give_flows_or_one_sentence(tmp_path, kind, places):
    content = bytearray(WHOLE[kind])
    for _ in range(places.draw(st.integers(0, 8))):
        at = places.draw(st.integers(0, len(content) - 1))
        content[at] = places.draw(st.integers(0, 255))
    del content[places.draw(st.integers(4, len(content))) :]
    path = tmp_path / "damaged.pcap"
    path.write_bytes(content)
    try:
        flows, report = read_flows([path])
    except EdgeGuardError as error:
        sentence = str(error)
    else:
        assert 0 < len(flows) <= 17
        sentence = "; ".join([f"{report.rows} flows.", *report.warnings])
    assert sentence.endswith(".")
    assert "\n" not in sentence
