"""The registry by command, as people and machines use it."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support import PROJECT
from trained import names

from edgeguard_core.bundle import Bundle, save_bundle
from edgeguard_core.pipeline.registry import Registry

DEMO = PROJECT / "models" / "demo"
HONEYPOT = "zeek/iot23_honeypot_5-1.csv"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to stand in, with a bundle trained later than the demo beside it."""
    monkeypatch.chdir(tmp_path)
    parts = replace(Bundle.load(DEMO).parts(), created=datetime(2027, 1, 1, tzinfo=UTC))
    save_bundle(tmp_path / "later", parts)
    return tmp_path


@pytest.fixture
def two(here, run):
    """The demo leads, the later bundle is the candidate."""
    registry = Registry("models")
    registry.register(DEMO, who="ann", run_id="r1")
    registry.promote(1, why="first", who="ann")
    registry.register("later", who="ann", note="more data")
    return registry


def test_from_a_bundle_to_champion_and_back(run, here):
    made = run("models", "register", DEMO, "--run-id", "r1", "--who", "ann", "--json")
    assert (made.code, made.err) == (0, "")
    assert made.json["format"] == 1
    assert (made.json["version"], made.json["aliases"]) == (1, ["candidate"])
    assert made.json["bundle"] == str(here / "models/versions/0001/bundle-0001")
    assert made.json["now"] == {"champion": None, "candidate": 1, "shadow": None}
    led = run("models", "promote", "candidate", "--because", "gates held", "--json")
    assert led.json["now"] == {"champion": 1, "candidate": None, "shadow": None}
    assert run("models", "register", "later").code == 0
    assert run("models", "promote", "0002", "--because", "better").code == 0
    back = run("models", "rollback", "--because", "twice the alerts", "--who", "bob", "--json")
    assert (back.json["version"], back.json["now"]["champion"]) == (1, 1)
    steps = run("models", "history", "--json").json["history"]
    assert [step["action"] for step in steps] == [
        "register", "promote", "register", "promote", "rollback",
    ]  # fmt: skip
    assert (steps[-1]["from"], steps[-1]["to"], steps[-1]["why"], steps[-1]["who"]) == (
        2, 1, "twice the alerts", "bob",
    )  # fmt: skip
    assert "twice the alerts" in run("models", "history").out


def test_list_and_show_tell_people_and_machines(run, two):
    listed = run("models", "list", "--json").json
    assert listed["aliases"] == {"champion": 1, "candidate": 2, "shadow": None}
    assert [(v["version"], v["aliases"], v["note"]) for v in listed["versions"]] == [
        (1, ["champion"], ""), (2, ["candidate"], "more data"),
    ]  # fmt: skip
    shown = run("models", "list").out
    assert "champion" in shown
    assert "more data" in shown
    about = run("models", "show", "champion", "--json").json
    assert about["run_id"] == "r1"
    assert about["fingerprint"] == Bundle.load(DEMO).sums_sha256
    assert [step["action"] for step in about["history"]] == ["register", "promote"]
    assert "first" in run("models", "show", "1").out


def test_figures_of_an_evaluation_come_along(run, here):
    (here / "m.json").write_text('{"roc_auc": 0.93, "per_class": {}}')
    made = run("models", "register", DEMO, "--metrics", "m.json", "--json").json
    assert made["metrics"] == {"roc_auc": 0.93, "per_class": {}}
    assert "0.93" in run("models", "list").out
    (here / "m.json").write_text("[NaN]")
    wrong = run("models", "register", "later", "--metrics", "m.json")
    assert (wrong.code, "metrics in m.json cannot be read" in wrong.problem) == (2, True)


def test_shadow_and_remove(run, two):
    assert run("models", "shadow", "candidate", "--json").json["now"]["shadow"] == 2
    refused = run("models", "remove", "2")
    assert refused.code == 2
    assert "is the candidate and the shadow, which cannot be removed" in refused.problem
    assert run("models", "shadow", "--end").code == 0
    assert run("models", "promote", "2", "--because", "x").code == 0
    assert run("models", "remove", "1", "--because", "old", "--json").json["version"] == 1
    assert names(two.folder / "versions") == ["0002"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["promote", "2"], "Missing option '--because'"),
        (["promote", "7", "--because", "x"], "No version '7' is registered"),
        (["promote", "2", "--because", " "], "say why with --because"),
        (["rollback", "--because", "x"], "There is no earlier champion"),
        (["shadow"], "Give either the version to shadow with, or --end"),
        (["shadow", "2", "--end"], "Give either the version to shadow with, or --end"),
        (["shadow", "champion"], "is the champion"),
        (["show", "shadow"], "No version is the shadow yet"),
        (["list", "--registry", "modles"], "There is no registry at modles"),
        (["register", "nothing"], "There is no bundle at nothing"),
        (["mlflow", "shadow"], "No version is the shadow yet"),
        (["shadow-report", "x.csv"], "No version is the shadow yet"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_2(run, two, words, says):
    before = two.state()
    ran = run("models", *words)
    assert ran.code == 2
    assert says in ran.problem
    assert two.state() == before
    assert names(two.folder.resolve().parent) == ["later", "models"]


def test_an_empty_registry_says_how_to_begin(run, here):
    (here / "models").mkdir()
    assert "edgeguard models register" in run("models", "list").out
    assert run("models", "list", "--json").json["versions"] == []
    assert "Nothing was done" in run("models", "history").out


@pytest.mark.parametrize(
    "verb",
    [
        "list",
        "show",
        "register",
        "promote",
        "rollback",
        "shadow",
        "shadow-report",
        "history",
        "remove",
        "mlflow",
    ],
)
def test_help_of_each_verb_shows_an_example(run, verb):
    assert f"Example: edgeguard models {verb}" in run("models", verb, "--help").out


def test_verbs_take_a_registered_bundle_by_its_alias(run, two, data, tmp_path):
    shown = run("bundle", "show", "models@champion", "--json").json
    assert shown["bundle"] == str(tmp_path / "models/versions/0001/bundle-0001")
    log = data(HONEYPOT)
    scored = run("score", "models@2", log, "--out", "s.csv", "--json")
    assert scored.code == 0
    plain = run("score", "later", log, "--out", "p.csv", "--json")
    assert scored.json["alerts"] == plain.json["alerts"]
    beside = run("compare", "models@champion", "models@candidate", "--on", log, "--json").json
    assert [model["name"] for model in beside["models"]] == ["bundle-0001", "bundle-0002"]
    assert run("evaluate", "models@champion", log, "--json").code == 0
    watched = run(
        "watch", "models@champion", log, "--until-end", "--jsonl", "w.jsonl", "--quiet",
        "--state", "state",
    )  # fmt: skip
    assert watched.code == 0
    assert json.loads(watched.out)["flows"] == scored.json["flows"]
    for verb in (("score", "models@shadow", log, "--out", "x.csv"), ("watch", "models@7", log)):
        ran = run(*verb)
        assert ran.code == 2
        assert "No version" in ran.err


def test_a_champion_is_published_to_boxes(run, two, tmp_path):
    assert run("bundle", "keygen", "--out", "team.key").code == 0
    words = ("bundle", "publish", "models@champion", "--to", "site", "--key", "team.key", "--json")
    assert run(*words).json["serial"] > 0
    assert len(list((tmp_path / "site").glob("bundle-*.zip"))) == 1


def test_the_shadow_report_for_people_and_machines(run, two, data):
    two.set_shadow(2)
    ran = run("models", "shadow-report", data(HONEYPOT), "--json")
    assert (ran.code, ran.json["spearman"], ran.json["alerts"]["shadow_only"]) == (0, 1.0, 0)
    shown = run("models", "shadow-report", data(HONEYPOT))
    assert "rank correlation" in shown.out
    assert "shadow 0002" in shown.out
