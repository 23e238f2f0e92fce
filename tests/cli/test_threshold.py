import numpy as np
import pytest
from trained import head, names, written

from edgeguard_core.bundle import Bundle, StateFolder

ATTACKED = "zeek/iot23_34-1_conn.log.labeled.gz"
LOCAL = "zeek/iot23_honeypot_4-1.csv"
BURSTY = "zeek/iot23_honeypot_5-1.csv"


def test_without_a_wish_the_one_in_force_is_shown(run, bundle):
    ran = run("threshold", bundle, "--json")
    assert ran.code == 0
    assert set(ran.json) >= {"format", "value", "method", "target", "calibrated_on"}
    assert (ran.json["method"], ran.json["target"], ran.json["origin"]) == (
        "conformal", 0.01, "bundle",
    )  # fmt: skip
    assert names(bundle.parent) == ["B"]
    assert "the latest fifth of the benign flows" in run("threshold", bundle).out


@pytest.mark.parametrize(
    ("wish", "method", "target"),
    [
        (["--fpr", 0.05], "conformal", 0.05),
        (["--alerts-per-hour", 1], "alerts_per_hour", 1),
        (["--alerts-per-day", 24, "--flows-per-hour", 100], "alerts_per_day", 24),
        (["--percentile", 90], "percentile", 90),
        (["--sigmas", 3], "mean_plus_sigmas", 3),
        (["--mads", 3], "median_plus_mads", 3),
        (["--pot", 0.001], "peaks_over_threshold", 0.001),
        (["--value", 3.5], "fixed", 3.5),
    ],
)
def test_each_way_on_the_bundles_own_benign_scores(run, bundle, wish, method, target):
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    ran = run("threshold", bundle, *wish, "--why", "too loud", "--json")
    assert ran.code == 0
    assert (ran.json["method"], ran.json["target"]) == (method, target)
    assert ran.json["origin"] == "state 0001"
    assert np.isfinite(ran.json["value"])
    promised = target if method == "conformal" else None
    assert ran.json["promised_false_positive_rate"] == promised
    assert run("threshold", bundle, "--json").json == ran.json
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before
    assert names(bundle.parent / "B.state") == ["threshold-0001.json"]


def test_who_sets_it_is_kept(run, bundle):
    assert run("threshold", bundle, "--value", 2, "--who", "ann", "--json").code == 0
    assert run("threshold", bundle, "--value", 3, "--json").code == 0
    newest, first = StateFolder.of(bundle).thresholds(Bundle.load(bundle))
    assert first.who == "ann"
    assert newest.who not in ("", "ann")


@pytest.mark.parametrize(
    ("wish", "method"),
    [
        (["--precision", 0.9], "precision_at_least"),
        (["--recall", 0.6], "recall_at_least"),
        (["--f-beta", 1], "max_f_beta"),
        (["--costs", 1, 10], "min_cost"),
    ],
)
def test_ways_that_weigh_attacks_need_a_file_with_some(run, bundle, data, wish, method):
    refused = run("threshold", bundle, *wish, "--json")
    assert refused.code == 2
    assert "add --calibrate FILE with labelled attacks" in refused.problem
    benign = run("threshold", bundle, "--calibrate", data(LOCAL), *wish, "--json")
    assert (benign.code, "needs labelled attacks" in benign.problem) == (2, True)
    assert names(bundle.parent) == ["B"]
    ran = run("threshold", bundle, "--calibrate", data(ATTACKED), *wish, "--json")
    assert ran.code == 0
    assert method in ran.json["method"]
    assert "1923 benign flows of iot23_34-1" in ran.json["calibrated_on"]
    if method == "precision_at_least":
        judged = run("evaluate", bundle, data(ATTACKED), "--json")
        assert judged.json["precision"] >= 0.9
        assert judged.json["threshold"]["origin"] == "state 0001"


def test_calibrating_keeps_the_promise_of_the_bundle_and_every_old_version(run, bundle, data):
    run("threshold", bundle, "--value", 3)
    ran = run("threshold", bundle, "--calibrate", data(LOCAL), "--json")
    assert ran.code == 0
    assert (ran.json["method"], ran.json["target"], ran.json["origin"]) == (
        "conformal", 0.01, "state 0002",
    )  # fmt: skip
    assert names(bundle.parent / "B.state") == [
        "calibration-0002.npz", "threshold-0001.json", "threshold-0002.json",
    ]  # fmt: skip
    # Without --calibrate the bundle's own held-out flows decide, and the answer says so.
    again = run("threshold", bundle, "--fpr", 0.01, "--json").json
    elsewhere = run("threshold", bundle, "--state", bundle.parent / "none", "--json").json
    assert again["value"] == elsewhere["value"]
    assert again["calibrated_on"] == elsewhere["calibrated_on"]


def test_few_rows_raise_the_promise_and_say_so(run, bundle, data, tmp_path):
    source = written(tmp_path / "x.csv", head(data(LOCAL), 60))
    ran = run("threshold", bundle, "--calibrate", source, "--fpr", 0.001, "--json")
    assert ran.json["target"] == 1 / 61
    assert any("cannot promise" in warning for warning in ran.json["warnings"])
    assert "cannot promise" in run("threshold", bundle, "--calibrate", source).err


def test_a_state_folder_can_stand_anywhere_but_in_the_bundle(run, bundle, data, tmp_path):
    elsewhere = tmp_path / "mine"
    assert run("threshold", bundle, "--value", 3, "--state", elsewhere).code == 0
    assert run("threshold", bundle, "--json").json["origin"] == "bundle"
    told = run("evaluate", bundle, data(ATTACKED), "--state", elsewhere, "--json")
    assert told.json["threshold"]["origin"] == "state 0001"
    inside = run("threshold", bundle, "--value", 3, "--state", bundle / "state")
    assert (inside.code, "it lies in bundle" in inside.problem) == (2, True)
    assert run("bundle", "verify", bundle).code == 0


@pytest.mark.parametrize(
    "wish",
    [
        "--fpr 0", "--fpr 1", "--fpr nan", "--fpr 2", "--alerts-per-hour nan",
        "--alerts-per-hour -1", "--alerts-per-day inf", "--alerts-per-day 1 --flows-per-hour 0",
        "--percentile 101", "--percentile nan", "--sigmas nan", "--mads inf", "--pot 0",
        "--pot nan", "--value nan", "--value inf", "--value 1e39",
    ],
)  # fmt: skip
def test_a_wish_that_is_no_number_of_its_kind_changes_nothing(run, bundle, wish):
    ran = run("threshold", bundle, *wish.split(), "--json")
    assert ran.code == 2
    assert ran.problem.endswith((".", "above 0."))
    assert names(bundle.parent) == ["B"]


def test_an_account_without_a_name_can_set_a_threshold(run, bundle, monkeypatch):
    def nobody():
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert run("threshold", bundle, "--value", 3).code == 0


def with_a_theft(source, target, *, labelled: bool):
    """The same log with a burst of twelve huge flows of one host, with labels or without."""
    header, *lines = source.read_text().splitlines()
    names_of = header.split(",")
    theft = dict(zip(names_of, lines[300].split(","), strict=True)) | {
        "id.orig_h": "192.168.2.66", "proto": "tcp", "conn_state": "SF", "duration": "1.0",
        "orig_bytes": "900000000", "orig_ip_bytes": "900000000", "orig_pkts": "900000",
        "id.resp_p": "4444", "service": "-", "resp_bytes": "0", "resp_pkts": "0",
        "resp_ip_bytes": "0",
    }  # fmt: skip
    rows = [header, *lines, *[",".join(theft[name] for name in names_of)] * 12]
    if not labelled:
        rows = [",".join(row.split(",")[: names_of.index("label")]) for row in rows]
    return written(target, rows)


def test_calibrating_on_the_spot_says_what_it_rests_on(run, bundle, data, tmp_path):
    local = with_a_theft(data(BURSTY), tmp_path / "local.csv", labelled=False)
    plain = run("threshold", bundle, "--calibrate", local, "--contamination", 0, "--json").json
    ran = run("threshold", bundle, "--calibrate", local, "--json")
    assert ran.code == 0
    told = ran.json["calibration"]
    assert (told["flows"], told["contamination"]) == (1386, 0.01)
    assert 5 < told["hours"] < 6
    assert told["from"] < told["to"]
    assert 0 < told["left_out"] <= 13
    assert "192.168.2.66" in [each["host"] for each in told["suspicions"]]
    assert told["smallest_promise"] == 1 / (1386 - told["left_out"] + 1)
    assert 0.01 <= told["at_most"] < 0.0204
    assert sum(each["flows"] for each in told["suspicions"]) <= told["left_out"]
    assert ran.json["promised_false_positive_rate"] == 0.01
    assert ran.json["value"] < plain["value"]
    assert (plain["calibration"]["left_out"], plain["origin"]) == (0, "state 0001")
    assert ran.json["origin"] == "state 0002"
    shown = run("threshold", bundle, "--calibrate", local).out
    assert "smallest promise" in shown
    assert "192.168.2.66 from " in shown
    newest, *_ = StateFolder.of(bundle).thresholds(Bundle.load(bundle))
    assert newest.calibration.n == 1386 - told["left_out"]
    assert "the 1386 flows of local.csv" in newest.on_what


def test_labels_say_which_flows_are_benign_so_none_is_suspected(run, bundle, data, tmp_path):
    local = with_a_theft(data(BURSTY), tmp_path / "local.csv", labelled=True)
    told = run("threshold", bundle, "--calibrate", local, "--json").json["calibration"]
    assert (told["contamination"], told["left_out"], told["at_most"]) == (0, 0, 0.01)
    asked = run("threshold", bundle, "--calibrate", local, "--contamination", 0.01, "--json")
    assert asked.json["calibration"]["left_out"] > 0


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (["--contamination", 0.01], "goes with --calibrate and a promised rate"),
        (["--calibrate", "x.csv", "--percentile", 99, "--contamination", 0.1], "goes with"),
        (["--contamination", 0.5], "A share of 0.5 attacks cannot be allowed for"),
        (["--half-life-hours", 6], "goes with --calibrate and a promised rate"),
        (["--half-life-hours", 0], "A half-life of 0 hours weighs nothing"),
        (["--contamination", "nan"], "A share of nan attacks cannot be allowed for"),
    ],
)
def test_a_share_of_attacks_that_cannot_be_is_refused(run, bundle, data, wish, said):
    if said.startswith(("A share", "A half-life")):
        wish = ["--calibrate", data(LOCAL), *wish]
    ran = run("threshold", bundle, *wish, "--json")
    assert (ran.code, said in ran.err) == (2, True)
    assert names(bundle.parent) == ["B"]


def test_without_calibrating_there_is_nothing_to_say_of_it(run, bundle):
    assert run("threshold", bundle, "--json").json["calibration"] is None


def test_a_half_life_makes_recent_flows_weigh_more_and_says_so(run, bundle, data):
    local = data(BURSTY)
    ran = run("threshold", bundle, "--calibrate", local, "--half-life-hours", 1.5, "--json")
    told = ran.json["calibration"]
    assert told["half_life_hours"] == 1.5
    assert 99 < told["weight"] < told["flows"] - told["left_out"]
    assert ran.json["calibrated_on"].endswith("weighing half as much every 1.5 hours of age")
    shown = run("threshold", bundle, "--calibrate", local, "--half-life-hours", 1.5).out
    assert "weigh as much as" in shown
