"""The floors hold, also where import-linter cannot look: what loads when a module does."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "edgeguard_core"

# What an edge box loads, and what it must not load with it.
EDGE_ROOMS = (
    "flows",
    "features",
    "thresholds",
    "inference",
    "bundle",
    "detection",
    "outputs",
    "watch",
)
NOT_ON_THE_EDGE = ("pandas", "pyarrow", "sklearn", "scipy", "typer", "rich", "tensorflow", "keras")


def run_python(program: str) -> str:
    """What the program prints in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded_at_import(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of each module that is imported when the file is, not when a function runs."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        else:
            waiting.extend(ast.iter_child_nodes(node))


def test_what_counts_as_loaded_at_import():
    tree = ast.parse(
        "import a\nif x:\n    from b import c\ndef f():\n    import d\n"
        "if TYPE_CHECKING:\n    import e\nclass G:\n    import g\n"
    )
    assert sorted(name for _, name in loaded_at_import(tree)) == ["a", "b", "b.c", "g"]


def test_import_linter_keeps_the_contracts():
    program = (
        "import sys; from importlinter import cli; "
        "sys.exit(cli.lint_imports(no_cache=True, no_logo=True))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("room", ["pipeline", "cli"])
def test_the_model_room_is_entered_inside_functions_only(room):
    offenders = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in sorted((CORE / room).rglob("*.py"))
        for line, name in loaded_at_import(ast.parse(path.read_text()))
        if name.split(".")[:2] == ["edgeguard_core", "model"]
    ]
    assert offenders == []


def test_the_edge_path_loads_with_the_base_dependencies_alone():
    rooms = ", ".join(f"edgeguard_core.{room}" for room in EDGE_ROOMS)
    found = run_python(
        f"import {rooms}, sys; print([n for n in {NOT_ON_THE_EDGE!r} if n in sys.modules])"
    )
    assert found.strip() == "[]"


def test_the_command_starts_without_the_heavy_libraries():
    found = run_python(
        "import edgeguard_core.cli.main, sys; "
        "print([n for n in ('tensorflow', 'keras', 'sklearn', 'pandas') if n in sys.modules])"
    )
    assert found.strip() == "[]"
