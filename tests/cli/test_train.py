"""``edgeguard train``: the options beyond a file and a place for the bundle."""

import json

from support import data

HONEYPOT = "zeek/iot23_honeypot_5-1.csv"


def manifest(out):
    return json.loads((out / "manifest.json").read_text())


def test_size_epochs_and_features_reach_the_bundle(run, tmp_path):
    out = tmp_path / "B"
    choices = ["--size", "s", "--epochs", 1, "--leave-out", "service", "--leave-out", "state"]
    ran = run("train", data(HONEYPOT), "--out", out, *choices, "--json")
    assert ran.code == 0
    training = manifest(out)["training"]
    assert training["config"]["hidden"] == [32, 16]
    assert training["config"]["steps"] == 4  # of 256 rows, for the 924 of 1,099 that are unlike
    assert training["left_out"] == ["service", "state"]
    assert ran.json["epochs"] >= 1


def test_steps_and_epochs_both_say_how_long(run, tmp_path):
    ran = run("train", "x", "--out", tmp_path / "B", "--steps", 5, "--epochs", 1)
    assert ran.code == 2
    assert "--steps and --epochs both say how long; give one of them" in ran.problem


def test_an_unknown_size_or_feature_is_told(run, tmp_path):
    ran = run("train", "x", "--out", tmp_path / "B", "--size", "huge")
    assert (ran.code, ran.problem) == (2, "No size is called 'huge'; use one of s, m, l.")
    ran = run("train", data(HONEYPOT), "--out", tmp_path / "B", "--leave-out", "colour")
    assert ran.code == 2
    assert "Schema 'flow' has no feature 'colour'" in ran.problem
