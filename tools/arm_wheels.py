"""Hold the requirements of a box against what 64-bit ARM and x86 can install: wheels, by hash.

Asks pip, for each Python and machine, which file it would take of each package in the lists of
edgeguard deploy; builds and installs nothing. Prints a Markdown table; exit 1 if one is missing.

usage: python tools/arm_wheels.py [--python 3.11 ...] [--machine aarch64 ...] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BOX = ROOT / "edgeguard_core" / "pipeline" / "box"
# What pip may take where glibc is 2.28 or newer: Debian 10, Ubuntu 20.04, RHEL 8.
GLIBC = ("2_28", "2_27", "2_26", "2_24", "2_17")
_LISTS = ("edge", "capture", "mqtt", "postgres")  # what store needs is among that of postgres


def wheels(name: str, python: str, machine: str, folder: Path) -> dict[str, str]:
    """File by package that pip would take for one list.

    Raises
    ------
    SystemExit
        If there is none for a package; the message is pip's.
    """
    platforms = [f"manylinux_{glibc}_{machine}" for glibc in GLIBC] + [f"manylinux2014_{machine}"]
    report = folder / f"{name}-{python}-{machine}.json"
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet",
            "--require-hashes", "--no-deps", "--only-binary", ":all:",
            "--python-version", python, "--implementation", "cp",
            *(word for platform in platforms for word in ("--platform", platform)),
            "--target", str(folder / "nothing"), "--report", str(report),
            "-r", str(BOX / f"requirements-{name}.txt"),
        ],
        capture_output=True,
        text=True,
    )  # fmt: skip
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise SystemExit(f"Python {python} on {machine}, {name}: {' '.join(lines) or done.stderr}")
    taken = json.loads(report.read_text())["install"]
    return {
        item["metadata"]["name"].lower(): item["download_info"]["url"].rpartition("/")[2]
        for item in taken
    }


def kind(file: str) -> str:
    """Where a wheel runs: the oldest glibc that it names, or anywhere.

    >>> kind("numpy-2.4.6-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl")
    'glibc 2.27'
    >>> kind("tqdm-4.70.1-py3-none-any.whl")
    'any'
    """
    found = re.findall(r"manylinux_2_(\d+)_", file.replace("manylinux2014_", "manylinux_2_17_"))
    return f"glibc 2.{min(map(int, found))}" if found else "any"


def table(found: dict[tuple[str, str], dict[str, str]]) -> str:
    """The answers as Markdown: a package a line, a Python and machine a column."""
    columns = list(found)
    rows = [
        "| package | " + " | ".join(f"{machine}, {python}" for python, machine in columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for package in sorted({name for files in found.values() for name in files}):
        files = [found[column].get(package, "") for column in columns]
        version = ", ".join(sorted({file.split("-")[1] for file in files if file}))
        cells = " | ".join(kind(file) if file else "–" for file in files)
        rows.append(f"| {package} {version} | {cells} |")
    return "\n".join(rows) + "\n"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", nargs="+", default=["3.11", "3.12", "3.13"])
    parser.add_argument("--machine", nargs="+", default=["aarch64", "x86_64"])
    parser.add_argument("--out", type=Path, help="write the table here, too")
    asked = parser.parse_args()
    found: dict[tuple[str, str], dict[str, str]] = {}
    with tempfile.TemporaryDirectory(prefix="edgeguard-wheels-") as folder:
        for machine in asked.machine:
            for python in asked.python:
                files: dict[str, str] = {}
                for name in _LISTS:
                    files |= wheels(name, python, machine, Path(folder))
                found[python, machine] = files
    text = table(found)
    print(text, end="")
    if asked.out:
        asked.out.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
