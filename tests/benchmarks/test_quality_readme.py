"""The README's quality table is that of the committed report."""

import json
import re

import pytest
from quality.readme import BEGIN, END, quality_table, with_table
from support import PROJECT

REPORT = PROJECT / "docs" / "benchmarks" / "quality.json"


def model(auc: float, realised: float = 0.0123) -> dict:
    names = ("roc_auc", "average_precision", "tpr_at_1e_2", "f1_at_0.01")
    return {"figures": {**dict.fromkeys(names, auc), "realised_fpr_at_0.01": realised}}


PLAIN = {
    "sets": {
        "nsl-kdd": {
            "models": {
                "EdgeGuard": model(0.95),
                "EdgeGuard dynamic_int8": model(0.99),
                "kNN, min-max": model(0.97),
                "LOF, our matrix": model(0.9),
            },
            "leads": {"roc_auc": {"peer": "kNN, min-max", "verdict": "behind"}},
        },
        "cic-tuesday": {"models": {"kNN, min-max": model(0.5)}, "leads": {}},
    }
}


def test_a_loss_stands_in_the_readme_too():
    told = quality_table(PLAIN)
    assert "| nsl-kdd | .950 ▼ .970 (kNN) | .950 .970 (kNN) |" in told
    assert "| .950 | 1.23 % |" in told
    assert "cic-tuesday" not in told


def test_only_what_lies_between_the_marks_is_written():
    text = f"before\n{BEGIN}\nold\n{END}\nafter \\1\n"
    written = with_table(text, PLAIN)
    assert written.startswith(f"before\n{BEGIN}\n| set |")
    assert written.endswith(f"\n{END}\nafter \\1\n")
    assert "old" not in written
    assert with_table(written, PLAIN) == written
    with pytest.raises(ValueError, match="quality"):
        with_table("no marks", PLAIN)


def test_the_table_of_the_readme_is_that_of_the_report():
    if not REPORT.exists():
        pytest.skip("there is no docs/benchmarks/quality.json: run benchmarks/bench_quality.py")
    found = re.search(
        f"{re.escape(BEGIN)}\n(.*?)\n{re.escape(END)}", (PROJECT / "README.md").read_text(), re.S
    )
    assert found is not None, "README.md has no marks for the table"
    plain = json.loads(REPORT.read_text())
    assert found[1] == quality_table(plain), "run python benchmarks/readme_table.py"
