"""Run the examples of the README and of other pages, and put what they print beneath them.

    EDGEGUARD_DATA=... python tools/readme_examples.py [PAGE.md ...]      (make readme)

Every ```console block is kept: its `$ ` lines are commands, run one after another in a temporary
folder, the rest is replaced by what they print. A command that fails leaves its page as it was.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/explanations.md")
BLOCK = re.compile(r"^```console\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[str]:
    """The commands of a block; a line that ends in a backslash goes on."""
    return re.findall(r"^\$ ((?:.*\\\n)*.*)$", block, flags=re.MULTILINE)


def printed(command: str, folder: Path) -> str:
    """What a command prints, warnings first or where they come; its failure ends the run."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    data = Path(os.environ.get("EDGEGUARD_DATA", ROOT / "../shared/data")).resolve()
    done = subprocess.run(
        ["bash", "-c", f"{command} 2>&1"],
        cwd=folder,
        env={**os.environ, "PATH": path, "EDGEGUARD_DATA": str(data), "COLUMNS": "100"},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise SystemExit(f"$ {command}\n{done.stdout}exit {done.returncode}; its page is as it was")
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.rstrip().splitlines())


def main() -> None:
    """The pages with fresh output."""
    for name in sys.argv[1:] or PAGES:
        renew(ROOT / name)


def renew(page: Path) -> None:
    """Run the commands of one page, and write it with what they printed."""
    with tempfile.TemporaryDirectory() as name:

        def renewed(block: re.Match[str]) -> str:
            shown = [f"$ {one}\n{printed(one, Path(name))}" for one in commands(block.group(1))]
            return f"```console\n{''.join(shown)}```"

        text = BLOCK.sub(renewed, page.read_text())
    page.write_text(text)


if __name__ == "__main__":
    main()
