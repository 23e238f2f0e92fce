"""Notebooks run from the first cell to the last, and tell what the command tells."""

import json
import re
from functools import cache

import nbformat
import pytest
from nbclient import NotebookClient
from support import PROJECT
from typer.testing import CliRunner

from edgeguard_core.bundle import Bundle
from edgeguard_core.cli.main import app

FOLDER = PROJECT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
DEMO = PROJECT / "models" / "demo"
TUESDAY = PROJECT / "sample_data" / "office_with_attacks.csv.gz"
PLOTLY = "application/vnd.plotly.v1+json"
_MOST_SECONDS = 180

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
runs = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of the kernel, which is another's


@cache
def executed(number: int) -> dict[str, nbformat.NotebookNode]:
    """The cells of a notebook by their id, run as a person would."""
    (path,) = [found for found in NOTEBOOKS if found.name.startswith(f"{number}_")]
    book = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(book, kernel_name="python3", timeout=_MOST_SECONDS, resources=where).execute()
    return {cell.id: cell for cell in book.cells}


def text(number: int, cell: str) -> str:
    """What a cell printed, and the plain form of its last value."""
    told = []
    for output in executed(number)[cell].outputs:
        assert output.get("name") != "stderr", output.text
        told.append(output.get("text") or output.data.get("text/plain", ""))
    return "\n".join(told)


def figures(number: int, cell: str) -> dict[str, str]:
    """The rows of a cell's table: the first word of each, and the last."""
    return {line.split()[0]: line.split()[-1] for line in text(number, cell).splitlines() if line}


def told_by(*arguments: object) -> dict:
    """What a verb of the command prints with ``--json``."""
    ran = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def test_there_are_three_and_the_page_names_each():
    page = (FOLDER / "README.md").read_text()
    assert [path.name[0] for path in NOTEBOOKS] == ["1", "2", "3"]
    assert all(f"]({path.name})" in page for path in NOTEBOOKS)


@each
def test_the_repository_holds_no_output_and_no_trace_of_a_machine(path):
    book = json.loads(path.read_text())
    nbformat.validate(book)
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert book["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    names = [cell["id"] for cell in book["cells"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", name) for name in names)  # given, not drawn
    for cell in book["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert (cell["execution_count"], cell["outputs"]) == (None, [])


@each
def test_its_links_lead_somewhere(path):
    book = json.loads(path.read_text())
    words = "".join("".join(c["source"]) for c in book["cells"] if c["cell_type"] == "markdown")
    links = re.findall(r"\]\(([^)#]+)\)", words)
    assert links
    assert [link for link in links if not (FOLDER / link).exists()] == []


@each
def test_only_code_below_the_words_explains_itself(path):
    """No more than two cells of code stand between two of words."""
    kinds = [cell["cell_type"][0] for cell in json.loads(path.read_text())["cells"]]
    assert "ccc" not in "".join(kinds)


class TestExploring:
    pytestmark = runs

    def test_the_file_is_told_as_inspect_tells_it(self):
        told = told_by("inspect", TUESDAY)
        read = figures(1, "reading")
        assert (read["schema"], read["format"]) == (told["schema"], told["format"])
        assert (int(read["rows"]), int(read["accepted"])) == (told["rows"], told["accepted"])
        labels = text(1, "labels")
        for name, count in told["labels"].items():
            assert re.search(rf"\b{name} +{count}\b", labels), name

    def test_rejected_rows_name_line_column_and_rule(self):
        assert re.search(r"10 +src2dst_bytes +-1 +out of range: below 0", text(1, "rejected"))
        assert re.search(r"21 .*wrong number of fields", text(1, "rejected"))
        assert "1 cells of dst_port do not parse" in text(1, "rejected")

    def test_counting_sees_crowds_and_nothing_else(self):
        seen = {name: float(share.rstrip("%")) for name, share in figures(1, "seen").items()
                if share.endswith("%")}  # fmt: skip
        assert seen["vertical_scan"] == seen["horizontal_scan"] == 100
        assert seen["beaconing"] == seen["exfiltration"] == seen["syn_flood"] == 0
        assert 35 < seen["benign"] < 50  # two of five, as the words say

    def test_it_draws(self):
        assert all(_draws(1, cell) for cell in ("time", "states", "pairs"))


class TestFeatures:
    pytestmark = runs

    def test_the_bundle_is_told_as_it_is(self):
        told = text(2, "bundle")
        preprocessor = Bundle.load(DEMO).preprocessor
        assert re.search(r"flows of Monday +9064", told)
        assert re.search(rf"numeric features +{len(preprocessor.numeric)}\b", told)
        assert re.search(rf"columns inside the model +{preprocessor.n_expanded}\b", told)
        rows = text(2, "words").splitlines()
        assert all(any(row.startswith(f.name) for row in rows) for f in preprocessor.categorical)

    def test_no_feature_alone_does_what_the_model_does(self):
        auc = told_by("evaluate", DEMO, TUESDAY)["roc_auc"]
        parts = [line.split() for line in text(2, "parts").splitlines()[1:]]
        assert parts[0][:2] == ["the", "model"]
        assert float(parts[0][-2]) == round(auc, 3)
        assert all(float(row[-1]) < 0.75 and float(row[-2]) < 0.9 for row in parts[1:])

    def test_it_draws(self):
        drawn = ("transform", "history", "distributions", "correlation")
        assert all(_draws(2, cell) for cell in drawn)


class TestErrors:
    pytestmark = runs

    def test_the_figures_are_those_of_evaluate(self):
        told = told_by("evaluate", DEMO, TUESDAY)
        found = figures(3, "figures")
        for name in ("flows", "attacks", "alerts", "recall", "precision", "false_positive_rate",
                     "roc_auc", "average_precision"):  # fmt: skip
            assert float(found[name]) == pytest.approx(told[name], abs=1e-6), name
        assert f"{told['promise']['realised']:.2%}" in text(3, "figures")
        assert f"threshold {told['threshold']['value']:.4g}, conformal" in text(3, "scored")

    def test_alerts_by_class_and_misses_are_those_of_evaluate(self):
        told = told_by("evaluate", DEMO, TUESDAY)
        alerts = figures(3, "classes")
        for name, about in told["per_class"].items():
            assert int(alerts[name]) == round(about["recall"] * about["flows"]), name
        false_alarms = int(alerts["benign"])
        assert false_alarms + sum(int(alerts[name]) for name in told["per_class"]) == told["alerts"]
        assert text(3, "false").startswith(f"{false_alarms} false alarms of ")
        missed = round((1 - told["recall"]) * told["attacks"])
        assert text(3, "misses").startswith(f"{missed} of {told['attacks']} attack flows")

    def test_causes_are_those_of_explain(self):
        (line,) = re.findall(r"exfiltration, line (\d+):", text(3, "sentences"))
        told = told_by("explain", DEMO, TUESDAY, "--row", line)
        (flow,) = told["flows"]
        assert flow["sentence"] in text(3, "sentences")
        assert re.search(r"src2dst_bytes .* True", text(3, "prototypes"))

    def test_it_draws(self):
        assert all(_draws(3, cell) for cell in ("histogram", "shares", "false-hours", "one"))


def _draws(number: int, cell: str) -> bool:
    data = [output.data for output in executed(number)[cell].outputs if "data" in output]
    return any(found[PLOTLY]["data"] for found in data if PLOTLY in found)
