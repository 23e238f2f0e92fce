"""What the README says can be done: its commands run, its verbs exist, its links lead somewhere."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from shown import Shown, assert_runs_as_shown, run, shown_commands

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "benchmarks/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


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
