"""The promises of CONTRIBUTING.md about files and folders hold."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import edgeguard_core

ROOT = Path(__file__).resolve().parents[2]

# Written in pieces, so that this file does not hold what it forbids.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("conda", "anaconda", "org"),
        ("proxy", "golang", "org"),
        ("download", "pytorch", "org"),
        ("crates", "io"),
    )
)
MISSING_NOUNS = {"utils.py", "helpers.py", "common.py", "misc.py"}
LONGEST_FILE = 400  # lines


def tracked() -> list[Path]:
    """Every file of the project, as git sees it, or as it lies there in an unpacked archive."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        skipped = {".venv", ".venv-airflow", ".venv-mlops", ".git", "__pycache__"}
        everything = (path for path in ROOT.rglob("*") if path.is_file())
        return [p for p in everything if not skipped & set(p.relative_to(ROOT).parts)]
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def python_files(*folders: str) -> list[Path]:
    return [
        path
        for path in tracked()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders
    ]


def test_no_file_names_a_registry_or_mirror():
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", errors="ignore").lower()
        found += [f"{path.relative_to(ROOT)}: {host}" for host in REGISTRY_HOSTS if host in text]
    assert found == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_the_locks_pin_by_hash_and_name_no_address(name):
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    requirements = text.replace("\\\n", " ").splitlines()
    assert len(requirements) > 50
    assert all("==" in line and "--hash=sha256:" in line for line in requirements)


def test_the_test_lock_holds_the_versions_of_the_use_lock():
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9.-]+==\S+", (ROOT / name).read_text(), flags=re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_the_edge_installs_nothing_beyond_the_base():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = {re.split(r"[^A-Za-z0-9-]", line)[0] for line in project["dependencies"]}
    assert base == {"numpy", "pyyaml", "cryptography", "ai-edge-litert", "tflite-runtime"}
    assert project["optional-dependencies"]["edge"] == []


def test_every_room_says_what_it_is_for():
    folders = {path.parent for path in python_files("edgeguard_core", "dashboard")}
    silent = []
    for folder in sorted(folders):
        door = folder / "__init__.py"
        if not door.is_file() or not ast.get_docstring(ast.parse(door.read_text())):
            silent.append(str(folder.relative_to(ROOT)))
    assert silent == []


def test_folders_of_data_and_documents_have_a_readme():
    without = [
        name
        for name in ("benchmarks", "docs/decisions", "models", "sample_data", "notebooks", "dags")
        if (ROOT / name).is_dir() and not (ROOT / name / "README.md").is_file()
    ]
    assert without == []


def test_every_decision_is_listed_and_short():
    folder = ROOT / "docs/decisions"
    listed = re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", (folder / "README.md").read_text())
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert listed == records
    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
    assert all(len((folder / name).read_text().split()) < 500 for name in records)


def test_every_function_has_a_home_and_every_file_an_end():
    files = python_files("edgeguard_core", "dashboard", "benchmarks", "tests")
    assert [str(path) for path in files if path.name in MISSING_NOUNS] == []
    long = {
        str(path.relative_to(ROOT)): lines
        for path in python_files("edgeguard_core", "dashboard")
        if (lines := len(path.read_text().splitlines())) >= LONGEST_FILE
    }
    assert long == {}


def test_tests_have_no_packages():
    assert [path for path in python_files("tests") if path.name == "__init__.py"] == []


def test_the_changelog_knows_this_version():
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert edgeguard_core.__version__ in headings
