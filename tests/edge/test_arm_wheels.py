"""The committed list of wheels for ARM is of the versions that boxes install."""

import importlib.util
import re
import sys

import pytest
from support import PROJECT

BOX = PROJECT / "edgeguard_core/pipeline/box"
REPORT = PROJECT / "docs/benchmarks/edge.md"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("arm_wheels", PROJECT / "tools/arm_wheels.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where a module is looked for
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_every_package_of_a_box_was_held_against_arm():
    pinned = {
        (name.replace("-", "_"), version)
        for path in BOX.glob("requirements-*.txt")
        for name, version in re.findall(r"^([a-z0-9.-]+)==(\S+)", path.read_text(), re.MULTILINE)
    }
    rows = re.findall(r"^\| ([\w.-]+) ([\d., ]+) \| (.*) \|$", REPORT.read_text(), re.MULTILINE)
    checked = {
        (name.lower().replace("-", "_").replace(".", "_"), version)
        for name, versions, _ in rows
        for version in versions.split(", ")
    }
    assert len(pinned) > 15
    assert pinned - checked == set(), "run python tools/arm_wheels.py and put its table there"
    assert not [cells for _, _, cells in rows if "–" in cells]


def test_a_wheel_says_where_it_runs(tool):
    assert tool.kind("a-1-cp311-cp311-manylinux2014_aarch64.manylinux_2_17_aarch64.whl") == (
        "glibc 2.17"
    )
    assert tool.kind("a-1-cp311-abi3-manylinux_2_28_aarch64.whl") == "glibc 2.28"
    assert tool.kind("a-1-py2.py3-none-any.whl") == "any"


def test_the_table_has_a_column_for_each_machine(tool):
    found = {
        ("3.11", "aarch64"): {"a": "a-1-py3-none-any.whl"},
        ("3.12", "x86_64"): {"a": "a-2-cp312-cp312-manylinux_2_28_x86_64.whl"},
    }
    assert tool.table(found).splitlines() == [
        "| package | aarch64, 3.11 | x86_64, 3.12 |",
        "|---|---|---|",
        "| a 1, 2 | any | glibc 2.28 |",
    ]


def test_a_package_without_a_wheel_ends_it_with_the_word_of_pip(tool, monkeypatch, tmp_path):
    monkeypatch.setattr(tool, "BOX", tmp_path)
    (tmp_path / "requirements-edge.txt").write_text(f"numpy==0.0.1 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(SystemExit, match=r"Python 3.11 on aarch64, edge: ERROR"):
        tool.wheels("edge", "3.11", "aarch64", tmp_path)
