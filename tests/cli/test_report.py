"""``edgeguard report``: both twins, its answer, and how it refuses."""

import json

ATTACKED = "zeek/iot23_34-1_conn.log.labeled.gz"


def test_report_writes_a_page_and_its_twin(run, bundle, data, tmp_path):
    out, twin = tmp_path / "r.html", tmp_path / "r.json"
    ran = run(
        "report", bundle, data(ATTACKED), "--out", out, "--json-out", twin,
        "--pseudonyms", "our own key", "--json",
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    told = json.loads(twin.read_text())
    assert ran.json["flows"] == told["summary"]["flows"] == 23_145
    assert ran.json["bytes"] == out.stat().st_size < 2_000_000
    assert ran.json["pseudonyms"] is told["pseudonyms"] is True
    assert out.read_text().startswith("<!DOCTYPE html>")
    assert "192.168." not in out.read_text() + twin.read_text()
    shown = run("report", bundle, data(ATTACKED), "--out", out, "--section", "summary")
    assert "23,145" in shown.out
    assert "192.168." not in out.read_text()  # no incident is listed


def test_report_without_labels_ends_well(run, bundle, data, tmp_path):
    out = tmp_path / "r.html"
    ran = run("report", bundle, data("zeek/zat_conn.log"), "--out", out, "--json")
    assert ran.code == 0
    assert "no labels" in out.read_text()


def test_report_refuses_what_it_cannot_do(run, bundle, data, tmp_path):
    source, out = data(ATTACKED), tmp_path / "r.html"
    short = run("report", bundle, source, "--out", out, "--pseudonyms", "short", "--json")
    assert (short.code, "at least 8" in short.problem) == (2, True)
    section = run("report", bundle, source, "--out", out, "--section", "colour")
    assert (section.code, "'colour'" in section.problem) == (2, True)
    inside = run("report", bundle, source, "--out", bundle / "r.html")
    assert (inside.code, "lies in bundle" in inside.problem) == (2, True)
    gone = run("report", bundle, tmp_path / "none.log", "--out", out)
    assert gone.code == 2
    reviews = run("report", bundle, source, "--out", out, "--reviews", tmp_path / "none.sqlite")
    assert (reviews.code, "is not there" in reviews.problem) == (2, True)
    assert not out.exists()
