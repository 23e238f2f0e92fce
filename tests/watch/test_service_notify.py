import os
import socket
import subprocess
import sys

import pytest
from support import PROJECT

from edgeguard_core.watch.service_notify import ALIVE, READY, ServiceManager


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """A socket as systemd has it, and the name under which it is told of."""
    name = str(tmp_path / "n") if request.param == "path" else f"@edgeguard-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name[1:] if name.startswith("@") else name)
        listener.settimeout(5)
        yield listener, name


def test_words_reach_the_manager(manager):
    listener, name = manager
    told = ServiceManager.of({"NOTIFY_SOCKET": name})
    assert told.tell(READY, "watching\neth0")
    assert listener.recv(200) == b"READY=1\nSTATUS=watching eth0"
    assert told.tell(ALIVE)
    assert listener.recv(200) == b"WATCHDOG=1"


def test_without_a_manager_nothing_is_said():
    assert not ServiceManager.of({}).tell(READY)
    assert ServiceManager.of({"WATCHDOG_USEC": "1000"}).every_s is None


def test_a_manager_that_is_gone_is_no_error(tmp_path):
    assert not ServiceManager(str(tmp_path / "gone")).tell(ALIVE)


@pytest.mark.parametrize(
    ("variables", "every_s"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_how_often_it_wants_to_hear(variables, every_s):
    assert ServiceManager.of({"NOTIFY_SOCKET": "/n", **variables}).every_s == every_s


def test_the_first_beat_says_ready_and_the_next_come_as_often_as_wanted(manager):
    listener, name = manager
    told = ServiceManager(name, every_s=30.0)
    for now_s in (5.0, 6.0, 34.9, 35.0, 36.0, 65.0):
        told.beat(now_s)
    assert [listener.recv(99).decode() for _ in range(3)] == [READY, ALIVE, ALIVE]
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.recv(99)


def test_a_watch_says_that_it_is_ready(manager, tmp_path):
    listener, name = manager
    log = PROJECT / "sample_data" / "office_with_attacks.csv.gz"
    command = [sys.executable, "-m", "edgeguard_core.cli", "watch", PROJECT / "models/demo", log]
    command += ["--jsonl", tmp_path / "alerts.jsonl", "--state", tmp_path / "state"]
    done = subprocess.run(
        list(map(str, command)), cwd=PROJECT, env=os.environ | {"NOTIFY_SOCKET": name},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert listener.recv(99) == b"READY=1"
