"""What the README says can be done: its commands run, its verbs exist, its links lead somewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "benchmarks/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


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


def anchor(heading: str) -> str:
    """The name under which a heading can be linked to."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.fixture(scope="module")
def data() -> Path:
    folder = Path(os.environ.get("EDGEGUARD_DATA", ROOT / "../shared/data")).resolve()
    if not folder.is_dir():
        message = f"no network data in {folder}; set EDGEGUARD_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder


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


def test_how_blocks_are_read():
    text = "```console\n$ one \\\n  two\nout 1.5 of it\n$ three\n```\n"
    first, second = shown_commands(text)
    assert first.command == "one \\\n  two"
    assert first.words == {"out"}
    assert second == Shown("three", "")


def test_what_the_readme_shows_at_once(data, tmp_path):
    inspections = [shown for shown in shown_commands(README) if " inspect " in shown.command]
    assert inspections
    for shown in inspections:
        assert_runs_as_shown(shown, tmp_path, data)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/explanations.md"])
def test_the_whole_example_runs_in_order(page, data, tmp_path):
    shown = shown_commands((ROOT / page).read_text())
    assert [s for s in shown if " train " in s.command]
    for step in shown:
        assert_runs_as_shown(step, tmp_path, data)


@pytest.mark.slow
def test_the_page_on_the_pipeline_runs_in_order(data, tmp_path):
    shutil.copy(ROOT / "pipeline.yaml", tmp_path)
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data")
    shown = shown_commands((ROOT / "docs/pipeline.md").read_text())
    assert [s for s in shown if "pipeline run" in s.command]
    for step in shown:
        assert_runs_as_shown(step, tmp_path, data)


@pytest.mark.slow
def test_the_page_on_the_registry_runs_in_order(data, tmp_path):
    shutil.copytree(ROOT / "models/demo", tmp_path / "models/demo")
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data")
    shown = shown_commands((ROOT / "docs/registry.md").read_text())
    assert len(shown) > 10
    for step in shown:
        assert_runs_as_shown(step, tmp_path, data)


@pytest.mark.slow
def test_the_page_on_feedback_runs_in_order(data, tmp_path):
    shutil.copytree(ROOT / "models/demo", tmp_path / "models/demo")
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data")
    shown = shown_commands((ROOT / "docs/feedback.md").read_text())
    assert [s for s in shown if "feedback retune" in s.command]
    for step in shown:
        assert_runs_as_shown(step, tmp_path, data)
    (python,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs/feedback.md").read_text(), re.DOTALL
    )
    (tmp_path / "example.py").write_text(python)
    done = run("python example.py", tmp_path, data)
    assert done.returncode == 0, done.stderr
    assert "office_with_attacks" in done.stdout


def named_verbs() -> list[str]:
    return sorted(
        {
            verb
            for page in PAGES
            for verb in re.findall(r"(?<!/)\bedgeguard ([a-z]+)\b", page.read_text())
        }
    )


@pytest.mark.parametrize("verb", named_verbs())
def test_every_verb_that_the_pages_name_exists(verb, tmp_path):
    done = run(f"edgeguard {verb} --help", tmp_path, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        name, _, part = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        if not linked.exists():
            broken.append(target)
        elif part:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(), flags=re.MULTILINE)
            if part not in map(anchor, headings):
                broken.append(target)
    assert broken == []


def test_every_image_has_words_for_those_who_do_not_see_it():
    images = re.findall(r"!\[(.*?)\]\(", README)
    assert images
    assert all(len(words) > 20 for words in images)
