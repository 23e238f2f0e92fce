"""``edgeguard drift`` as people and machines use it."""

import csv
from pathlib import Path

import pytest

HONEYPOT = "zeek/iot23_honeypot_5-1.csv"
OTHER = "zeek/iot23_42-1.csv.gz"


def unlabelled(source: Path, out: Path) -> Path:
    """The same rows without what tells an attack from the others."""
    with source.open(newline="") as stream:
        titles, *rows = list(csv.reader(stream))
    kept = [at for at, title in enumerate(titles) if title not in ("label", "class")]
    with out.open("w", newline="") as stream:
        csv.writer(stream).writerows([row[at] for at in kept] for row in (titles, *rows))
    return out


def test_drift_answers_in_json_and_ends_with_0_either_way(run, zeek, data):
    same = run("drift", zeek, data(HONEYPOT), "--json")
    assert (same.code, same.err) == (0, "")
    assert same.json["format"] == 1
    assert same.json["drifted"] is False
    other = run("drift", zeek, data(OTHER), "--json")
    assert (other.code, other.json["drifted"]) == (0, True)
    assert other.json["diagnosis"]["kind"] == "drift"


def test_a_gate_refuses_with_the_verdict(run, zeek, data):
    assert run("drift", zeek, data(HONEYPOT), "--gate").code == 0
    refused = run("drift", zeek, data(OTHER), "--gate", "--json")
    assert refused.code == 3
    assert refused.problem.startswith("Drift of ")


def test_people_read_the_verdict_first_and_the_furthest_feature_on_top(run, zeek, data):
    shown = run("drift", zeek, data(OTHER))
    lines = shown.out.splitlines()
    assert lines[0].startswith("Drift of ")
    assert "changed traffic" in lines[0]
    table = lines[lines.index("Features") + 2 :]
    stability = [float(line.split()[-3]) for line in table]
    assert stability == sorted(stability, reverse=True)
    assert "yes" in table[0]
    assert run("drift", zeek, data(HONEYPOT)).out.startswith("No drift. ")


@pytest.mark.parametrize("kind", ["syn_flood", "vertical_scan"])
def test_an_injected_attack_is_told_from_changed_traffic(run, zeek, data, tmp_path, kind):
    attacked = tmp_path / "a.csv"
    flags = ("--kinds", kind, "--strength", "high")
    assert run("inject", data(HONEYPOT), "--out", attacked, *flags).code == 0
    labelled = run("drift", zeek, attacked, "--json").json
    found = run("drift", zeek, unlabelled(attacked, tmp_path / "u.csv"), "--json").json
    assert found["flows"] > labelled["flows"]
    assert found["diagnosis"]["kind"] == "attack"
    assert "of the odd flows are of" in " ".join(found["diagnosis"]["evidence"])


def test_what_cannot_be_judged_is_one_sentence(run, zeek, data):
    ran = run("drift", zeek, data("cic-ids2017/monday_first_999.csv"))
    assert ran.code == 2
    assert "was trained on 'flow'" in ran.problem
