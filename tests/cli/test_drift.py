"""``edgeguard drift`` as people and machines use it."""

import pytest
from flow_texts import unlabelled

from edgeguard_core.cli import edge

HONEYPOT = "zeek/iot23_honeypot_5-1.csv"
OTHER = "zeek/iot23_42-1.csv.gz"


def watched(bundle, log, store, state):
    """The log, once through a watch with a store."""
    words = ["watch", bundle, log, "--once", "--quiet", "--store", store, "--state", state]
    assert edge.main([str(word) for word in words]) == 0


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


def test_a_store_says_of_a_log_what_the_file_says(run, zeek, log, tmp_path):
    store = f"sqlite:///{tmp_path / 'alerts.db'}"
    watched(zeek, log, store, tmp_path / "s")
    of_file = run("drift", zeek, log, "--json").json
    ran = run("drift", zeek, "--store", store, "--hours", 1000, "--json")
    live = ran.json
    # What a store cannot know: which columns nobody read, and whose an address is.
    of_file["extra_columns"] = live["extra_columns"]
    evidence = [one["diagnosis"].pop("evidence") for one in (of_file, live)]
    assert [line.split(" are of ")[0] for line in evidence[0]] == [
        line.split(" are of ")[0] for line in evidence[1]
    ]
    assert "192.168." not in ran.out
    assert live == of_file
    assert live["drifted"] is True
    assert live["flows"] == len(log.read_text().splitlines()) - 1


def test_the_last_hours_and_one_box_can_be_asked_for_and_a_gate_refuses(run, zeek, log, tmp_path):
    store = f"sqlite:///{tmp_path / 'alerts.db'}"
    watched(zeek, log, store, tmp_path / "s")
    shown = run("drift", zeek, "--store", store, "--hours", 1000)
    assert shown.out.startswith("Drift of ")
    last = run("drift", zeek, "--store", store, "--hours", 4, "--json").json
    assert 50 <= last["flows"] < 4_000
    refused = run("drift", zeek, "--store", store, "--hours", 1000, "--gate")
    assert refused.code == 3
    other = run("drift", zeek, "--store", store, "--sensor", "barn")
    assert (other.code, "no counts of sensor barn" in other.problem) == (2, True)


def test_a_store_of_other_bundles_or_none_is_one_sentence(run, zeek, cic, log, tmp_path):
    store = f"sqlite:///{tmp_path / 'alerts.db'}"
    none = run("drift", zeek, "--store", store)
    assert (none.code, "holds no counts" in none.problem) == (2, True)
    watched(zeek, log, store, tmp_path / "s")
    assert "with this very bundle" in run("drift", cic, "--store", store).problem
    assert run("drift", zeek, log, "--store", store).code == 2
    assert run("drift", zeek).code == 2


def test_scores_that_the_watch_counted_at_another_threshold_are_named(run, bundle, log, tmp_path):
    store, state = f"sqlite:///{tmp_path / 'alerts.db'}", tmp_path / "s"
    assert run("threshold", bundle, "--value", 3, "--state", state).code == 0
    watched(bundle, log, store, state)
    elsewhere = run("drift", bundle, "--store", store, "--hours", 1000, "--json")
    at_the_box = run("drift", bundle, "--store", store, "--hours", 1000, "--json", "--state", state)
    assert elsewhere.json["score"] == at_the_box.json["score"]
    assert "counted at the watch's threshold 3 (state 0001)" in elsewhere.json["warnings"][-1]
    assert not any("counted at" in one for one in at_the_box.json["warnings"])
