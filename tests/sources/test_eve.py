"""Suricata's EVE log where it is not what its manual says."""

import json

import pytest

from edgeguard_core.sources import open_source


@pytest.mark.parametrize("odd", [{}, {"flow": "x"}, {"flow": None}])
def test_an_event_of_type_flow_without_its_counts_is_rejected_by_its_line(tmp_path, odd):
    whole = {
        "timestamp": "2021-06-06T16:00:00.000000+0200", "event_type": "flow", "flow_id": 7,
        "src_ip": "10.0.0.1", "src_port": 40000, "dest_ip": "10.0.0.2", "dest_port": 80,
        "proto": "TCP",
    }  # fmt: skip
    counts = {
        "pkts_toserver": 3, "pkts_toclient": 2, "bytes_toserver": 300, "bytes_toclient": 200,
        "start": "2021-06-06T16:00:00.000000+0200", "end": "2021-06-06T16:00:01.000000+0200",
        "state": "closed", "reason": "timeout",
    }  # fmt: skip
    log = tmp_path / "eve.json"
    events = [whole | {"flow": counts}, whole | odd, whole | {"flow": counts}]
    log.write_text("".join(json.dumps(event) + "\n" for event in events))
    (batch,) = open_source(log).batches()
    assert len(batch.flows) == 2
    assert [(item.line, item.value) for item in batch.rejections] == [(2, "no flow object")]
