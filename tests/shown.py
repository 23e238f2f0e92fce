"""Commands that a page shows: read from its blocks, and run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Shown:
    """One command of a ```console block, and what the README shows beneath it."""

    command: str
    output: str

    @property
    def words(self) -> set[str]:
        """Words of the output, without figures, which differ from machine to machine."""
        return set(re.findall(r"[A-Za-z_]{3,}", self.output))


def shown_commands(text: str) -> list[Shown]:
    shown = []
    for block in re.findall(r"^```console\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.split("\n")
            last = next(i for i, line in enumerate(lines) if not line.endswith("\\"))
            shown.append(Shown("\n".join(lines[: last + 1]), "\n".join(lines[last + 1 :])))
    return shown


def run(command: str, folder: Path, data: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "EDGEGUARD_DATA": str(data), "COLUMNS": "110"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def assert_runs_as_shown(shown: Shown, folder: Path, data: Path) -> None:
    done = run(shown.command, folder, data)
    assert done.returncode == 0, f"{shown.command}\n{done.stderr}"
    unseen = {word for word in shown.words if word not in done.stdout + done.stderr}
    assert not unseen, f"{shown.command}\nno longer says {sorted(unseen)}:\n{done.stdout}"
