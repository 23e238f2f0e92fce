"""What the dashboard keeps on disk: files it was given, bundles at hand, its log.

::

    $EDGEGUARD_WORK            default: the user's cache folder
    ├── files/ID/              file.json, the upload itself, schema.yaml of a mapping
    ├── jobs/ID/               see jobs.py
    ├── feedback/              verdicts written for a training, see feedback.py
    ├── bundles/NAME           learned here or uploaded, a folder or a .zip
    └── dashboard.log

Nothing of it is held in a session, so a reload loses nothing.
"""

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from edgeguard_core.bundle import StateFolder
from edgeguard_core.errors import BundleError, OutputError, SourceError
from edgeguard_core.files import write_whole
from edgeguard_core.pipeline.demo import NOTE, shipped

PROJECT_ROOT = Path(__file__).resolve().parent.parent
MOST_SERVER_FILES = 500
DEMO = "demo"
_COPY_BYTES = 1 << 20
_ID = re.compile(r"[0-9a-f]{8}")


def root() -> Path:
    """The work folder, made when missing and readable by its owner only."""
    chosen = os.environ.get("EDGEGUARD_WORK")
    if chosen:
        folder = Path(chosen).expanduser()
    else:
        cache = os.environ.get("XDG_CACHE_HOME")
        folder = (Path(cache) if cache else Path.home() / ".cache") / "edgeguard"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder.resolve()


def room(name: str) -> Path:
    """A folder inside the work folder."""
    folder = root() / name
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def log_path() -> Path:
    """Where unexpected errors are written."""
    return root() / "dashboard.log"


def new_id() -> str:
    """A short name that no earlier file or job has."""
    return secrets.token_hex(4)


def is_id(text: object) -> bool:
    """Whether a text from the address bar can be one of our names, and no path.

    >>> is_id("0a1b2c3d"), is_id("../../etc")
    (True, False)
    """
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def safe_name(name: str) -> str:
    """A file name that stays in its folder and is no option of a command.

    >>> safe_name("../../a b;c.csv"), safe_name("--out"), safe_name("..")
    ('a b_c.csv', '_--out', 'file')
    """
    bare = re.sub(r"[^\w .+()-]", "_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(" .")
    if not bare:
        return "file"
    return f"_{bare}"[-120:] if bare.startswith("-") else bare[-120:]


@dataclass(frozen=True)
class GivenFile:
    """A file somebody uploaded, or one of the server's own."""

    id: str
    name: str
    path: Path
    size: int  # bytes
    ours: bool  # a copy of ours, which may be deleted

    @property
    def folder(self) -> Path:
        return room("files") / self.id

    @property
    def schema(self) -> Path | None:
        """The schema that a mapping wrote for this file, if there is one."""
        path = self.folder / "schema.yaml"
        return path if path.exists() else None

    @property
    def is_sample(self) -> bool:
        """Whether it is the synthesised traffic that ships, and nobody's own."""
        try:
            return self.path == shipped().traffic
        except SourceError:
            return False

    @property
    def schema_option(self) -> tuple[str, ...]:
        return () if self.schema is None else ("--schema", str(self.schema))


def spool(name: str, content: IO[bytes]) -> GivenFile:
    """Copy an upload to disk in pieces, so that the session need not hold it.

    Raises
    ------
    OutputError
        If the work folder is full or cannot be written; nothing is left behind.
    """
    file_id = new_id()
    folder = room("files") / file_id
    path = folder / safe_name(name)
    content.seek(0)
    try:
        folder.mkdir(mode=0o700)
        with path.open("wb") as out:
            shutil.copyfileobj(content, out, _COPY_BYTES)
        return _remember(GivenFile(file_id, name, path, path.stat().st_size, ours=True))
    except (OSError, OutputError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        reason = error.strerror if isinstance(error, OSError) else "it cannot be written"
        raise OutputError(
            f"{name} could not be kept in {root()} ({reason}): free some space there, or set "
            "EDGEGUARD_WORK to another folder."
        ) from error


def adopt(path: Path) -> GivenFile:
    """Work on a file of the server's folder where it lies."""
    file_id = new_id()
    (room("files") / file_id).mkdir(mode=0o700)
    return _remember(GivenFile(file_id, path.name, path, path.stat().st_size, ours=False))


def _remember(given: GivenFile) -> GivenFile:
    facts = {"name": given.name, "path": str(given.path), "size": given.size, "ours": given.ours}
    write_whole(given.folder / "file.json", json.dumps(facts))
    return given


def find(file_id: object) -> GivenFile | None:
    """A file by its name, or None when it is gone."""
    if not is_id(file_id):
        return None
    facts = read_json(room("files") / str(file_id) / "file.json")
    if facts is None or not Path(facts["path"]).exists():
        return None
    return GivenFile(
        str(file_id), facts["name"], Path(facts["path"]), facts["size"], bool(facts["ours"])
    )


def files() -> list[GivenFile]:
    """Every file still there, newest first."""
    folders = sorted(
        room("files").iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True
    )
    found = (find(folder.name) for folder in folders)
    return [given for given in found if given is not None]


def forget(given: GivenFile) -> None:
    """Delete our copy of a file; one of the server's own stays where it is."""
    shutil.rmtree(given.folder, ignore_errors=True)


def server_folder() -> Path | None:
    """The folder whose files may be chosen without an upload (``EDGEGUARD_DATA_DIR``)."""
    chosen = os.environ.get("EDGEGUARD_DATA_DIR")
    if not chosen:
        return None
    folder = Path(chosen).expanduser().resolve()
    return folder if folder.is_dir() else None


@dataclass(frozen=True)
class Listing:
    """Names of files, relative to their folder, and whether there are more than are listed."""

    names: tuple[str, ...]
    more: bool


def server_files(folder: Path, part: str = "") -> Listing:
    """The files in the server's folder that have ``part`` in their name, whatever its case.

    Links out of the folder are left out. No more than ``MOST_SERVER_FILES`` are listed.
    """

    def inside() -> Iterator[str]:
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            hidden = any(piece.startswith(".") for piece in Path(name).parts)
            if hidden or part.strip().lower() not in name.lower():
                continue
            if path.is_file() and path.resolve().is_relative_to(folder):
                yield name

    names = tuple(islice(inside(), MOST_SERVER_FILES + 1))
    return Listing(names[:MOST_SERVER_FILES], len(names) > MOST_SERVER_FILES)


def server_file(folder: Path, name: str) -> Path:
    """A chosen file of the server's folder; SourceError when it is outside or gone."""
    path = (folder / name).resolve()
    if not (path.is_relative_to(folder) and path.is_file()):
        raise SourceError(f"{name!r} is no file in {folder}: choose one of the list.")
    return path


@dataclass(frozen=True)
class BundleAtHand:
    """A bundle that can be scored with, as its manifest tells."""

    path: Path
    name: str
    schema: str
    origin: str  # 'demo' | 'shipped' | 'learned here' | 'uploaded'
    created: str

    @property
    def is_demo(self) -> bool:
        """Whether it learned no real network, and is there to be looked at."""
        return self.origin == DEMO

    def fits(self, schema: str | None) -> bool:
        return schema is None or self.schema == schema


def bundles() -> list[BundleAtHand]:
    """Bundles of ``models/`` and of the work folder, newest first, demos after all others."""
    found = [
        bundle
        for folder, origin in ((_models(), "shipped"), (room("bundles"), ""))
        if folder.is_dir()
        for path in folder.iterdir()
        if (bundle := _at_hand(path, origin)) is not None
    ]
    newest = sorted(found, key=lambda bundle: bundle.created, reverse=True)
    return sorted(newest, key=lambda bundle: bundle.is_demo)


def _models() -> Path:
    """The folder of the shipped models: of the checkout, or what a wheel carries."""
    try:
        return shipped().bundle.parent
    except SourceError:
        return PROJECT_ROOT / "models"


def _at_hand(path: Path, origin: str) -> BundleAtHand | None:
    manifest = _manifest(path)
    if manifest is None:
        return None
    facts = manifest.get("schema")
    schema = facts.get("name", "") if isinstance(facts, dict) else str(facts or "")
    kind = origin or ("uploaded" if path.suffix == ".zip" else "learned here")
    data = manifest.get("data")
    if isinstance(data, dict) and data.get("note") == NOTE:
        kind = DEMO
    return BundleAtHand(path, path.stem, schema, kind, str(manifest.get("created", "")))


def _manifest(path: Path) -> dict[str, Any] | None:
    if path.is_dir() and not path.name.startswith((".", "_")):
        return read_json(path / "manifest.json")
    if path.suffix == ".zip":
        # Written when the upload was checked, so that no list unzips anything.
        return read_json(path.with_suffix(".json"))
    return None


def add_bundle(name: str, content: IO[bytes]) -> Path:
    """Check an uploaded bundle and keep it; BundleError when it is damaged or none."""
    from edgeguard_core.bundle import Bundle

    stem = safe_name(name).removesuffix(".zip").strip(".") or "bundle"
    target = free_bundle_path(stem, ".zip")
    spooled = target.with_suffix(".part.zip")
    content.seek(0)
    try:
        with spooled.open("wb") as out:
            shutil.copyfileobj(content, out, _COPY_BYTES)
        bundle = Bundle.load(spooled, untrusted=True)
        facts = {
            "created": str(bundle.manifest.created),
            "schema": {"name": bundle.schema.name},
            "data": {"note": bundle.manifest.data.get("note")},
        }
        write_whole(target.with_suffix(".json"), json.dumps(facts))
        spooled.replace(target)
    except OSError as error:
        raise BundleError(
            f"{name} could not be kept: {error.strerror}; free some space in {root()}."
        ) from error
    finally:
        spooled.unlink(missing_ok=True)
    return target


def free_bundle_path(stem: str, suffix: str = "") -> Path:
    """A name in the work folder's bundles that is not taken."""
    folder = room("bundles")
    number = 1
    while True:
        name = stem if number == 1 else f"{stem}-{number}"
        if not any((folder / (name + ending)).exists() for ending in ("", ".zip")):
            return folder / (name + suffix)
        number += 1


def state_folder(bundle: Path) -> Path:
    """Where thresholds made here for a bundle are kept.

    Beside the bundle, where the command looks for it too; but those of the demo, which ships
    with the program, in the work folder.
    """
    try:
        ships = bundle == shipped().bundle
    except SourceError:
        ships = False
    return room("bundles") / "demo.state" if ships else StateFolder.of(bundle).path


def bundle_stem(file_name: str) -> str:
    """What a bundle learned from a file is called.

    >>> bundle_stem("tuesday_sampled.csv.gz"), bundle_stem("conn.log.labeled.gz")
    ('tuesday_sampled', 'conn')
    """
    return re.sub(r"[^\w-]+", "-", safe_name(file_name).split(".")[0]).strip("-") or "bundle"


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file, or None when there is none to read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
