"""A real broker and a real database for tests, as children of the test's process."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")
_START_S = 30.0


def needed(program: str | Path) -> str:
    """The program's path; skips the test where there is none, and fails with ``CI=true``."""
    found = shutil.which(str(program)) or shutil.which(str(program), path="/usr/sbin")
    if found is None:
        message = f"{program} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition, what: str, within_s: float = _START_S) -> None:
    """Look until the condition holds; fails the test where it never does."""
    until_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until_s:
            pytest.fail(f"{what} within {within_s:g} s")
        time.sleep(0.01)


def listens(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True


class Mosquitto:
    """A broker on a free port that can be stopped and started again."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self._program = needed("mosquitto")
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        user = pwd.getpwuid(os.getuid()).pw_name
        words = [f"listener {self.port} 127.0.0.1", f"user {user}", "persistence false"]
        self._config.write_text("\n".join([*words, *(lines or ("allow_anonymous true",))]) + "\n")
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._child = subprocess.Popen(
            [self._program, "-c", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: listens(self.port), "mosquitto listens")

    def stop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None


class Postgres:
    """A database server on a unix socket that can be stopped and started again.

    The server refuses to run as root, so root starts it as the user postgres.
    """

    def __init__(self, folder: Path) -> None:
        needed(POSTGRES_BIN / "initdb")
        self._data = folder / "data"
        self._socket = folder / "socket"
        self.port = free_port()
        self._as: list[str] = []
        if os.getuid() == 0:
            self._as = [needed("setpriv"), "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            account = pwd.getpwnam("postgres")
            for path in (folder, *folder.parents):
                if path.stat().st_uid == 0 and path not in (Path("/"), Path("/tmp")):
                    path.chmod(path.stat().st_mode | 0o011)  # the way to the data
            os.chown(folder, account.pw_uid, account.pw_gid)
        self._run("mkdir", "-p", str(self._socket))
        self._run(
            str(POSTGRES_BIN / "initdb"), "-D", str(self._data), "-U", "edge", "-A", "trust",
            "--no-sync", "-E", "UTF8", "--locale=C.UTF-8",
        )  # fmt: skip

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://edge@/{database}?host={self._socket}&port={self.port}"

    def start(self) -> None:
        options = (
            f"-p {self.port} -k {self._socket} -c listen_addresses= -c fsync=off "
            "-c full_page_writes=off -c shared_buffers=16MB -c max_connections=20"
        )
        self._control("start", "-o", options, "-l", str(self._data / "log"))

    def stop(self) -> None:
        self._control("stop", "-m", "immediate")

    def create(self, database: str) -> str:
        """The address of a new database."""
        self._run(
            str(POSTGRES_BIN / "createdb"), "-h", str(self._socket), "-p", str(self.port),
            "-U", "edge", database,
        )  # fmt: skip
        return self.url(database)

    def _control(self, *words: str) -> None:
        self._run(str(POSTGRES_BIN / "pg_ctl"), "-D", str(self._data), "-w", *words)

    def _run(self, *words: str) -> None:
        done = subprocess.run(
            [*self._as, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            timeout=120,
        )
        assert done.returncode == 0, words
