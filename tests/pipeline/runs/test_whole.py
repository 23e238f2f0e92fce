"""Whole runs on real flows: one ends in a champion, and bad data and worse models are refused."""

import json

import numpy as np
import pytest
from support import data
from trained import names

from edgeguard_core.bundle import Bundle
from edgeguard_core.clock import SystemClock
from edgeguard_core.errors import GateRefused, OutputError, SourceError
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.runs import (
    STAGES,
    list_runs,
    load_config,
    open_run,
    read_run,
    run_stage,
)

REUSABLE = {"validate", "transform", "train", "convert"}
NARROW = ["duration", "wrong_fragment", "urgent"]


def gates_of(result):
    return [refusal.gate for refusal in result.refusals]


def statuses(result):
    return {outcome.stage: outcome.status for outcome in result.outcomes}


def kdd(world):
    """The rows of a world's file, in cells."""
    return [line.split(",") for line in (world.folder / "flows.txt").read_text().splitlines()]


def rewrite(world, rows):
    (world.folder / "flows.txt").write_text("\n".join(map(",".join, rows)) + "\n")


def test_a_run_on_nsl_kdd_ends_in_a_champion(champion):
    world, result = champion
    assert statuses(result) == dict.fromkeys(STAGES, "done")
    leading = Registry(world.registry).champion()
    assert leading is not None
    assert (leading.number, leading.run_id) == (1, "first")
    assert leading.metrics["roc_auc"] > 0.7
    assert leading.metrics["held_out_false_alarms"]["rate"] < 0.02
    found = read_run(world.artifacts, "first")
    assert (found.status, found.version, found.is_champion) == ("done", 1, True)
    assert found.figures["roc_auc"] == leading.metrics["roc_auc"]
    assert [run.run_id for run in list_runs(world.artifacts)] == ["first"]


def test_the_folder_of_a_run_holds_what_it_is_made_of(champion):
    world, result = champion
    folder = result.run.folder.path
    assert {*STAGES, "outcomes", "run.json", "config.yaml", "metrics.json", "lineage.json"} <= set(
        names(folder)
    )
    assert (folder / "config.yaml").read_text() == world.config().read_text()
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["stage"] for line in lines if line["event"] == "done"] == list(STAGES)
    assert len((folder / "log.txt").read_text().splitlines()) == len(lines)
    bundle = Bundle.load(folder / "convert" / "bundle")
    (source,) = bundle.manifest.data["files"]
    assert source["name"] == "flows.txt"
    assert bundle.sums_sha256 == Registry(world.registry).version(1).fingerprint


def test_the_lineage_says_which_input_made_which_output(champion):
    _, result = champion
    lineage = json.loads((result.run.folder.path / "lineage.json").read_text())
    assert list(lineage["stages"]) == list(STAGES)
    assert len(lineage["code"]["sha256"]) == 64
    made = lineage["stages"]
    for name in STAGES:
        for need, identity in made[name]["inputs"]["before"].items():
            assert identity == made[need]["identity"]
    assert made["transform"]["outputs"].keys() >= {"held_out.parquet", "test.parquet"}
    assert made["train"]["inputs"]["settings"] == {"train.steps": 60}


def test_no_flow_of_the_held_out_part_is_trained_on(champion):
    import pyarrow.parquet as pq

    _, result = champion
    folder = result.run.folder.path / "transform"
    (train,) = (folder / "train").iterdir()
    fitted, held_out, tested = (
        pq.read_table(path)
        for path in (train, folder / "held_out.parquet", folder / "test.parquet")
    )
    rows = len(kdd(champion[0]))
    assert fitted.num_rows + tested.num_rows == rows
    assert held_out.num_rows == pytest.approx((fitted.num_rows + held_out.num_rows) / 5, abs=1)
    assert held_out.num_rows < tested.num_rows  # the attacks are tested, too


def test_the_same_run_again_skips_every_stage(champion):
    world, _ = champion
    before = Registry(world.registry).history()
    assert statuses(world.run("first")) == dict.fromkeys(STAGES, "skipped")
    assert Registry(world.registry).history() == before


def test_another_run_takes_over_what_is_unchanged(world):
    result = world.run("second")
    found = statuses(result)
    assert {name for name, status in found.items() if status == "reused"} >= REUSABLE
    assert found["drift"] == found["evaluate"] == found["register"] == "done"
    assert not read_run(world.artifacts, "second").artifact("drift").drifted
    assert [version.number for version in Registry(world.registry).versions()] == [1]


def test_a_touched_limit_is_judged_again_without_work(world):
    tight = {"gates": {"edge_budget": {"most_kilobytes": 1.0}}}
    result = world.run("first", **tight)
    assert statuses(result)["train"] == "skipped"
    assert gates_of(result) == ["edge_budget"]
    with pytest.raises(GateRefused, match=r"Run first: \[edge_budget\] Too much for the box"):
        result.require()
    assert read_run(world.artifacts, "first").status == "refused"


def test_damaged_files_of_a_stage_are_made_again(world):
    (world.artifacts / "first" / "transform" / "test.parquet").write_bytes(b"half")
    found = statuses(world.run("first", names=STAGES[:4]))
    assert (found["validate"], found["transform"]) == ("skipped", "done")


def test_attacks_among_the_benign_flows_are_refused(world):
    rows = kdd(world)
    flood = [row for row in rows if row[41] == "neptune"]
    rewrite(world, rows + [[*row[:41], "normal", row[42]] for row in flood[:300]])
    result = world.run("poisoned")
    assert (result.outcomes[-1].stage, gates_of(result)) == ("validate", ["contamination"])
    assert "look like an attack" in result.refusals[0].sentence
    assert len(Registry(world.registry).versions()) == 1
    with pytest.raises(GateRefused, match="was refused at validate"):
        run_stage(result.run, "register")


def test_a_shifted_capture_is_refused(world):
    rows = kdd(world)
    rng = np.random.default_rng(0)
    for row in rows:
        for at in (0, 4, 5, 22, 23, 31, 32):  # durations, bytes and counts
            row[at] = str(min(float(row[at]) * 8 + rng.integers(1, 9), 255 if at > 30 else 1e9))
        row[2], row[3] = "http", "SF"
    rewrite(world, rows)
    result = world.run("shifted", gates={"drift": {"most_drifted_share": 0.1}})
    assert result.outcomes[-1].stage == "drift"
    assert "drift" in gates_of(result)


def test_a_renamed_column_is_refused_and_named(empty):
    lines = data("zeek/iot23_honeypot_5-1.csv").read_text().splitlines()
    assert "orig_ip_bytes" in lines[0]
    lines[0] = lines[0].replace("orig_ip_bytes", "bytes_sent")
    result = empty(lines, "conn.csv").run("renamed")
    assert (result.outcomes[-1].stage, gates_of(result)) == ("validate", ["schema"])
    assert "src2dst_bytes" in result.refusals[0].sentence
    assert "bytes_sent" in result.refusals[0].sentence


def test_mostly_broken_rows_are_refused_with_their_figures(empty):
    lines = data("zeek/iot23_honeypot_5-1.csv").read_text().splitlines()
    at = lines[0].split(",").index("orig_pkts")
    rows = [line.split(",") for line in lines]
    for row in rows[1::3]:
        row[at] = "-7"
    result = empty([",".join(row) for row in rows], "conn.csv").run("broken")
    assert gates_of(result) == ["schema"]
    assert "of the 1,374 rows break schema 'flow'" in result.refusals[0].sentence


def test_a_worse_model_is_refused_unless_somebody_accepts_it(world):
    columns = read_run(world.artifacts, "first").artifact("train").figures
    assert columns
    features = Bundle.load(world.artifacts / "first/convert/bundle").schema.features
    train = {"leave_out": [name for name in features if name not in NARROW]}
    result = world.run("worse", train=train)
    assert result.outcomes[-1].stage == "evaluate"
    assert "champion" in gates_of(result)
    assert "worse than champion 1 on the same flows: behind by" in result.outcomes[-1].message
    assert len(Registry(world.registry).versions()) == 1

    said = "only to compare two models"
    accept = dict.fromkeys(gates_of(result), said)
    result = world.run("worse", train=train, accept=accept)
    assert statuses(result)["evaluate"] == "skipped"
    assert statuses(result)["register"] == "done"
    registry = Registry(world.registry)
    assert (registry.champion().number, registry.candidate().number) == (1, 2)
    assert f": {said}" in registry.version(2).note
    found = read_run(world.artifacts, "worse")
    assert [each.because for each in found.accepted] == [said] * len(accept)
    assert registry.history()[-1].why == registry.version(2).note


def test_one_run_has_one_worker(world):
    run = open_run(load_config(world.config()), "first")
    kept = run.folder.path / "config.yaml"
    before = kept.read_text()
    with (
        run.folder.worked_on(SystemClock()),
        pytest.raises(OutputError, match="first is being worked on"),
    ):
        run_stage(open_run(load_config(world.config(promote="never")), "first"), "ingest")
    assert kept.read_text() == before
    run_stage(open_run(load_config(world.config(promote="never")), "first"), "ingest")
    assert "promote: never" in kept.read_text()


def test_stages_run_in_their_order_only(world):
    run = open_run(load_config(world.config()), "alone")
    with pytest.raises(Exception, match="Stage ingest has not run in run alone"):
        run_stage(run, "validate")
    assert read_run(world.artifacts, "alone").status == "failed"
    with pytest.raises(Exception, match="No stage is called 'trian'; did you mean train"):
        run_stage(run, "trian")
    with pytest.raises(SourceError, match="There is no run 'none'"):
        read_run(world.artifacts, "none")
