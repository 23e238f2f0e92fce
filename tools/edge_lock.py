"""Make the requirements of an edge box again, from the lock and what the packages say they need.

An installed edge box resolves nothing: each list is whole, pinned and hashed, and is installed
with ``--no-deps``. Run by tools/lock.sh in the environment that requirements-dev.lock makes.

usage: python tools/edge_lock.py [--check]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements-dev.lock"
BOX = ROOT / "edgeguard_core" / "pipeline" / "box"
PYTHONS = ("3.11", "3.12", "3.13")
MACHINES = ("x86_64", "aarch64")

# NFStream's engine is all that the packet meter loads of it: no pandas, psutil or dpkt on a box
# (edgeguard_core/sources/packets/meter_process.py).
ENGINE_ALONE = frozenset({"nfstream"})
EXTRAS = ("capture", "mqtt", "store", "postgres")
_USUAL = re.compile(r"^([a-z0-9.-]+)==(\S+)")


def locked(text: str) -> dict[str, list[str]]:
    """Blocks of a lock by name; a package pinned twice, for two Pythons, has two."""
    blocks: dict[str, list[str]] = {}
    for block in re.split(r"^(?=\S)", text, flags=re.MULTILINE):
        if match := _USUAL.match(block):
            blocks.setdefault(match[1], []).append(block.rstrip("\n"))
    return blocks


def environments(extra: str) -> Iterator[dict[str, str]]:
    """What markers are held against: every box that EdgeGuard answers for."""
    for python in PYTHONS:
        for machine in MACHINES:
            yield {
                "extra": extra,
                "implementation_name": "cpython",
                "os_name": "posix",
                "platform_machine": machine,
                "platform_python_implementation": "CPython",
                "platform_system": "Linux",
                "python_full_version": f"{python}.0",
                "python_version": python,
                "sys_platform": "linux",
            }


def needed(lines: Iterable[str], extras: Iterable[str] = ("",)) -> list[Requirement]:
    """The requirements that some box needs, of all that are named."""
    found = [Requirement(line) for line in lines]
    return [
        wanted
        for wanted in found
        if wanted.marker is None
        or any(wanted.marker.evaluate(e) for extra in extras for e in environments(extra))
    ]


def closure(roots: Iterable[Requirement]) -> set[str]:
    """The roots, and all that they need on a box, by name."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(roots)
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        key = (name, frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        if name not in ENGINE_ALONE:
            lines = importlib.metadata.requires(name) or []
            waiting += needed(lines, ("", *wanted.extras))
    return {name for name, _ in seen}


def lists() -> dict[str, str]:
    """The text of each file by its name; what an extra needs beyond the base stands in its own."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    blocks = locked(LOCK.read_text())
    base = closure(w for w in needed(project["dependencies"]) if w.name in blocks)
    texts = {"requirements-edge.txt": _text(base, blocks)}
    for extra in EXTRAS:
        roots = list(_without_own(project["optional-dependencies"], extra))
        texts[f"requirements-{extra}.txt"] = _text(closure(needed(roots)) - base, blocks)
    return texts


def _without_own(optional: dict[str, list[str]], extra: str) -> Iterator[str]:
    """What an extra names, those of another extra of the project in its place."""
    for line in optional[extra]:
        wanted = Requirement(line)
        if wanted.name != "edgeguard":
            yield line
        for other in wanted.extras if wanted.name == "edgeguard" else ():
            yield from _without_own(optional, other)


def _text(names: set[str], blocks: dict[str, list[str]]) -> str:
    return "".join(f"{block}\n" for name in sorted(names) for block in blocks[name])


def main() -> int:
    """Write the lists, or with --check say whether they are as they should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if one differs")
    check = parser.parse_args().check
    stale = []
    for name, text in lists().items():
        path = BOX / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if not check:
            path.write_text(text)
            print(f"{path.relative_to(ROOT)}: {', '.join(sorted(locked(text)))}")
    if check and stale:
        print(f"not as the lock says: {', '.join(stale)}; run make lock", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
