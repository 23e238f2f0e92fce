"""Disks without room: a small one that root can mount, and a limit on the size of files."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk_at(folder: Path, kilobytes: int) -> Iterator[None]:
    """A disk of this size at a new folder; skips the test where there can be none."""
    folder.mkdir()
    mount = shutil.which("mount")
    if os.getuid() != 0 or mount is None:
        pytest.skip("only root can mount a small disk; other tests bound the file instead")
    words = [mount, "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if subprocess.run(words, capture_output=True).returncode != 0:
        pytest.skip("this machine does not let root mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True, capture_output=True)


def give_room(folder: Path, kilobytes: int) -> None:
    """The disk at a folder, larger from now on."""
    words = ["mount", "-o", f"remount,size={kilobytes}k", str(folder)]
    subprocess.run(words, check=True, capture_output=True)


@contextlib.contextmanager
def files_no_larger_than(size_bytes: int) -> Iterator[None]:
    """A disk that takes so many bytes of each file and then no more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    reaction = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, reaction)
