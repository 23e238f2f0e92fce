"""A capture as a feed: the flows of its source, at the pace that is asked for."""

import threading

import numpy as np
import pytest
from captures import START_US, A, B, Sent, ethernet, golden_sent, ip, pcap, udp

from edgeguard_core.errors import SourceError
from edgeguard_core.flows.table import Flows
from edgeguard_core.sources import read_flows
from edgeguard_core.sources.base import ReadOptions
from edgeguard_core.sources.packets import CaptureFeed, Timeouts


def fed(feed: CaptureFeed) -> tuple[Flows, list[str]]:
    feed.start()
    given = list(feed.batches())
    return Flows.concat([one.flows for one in given]), [n for one in given for n in one.notes]


@pytest.fixture
def capture(tmp_path):
    """A packet each second for a minute, of six conversations of ten seconds."""
    sent = [
        Sent(START_US + s * 1_000_000, ethernet(ip(A, B, 17, udp(5000 + s // 10, 9, b"x"))))
        for s in range(60)
    ]
    path = tmp_path / "minute.pcap"
    path.write_bytes(pcap(sent))
    return path


def test_the_flows_are_those_of_the_source(tmp_path, capture):
    for path in (capture, tmp_path / "golden.pcap"):
        if not path.exists():
            path.write_bytes(pcap(golden_sent("cooked 2"), 276))
        flows, notes = fed(feed := CaptureFeed(path))
        expected = read_flows([path])[0]
        assert notes == []
        assert flows.columns.keys() == expected.columns.keys()
        for name, cells in expected.columns.items():
            assert flows.columns[name].tolist() == pytest.approx(cells.tolist()) or (
                flows.columns[name].tolist() == cells.tolist()
            )
        assert feed.counters() == {
            "packets": feed.counters()["packets"],
            "without_ip": 0,
            "early": 0,
        }
        assert (feed.waits, feed.is_live, feed.meter) == (True, False, "nfstream")
    assert feed.counters()["packets"] == 17


def test_at_a_speed_flows_come_when_they_would_have_ended(capture):
    now = [0.0]
    naps = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        now[0] += seconds

    feed = CaptureFeed(
        capture, timeouts=Timeouts(10, 10), speed=10, monotonic=lambda: now[0], sleep=sleep
    )
    feed.start()
    came = []
    for one in feed.batches():
        came += [round(now[0], 1)] * len(one.flows)
    # Each is over ten seconds after its first packet; the last when the capture ends, at 59 s.
    assert came == [1.0, 2.0, 3.0, 4.0, 5.0, 5.9]
    assert max(naps) <= 0.25


def test_a_stop_ends_it_soon_and_ends_the_meter(capture):
    feed = CaptureFeed(capture, speed=0.001)
    feed.start()
    batches = feed.batches()
    next(batches)
    threading.Thread(target=feed.stop).start()
    assert sum(len(one.flows) for one in batches) < 6
    feed.stop()
    assert feed._meter._process is None


def test_what_is_odd_comes_as_a_note(tmp_path):
    path = tmp_path / "cut.pcap"
    path.write_bytes(pcap(golden_sent())[:-3])
    assert fed(CaptureFeed(path))[1][0].startswith(f"{path} is not whole")
    path.write_bytes(pcap([]))
    flows, notes = fed(CaptureFeed(path, ReadOptions()))
    assert (len(flows), notes) == (0, [f"{path} holds no packet."])


def test_what_cannot_be_replayed_is_refused(tmp_path, capture):
    with pytest.raises(SourceError, match="cannot be replayed 0 times as fast"):
        CaptureFeed(capture, speed=0)
    table = tmp_path / "flows.csv"
    table.write_text("a,b\n1,2\n")
    with pytest.raises(SourceError, match="is no packet capture"):
        CaptureFeed(table).start()
    table.write_bytes(pcap(golden_sent(), 195))
    with pytest.raises(SourceError, match="IEEE802_15_4"):
        CaptureFeed(table).start()
    assert np.isfinite(fed(CaptureFeed(capture))[0].time_ms).all()
