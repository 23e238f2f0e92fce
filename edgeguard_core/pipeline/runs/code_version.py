"""Which code did the work: its version, a hash of its files, and the commit where there is one."""

import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any, Final

import edgeguard_core
from edgeguard_core.files import sha256_hex

_HOME: Final = Path(edgeguard_core.__file__).resolve().parent
_PACKAGES: Final = ("numpy", "pandas", "pyarrow", "tensorflow", "tensorflow-cpu", "ai-edge-litert")
_GIT_SECONDS: Final = 10


@cache
def code_fingerprint() -> str:
    """A hash of every module and schema of the library: an edit counts as another version."""
    files = sorted(path for path in _HOME.rglob("*") if path.suffix in (".py", ".yaml"))
    told = [f"{path.relative_to(_HOME)} {sha256_hex(path)}" for path in files]
    return sha256_hex("\n".join(told).encode())


@cache
def code_version() -> dict[str, Any]:
    """What a lineage keeps of the code and of what it stands on."""
    return {
        "version": edgeguard_core.__version__,
        "sha256": code_fingerprint(),
        "git_commit": _git_commit(),
        "python": python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _installed(name))},
    }


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    """The commit of the checkout that the code runs from; None where it was installed."""
    try:
        done = subprocess.run(
            ["git", "-C", str(_HOME), "log", "-1", "--format=%H", "--", "."],
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
