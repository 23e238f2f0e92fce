"""``edgeguard rehearse``: recall on synthetic attacks, by kind and strength, marked as such."""

import pyarrow.parquet as pq
import pytest
from trained import names

from edgeguard_core.pipeline.demo import shipped

LOG = "zeek/iot23_honeypot_5-1.csv"


@pytest.fixture
def bundle():
    return shipped().bundle


def test_machines_get_each_cell(run, data, bundle, tmp_path):
    out = tmp_path / "laid.parquet"
    ran = run("rehearse", bundle, data(LOG), "--state", tmp_path / "s", "--out", out, "--json")
    assert ran.code == 0
    assert {"out", "flows", "laid", "seed", "model_sha256", "threshold", "synthetic", "sentence",
            "mean_recall", "attacks", "seconds", "warnings"} < set(ran.json)  # fmt: skip
    assert set(ran.json["attacks"][0]) == {
        "kind", "strength", "flows", "found", "recall", "low", "high", "few"
    }  # fmt: skip
    assert ran.json["synthetic"] is True
    assert pq.read_metadata(out).num_rows == ran.json["laid"]


def test_people_get_a_table_that_says_synthetic(run, data, bundle):
    ran = run("rehearse", bundle, data(LOG), "--kinds", "beaconing,exfiltration")
    assert ran.code == 0
    assert "Synthetic attacks that alert" in ran.out
    assert "of 120" in ran.out
    assert "mean of the kinds" in ran.out
    assert "Real attackers may look different." in ran.out


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--kinds", "ddos"], "No attack is called 'ddos'"),
        (["--out", "x.txt"], "ends in .parquet or .csv"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_a_bad_request_is_one_line_and_leaves_nothing(run, data, bundle, tmp_path, typed, said):
    typed = [str(tmp_path / word) if word == "x.txt" else word for word in typed]
    ran = run("rehearse", bundle, data(LOG), *typed, "--json")
    assert ran.code == 2
    assert said in ran.problem
    assert names(tmp_path) == []
