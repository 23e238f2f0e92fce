"""Each verb once as people and machines use it: what it prints, and how it ends."""

import pyarrow.parquet as pq
import pytest
from trained import head, names, written

HONEYPOT = "zeek/iot23_honeypot_5-1.csv"
ATTACKED = "zeek/iot23_34-1_conn.log.labeled.gz"


def test_inspect_tells_what_a_file_is(run, data):
    ran = run("inspect", data(ATTACKED), "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["json_format"] == 1
    assert ran.json["format"] == "zeek-tsv"
    assert ran.json["rows"] == ran.json["accepted"] == 23_145
    assert ran.json["rejected"] == {}
    assert ran.json["labels"]["DDoS"] == 14_394
    assert {"schema", "warnings"} <= set(ran.json)
    shown = run("inspect", data(ATTACKED))
    assert "23,145" in shown.out
    assert "DDoS" in shown.out


def test_inspect_of_a_header_alone_warns(run, data, tmp_path):
    source = written(tmp_path / "x.csv", head(data(HONEYPOT), 0))
    ran = run("inspect", source, "--json")
    assert (ran.code, ran.json["rows"]) == (0, 0)
    assert ran.json["warnings"] == ["There is a header and no flow below it."]
    assert run("inspect", source).warnings == ["warning: There is a header and no flow below it."]


def test_inspect_writes_what_was_rejected(run, data, tmp_path):
    source = written(tmp_path / "x.csv", [*head(data(HONEYPOT), 10), "[/a],b"])
    ran = run("inspect", source, "--rejected", tmp_path / "r.csv")
    assert ran.code == 0
    assert "wrong number of fields" in ran.out
    assert (tmp_path / "r.csv").read_text().splitlines()[1].startswith("12,")
    again = run("inspect", source, "--rejected", source)
    assert again.code == 2
    assert "it is the file to be read" in again.problem


def test_inspect_writes_all_that_was_rejected_however_much(run, tmp_path, monkeypatch):
    monkeypatch.setattr("edgeguard_core.sources.base.MOST_REJECTIONS_KEPT", 3)
    source = tmp_path / "x.csv"
    source.write_text("src_ip,dst_ip,src2dst_packets,src2dst_bytes,dst2src_packets,dst2src_bytes\n")
    with source.open("a") as stream:
        stream.writelines(f"10.0.0.1,10.0.0.2,{n},1,1,1\n" for n in range(-20, 2))
    ran = run("inspect", source, "--schema", "flow", "--json", "--rejected", tmp_path / "r.csv")
    assert (ran.code, ran.json["rejected"]) == (0, {"out of range: below 0": 20})
    assert "20 of 22 rows were rejected (20 out of range: below 0)." in ran.json["warnings"]
    rows = (tmp_path / "r.csv").read_text().splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows] == list(range(2, 22))


def test_preprocess_train_evaluate_as_the_documents_do(run, data, tmp_path):
    source = data("zeek/stratosphere_008_conn.log.labeled.gz")
    prepared = run("preprocess", source, "--out", tmp_path / "P", "--json")
    assert prepared.code == 0
    assert prepared.json["format"] == 1
    assert prepared.json["train"] == str(tmp_path / "P" / "train.parquet")
    trained = run(
        "train", prepared.json["train"], "--out", tmp_path / "B", "--zip", "--steps", 5, "--json"
    )
    assert trained.code == 0
    assert trained.json["bundle"] == str(tmp_path / "B.zip")
    judged = run("evaluate", trained.json["bundle"], prepared.json["test"], "--json")
    assert judged.code == 0
    assert judged.json["attacks"] == 4201
    assert names(tmp_path) == ["B.zip", "P"]


def test_train_shows_people_what_was_made(run, data, tmp_path):
    ran = run("train", data("zeek/zat_conn.log"), "--out", tmp_path / "B.zip", "--steps", 5)
    assert ran.code == 0
    assert "288 of 360 benign flows" in ran.out
    assert "dynamic_int8" in ran.out
    assert "warning: No flow is labelled: all are taken as benign." in ran.warnings
    assert (tmp_path / "B.zip").is_file()
    again = run("train", data("zeek/zat_conn.log"), "--out", tmp_path / "B.zip", "--steps", 5)
    assert (again.code, "exists already" in again.problem) == (2, True)


def test_a_word_for_benign_can_be_taught(run, data, tmp_path):
    lines = head(data("cic-ids2017/monday_first_999.csv"), 80)
    source = written(
        tmp_path / "x.csv", [lines[0], *(x.rpartition(",")[0] + ",gut" for x in lines[1:])]
    )
    refused = run("train", source, "--out", tmp_path / "B", "--steps", 5)
    assert refused.code == 2
    assert "'gut'; say which one is benign with --benign WORD" in refused.problem
    taught = run(
        "train", source, "--out", tmp_path / "B", "--steps", 5, "--benign", "gut", "--json"
    )
    assert (taught.code, taught.json["benign"]) == (0, 80)


def test_unlabelled_flows_can_be_taken_as_benign(run, data, tmp_path):
    source = data("zeek/stratosphere_001_labeled-conn.log.gz")
    few = run("train", source, "--out", tmp_path / "B", "--steps", 5)
    assert "9 benign flows are too few" in few.problem
    all_of_them = run(
        "train", source, "--out", tmp_path / "B", "--steps", 5, "--unlabelled-as-benign", "--json"
    )
    assert all_of_them.json["benign"] == 9 + 739


def test_score_writes_a_table_and_counts(run, bundle, data, tmp_path):
    out = tmp_path / "s.parquet"
    ran = run("score", bundle, data(ATTACKED), "--out", out, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert {"flows", "alerts", "rejected", "seconds"} <= set(ran.json)
    assert ran.json["flows"] == pq.read_table(out).num_rows
    shown = run("score", bundle, data(ATTACKED), "--out", out)
    assert f"{ran.json['alerts']:,} (" in shown.out
    assert "from the bundle" in shown.out


def test_evaluate_shows_people_what_counts(run, bundle, data):
    shown = run("evaluate", bundle, data(ATTACKED))
    for told in ("calibrated on", "set at", "realised", "95 % interval"):
        assert told in shown.out
    assert shown.code == 0
    for word in ("ROC AUC", "precision", "recall", "false-alarm rate", "DDoS"):
        assert word in shown.out
    alone = run("evaluate", bundle, data("zeek/iot23_honeypot_4-1.csv"), "--json")
    assert (alone.code, alone.json["roc_auc"]) == (0, None)
    assert "–" in run("evaluate", bundle, data("zeek/iot23_honeypot_4-1.csv")).out
    refused = run("evaluate", bundle, data("zeek/zat_conn.log"), "--json")
    assert (refused.code, "is labelled" in refused.problem) == (2, True)


def test_explain_speaks_of_features(run, bundle, data):
    ran = run("explain", bundle, data(ATTACKED), "--worst", 2, "--top", 3, "--json")
    assert ran.code == 0
    assert [len(flow["features"]) for flow in ran.json["flows"]] == [3, 3]
    row = ran.json["flows"][0]["row"]
    asked = run("explain", bundle, data(ATTACKED), "--row", row, "--json")
    assert [flow["row"] for flow in asked.json["flows"]] == [row]
    assert f"Line {row}: score" in run("explain", bundle, data(ATTACKED), "--row", row).out


def test_convert_makes_a_smaller_bundle(run, bundle, tmp_path):
    ran = run("convert", bundle, "--variant", "int8", "--out", tmp_path / "C", "--json")
    assert ran.code == 0
    assert {"bundle", "variant", "bytes", "parity"} <= set(ran.json)
    assert ran.json["variant"] == "dynamic_int8"
    assert ran.json["bytes"] < (bundle / "model.tflite").stat().st_size
    refused = run("convert", bundle, "--variant", "full_int8", "--out", tmp_path / "D", "--json")
    assert refused.code == 3  # its parity is a gate
    assert "full_int8 does not answer like float32" in refused.problem
    assert names(tmp_path) == ["B", "C"]


def test_bench_measures(run, bundle):
    ran = run("bench", bundle, "--json")
    assert ran.code == 0
    assert ran.json["format"] == 1
    assert ran.json["model_bytes"] == (bundle / "model.tflite").stat().st_size


def test_bundle_show_and_verify(run, bundle):
    shown = run("bundle", "show", bundle, "--json")
    assert (shown.code, shown.json["format"], shown.json["bundle_format"]) == (0, 1, 1)
    assert shown.json["threshold"]["origin"] == "bundle"
    assert "threshold in force" in run("bundle", "show", bundle).out
    verified = run("bundle", "verify", bundle, "--json")
    assert verified.code == 0
    assert "model.tflite" in run("bundle", "verify", bundle).out


def test_schema_lists_shows_and_checks(run, tmp_path):
    listed = run("schema", "list", "--json").json["schemas"]
    assert listed[0]["name"] == "flow"
    shown = run("schema", "show", "cicflowmeter").out
    mine = tmp_path / "mine.yaml"
    mine.write_text(shown)
    checked = run("schema", "check", mine, "--json")
    assert (checked.code, checked.json["valid"]) == (0, True)
    known = next(schema for schema in listed if schema["name"] == "cicflowmeter")
    assert checked.json["fingerprint"] == known["fingerprint"]
    mine.write_text(shown.replace("role: numeric", "role: numbers", 1))
    refused = run("schema", "check", mine)
    assert refused.code == 2
    assert "has role 'numbers'; use one of" in refused.problem


@pytest.mark.parametrize("name", ["nope", "."])
def test_a_schema_that_is_none_is_told(run, name):
    ran = run("schema", "show", name)
    assert (ran.code, "neither a schema (flow, " in ran.problem) == (2, True)


def test_compare_says_how_far_ahead_and_refuses_an_unknown_peer(run, bundle, data):
    shown = run("compare", bundle, "--on", data(ATTACKED), "--with", "iforest", "--alerts", "500")
    assert "At as many alerts" in shown.out
    assert "Ahead of" in shown.out
    found = run(
        "compare", bundle, "--on", data(ATTACKED), "--with", "iforest", "--alerts", "500", "--json"
    ).json
    assert [model["alerts"] <= 500 for model in found["models"]] == [True, True]
    assert set(found["models"][1]["lead_on_first"]) == {"recall", "roc_auc", "average_precision"}
    refused = run("compare", bundle, "--on", data(ATTACKED), "--with", "oracle")
    assert refused.code == 2
    assert "No detector to compare with is called 'oracle'" in refused.err
