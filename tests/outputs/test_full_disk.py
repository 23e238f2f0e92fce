"""A disk without room: each sink says so, nothing is half written, and it goes on with room."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from full_disks import small_disk_at
from output_records import TurnedClock, alert

from edgeguard_core.errors import OutputError
from edgeguard_core.outputs import open_sink
from edgeguard_core.outputs.delivery import Delivery
from edgeguard_core.outputs.spool import Spool
from edgeguard_core.outputs.store_reading import AlertStore


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    with small_disk_at(tmp_path / "disk", 1024):
        yield tmp_path / "disk"


def fill(folder: Path, *, but: int = 0) -> Path:
    """A file that takes all room of a disk, ``but`` so many bytes."""
    path = folder / "filling"
    with path.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"x" * 4096)
        except OSError:
            pass
    if but:
        os.truncate(path, path.stat().st_size - but)
    return path


def test_the_spool_says_so_and_takes_the_same_records_once_there_is_room(small_disk):
    spool = Spool(small_disk / "spool", 1 << 20, TurnedClock(), segment_bytes=20_000)
    spool.register(["a"])
    spool.append([alert(i) for i in range(10)])
    filling = fill(small_disk, but=8192)
    batch = [alert(i) for i in range(10, 60)]
    for _ in range(2):
        with pytest.raises(OutputError, match="No space left on device"):
            spool.append(batch)
    assert "No space left" in spool.error
    assert spool.waiting("a") == 10
    filling.unlink()
    spool.append(batch)
    assert spool.error is None
    taken = spool.read("a", 1000, 1 << 20)
    while len(taken.records) < 60:
        spool.passed("a", taken)
        more = spool.read("a", 1000, 1 << 20)
        taken = type(taken)([*taken.records, *more.records], more.next)
    assert taken.records == [alert(i) for i in range(60)]
    spool.close()


def test_on_a_full_disk_what_is_delivered_makes_room_for_what_comes(small_disk):
    """The cursor cannot be saved there, and must not hold what it stands behind for ever."""

    class Taking:
        name = "taking"
        got = 0

        def send(self, records):
            self.got += len(records)

        def close(self): ...

    clock, sink = TurnedClock(), Taking()
    spool = Spool(small_disk / "spool", 1 << 20, clock, segment_bytes=50_000)
    delivery = Delivery(spool, [sink], clock)
    delivery.accept([alert(i) for i in range(100)])
    fill(small_disk)
    number = 100
    for _ in range(30):
        assert delivery.flush(10)
        delivery.accept([alert(number + i) for i in range(20)])
        number += 20
    assert delivery.flush(10)
    assert sink.got == number
    delivery.close(10)


@pytest.mark.parametrize("sort", ["jsonl", "store"])
def test_a_sink_says_so_and_goes_on_once_there_is_room(small_disk, sort):
    path = small_disk / "alerts"
    where = f"sqlite:///{path}" if sort == "store" else str(path)
    sink = open_sink({sort: where}, dead_letters=small_disk, clock=TurnedClock())
    sink.send([alert(1)])
    filling = fill(small_disk)
    for _ in range(2):
        with pytest.raises(OutputError, match=r"No space left on device|disk is full"):
            sink.send([alert(i) for i in range(2, 200)])
    filling.unlink()
    sink.send([alert(i) for i in range(2, 200)])
    sink.close()
    wanted = {alert(i).id for i in range(1, 200)}
    if sort == "store":
        with AlertStore(where) as store:
            found = [one.id for one in store.alerts(most=1000)]
    else:
        found = [json.loads(line)["event"]["id"] for line in path.read_text().splitlines()]
    assert set(found) == wanted
    assert len(found) == len(wanted)
