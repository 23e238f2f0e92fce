"""The part of EdgeGuard that a box runs, as a wheel, from the files that run here.

A wheel is a zip with a list of hashes, and ours holds Python alone: no build tool is needed, a
checkout and an installed package give the same, and nothing is fetched.
"""

import base64
import hashlib
import importlib.metadata
import io
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import edgeguard_core
from edgeguard_core.errors import OutputError

# Training needs TensorFlow, and these files ship to boxes; the demo is for a desk.
LEFT_OUT: Final = ("_demo", "model", "pipeline/box", "__pycache__")
_SUFFIXES: Final = (".py", ".yaml", ".typed")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_ENTRY: Final = "[console_scripts]\nedgeguard = edgeguard_core.cli:run\n"
_TAG: Final = (
    "Wheel-Version: 1.0\nGenerator: edgeguard deploy\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
)


def wheel_name() -> str:
    """The file name of the wheel, which says its version.

    >>> wheel_name().endswith("-py3-none-any.whl")
    True
    """
    return f"edgeguard-{edgeguard_core.__version__}-py3-none-any.whl"


def build_wheel() -> bytes:
    """The wheel's bytes, the same for the same files.

    Raises
    ------
    OutputError
        If EdgeGuard runs here neither from its checkout nor as an installed package, so that
        nothing says what it needs.
    """
    package = Path(edgeguard_core.__file__).parent
    info = f"edgeguard-{edgeguard_core.__version__}.dist-info"
    files = dict(_sources(package))
    files[f"{info}/METADATA"] = _metadata(package.parent).encode()
    files[f"{info}/WHEEL"] = _TAG.encode()
    files[f"{info}/entry_points.txt"] = _ENTRY.encode()
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD").encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():  # metadata last, as the format recommends
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return stream.getvalue()


def _sources(package: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(package.rglob("*")):
        inside = path.relative_to(package).as_posix()
        unwanted = any(f"/{part}/" in f"/{inside}/" for part in LEFT_OUT)
        if path.is_file() and path.suffix in _SUFFIXES and not unwanted:
            yield f"{package.name}/{inside}", path.read_bytes()


def _metadata(root: Path) -> str:
    needs = "".join(f"Requires-Dist: {line}\n" for line in _needs(root))
    return (
        "Metadata-Version: 2.1\nName: edgeguard\n"
        f"Version: {edgeguard_core.__version__}\n"
        "Summary: EdgeGuard for a box that watches: no training, no dashboard.\n"
        f"License: Apache-2.0\nRequires-Python: >=3.11\n{needs}"
    )


def _needs(root: Path) -> list[str]:
    """What the base needs, as the checkout or the installed package says."""
    project = root / "pyproject.toml"
    if project.is_file():
        named = tomllib.loads(project.read_text("utf-8")).get("project", {})
        if named.get("name") == "edgeguard":
            return list(named["dependencies"])
    try:
        lines = importlib.metadata.requires("edgeguard") or []
    except importlib.metadata.PackageNotFoundError as error:
        raise OutputError(
            "EdgeGuard is not installed here, so no package for a box can be made; run pip install "
            "in its folder first."
        ) from error
    return [line for line in lines if "extra ==" not in line]


def _record(files: dict[str, bytes], own: str) -> str:
    lines = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in files.items()]
    return "\n".join([*lines, f"{own},,", ""])


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
