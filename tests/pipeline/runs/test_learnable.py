"""Verdicts in a run: who is learned, who is not, what is told, and what becomes stale."""

import gzip
import json
from datetime import UTC, datetime

import numpy as np
import pytest
from support import data

from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector
from edgeguard_core.detection.feedback import Feedback, Judgement, write_feedback
from edgeguard_core.detection.review import JudgedFlow, Verdict
from edgeguard_core.files import sha256_hex
from edgeguard_core.pipeline.judge import score_all
from edgeguard_core.pipeline.progress import silent
from edgeguard_core.pipeline.runs import ConfigError, load_config
from edgeguard_core.pipeline.runs.data_stages import transform, validate
from edgeguard_core.pipeline.runs.learnable import Said
from edgeguard_core.pipeline.verdicts import Verdicts
from edgeguard_core.sources import read_flows

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HONEYPOT, SCAN = "iot23_honeypot_5-1.csv", "scan.json"
WIDE = {
    "benign_rows": {"least_rows": 10},
    "champion": {"most_behind": 1},
    "false_alarms": {"most_times_promised": 100},
    "contamination": {"most_suspected_share": 1},
    "drift": {"most_drifted_share": 1},
}


def said(path, **rows):
    """Feedback of ann about lines of a file, by verdict."""
    words = {"true": Verdict.TRUE, "false": Verdict.FALSE, "known": Verdict.KNOWN}
    digest = sha256_hex(path)
    judgements = tuple(
        Judgement(JudgedFlow(digest, int(row), "", None), words[word], "ann", NOON, "nightly")
        for word, listed in rows.items()
        for row in listed
    )
    return Feedback(path.name, digest, judgements, NOON)


@pytest.fixture
def scan(tmp_path):
    """The first flows of a real Nmap scan, which nobody labelled."""
    path = tmp_path / SCAN
    with gzip.open(data("zeek/stratosphere_002_portscan_conn_json.log.gz"), "rt") as stream:
        path.write_text("".join(next(stream) for _ in range(600)))
    return path


@pytest.fixture
def honeypot(tmp_path):
    """Real benign traffic whose labels were taken out: nobody judged a flow of it."""
    lines = data(f"zeek/{HONEYPOT}").read_text().splitlines()
    at = lines[0].split(",").index("label")
    rows = [line.split(",") for line in lines]
    path = tmp_path / HONEYPOT
    path.write_text(
        "".join(",".join(x for n, x in enumerate(row) if n != at) + "\n" for row in rows)
    )
    assert not read_flows([path])[0].is_benign.any()
    return path


@pytest.fixture
def parts(tmp_path):
    """What ``transform`` makes of some files and verdicts: the artifact, and lines of each part."""

    def parts(files, feedback, extra=""):
        config = tmp_path / "p.yaml"
        config.write_text(f"data: {[str(path) for path in files]}\n{extra}")
        verdicts = Said(Verdicts.of(feedback), tuple(sha256_hex(path) for path in files))
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        out.mkdir()
        return transform(load_config(config), files, out, silent, verdicts), out

    return parts


def times(paths):
    """When each flow of some Parquet files was seen, in milliseconds, which stands for it."""
    flows = read_flows(paths)[0] if paths else None
    return set() if flows is None else set(flows.time_ms.tolist())


def test_each_verdict_gives_its_flow_a_place(honeypot, parts):
    flows, _ = read_flows([honeypot])
    alone = [t for t in flows.time_ms if (flows.time_ms == t).sum() == 1]
    order = flows.line[np.argsort(flows.time_ms)]
    single = [line for line in order if flows.time_ms[flows.line == line][0] in alone]
    early, late = single[10:20], single[-10:]
    feedback = said(
        honeypot,
        true=[early[0], late[0]],
        false=[early[1], late[1]],
        known=[early[2], late[2]],
    )
    when = {line: flows.time_ms[flows.line == line][0] for line in [*early, *late]}
    found, out = parts([honeypot], [feedback], "read: {unlabelled_as_benign: true}")
    learned, held_out = times([out / found.train[0]]), times([out / found.held_out])
    tested = times([out / found.test])
    # Judged true: in no part that is learned from or that measures the promise.
    for line in (early[0], late[0]):
        assert when[line] not in learned | held_out
        assert when[line] in tested
    # Known benign: fitted, also where its time would hold it out.
    record = {r.item() for r in np.array(found.always[found.train[0].split("/")[1]])}
    table, _ = read_flows([out / found.train[0]])
    assert {when[early[2]], when[late[2]]} == {table.time_ms[r - 1] for r in record}
    assert when[late[2]] not in held_out
    # False: stays where its time puts it, and is not fitted.
    (unfitted,) = found.never[found.train[0].split("/")[1]]
    assert table.time_ms[unfitted - 1] == when[early[1]]
    assert when[late[1]] in held_out
    assert found.feedback == {
        "by": {"ann": {"false": 2, "known benign": 2, "true": 2}},
        "fitted": 2, "benign_not_fitted": 2, "never_learned": 2, "contradicted": 0,
    }  # fmt: skip
    assert found.told == [
        "Verdicts of ann (2 false, 2 known benign, 2 true): 2 flows are fitted, 2 flows count as "
        "benign and are not fitted, 2 flows are never learned."
    ]
    assert "by" not in found.origin["feedback"]


def test_the_switches_say_what_verdicts_may_do(honeypot, parts):
    feedback = said(honeypot, false=[20, 21], known=[30, 31, 32])
    swapped = "feedback: {learn_known_benign: false, learn_false_positives: true}"
    found, _ = parts([honeypot], [feedback], swapped)
    assert (found.feedback["fitted"], found.feedback["benign_not_fitted"]) == (2, 3)
    assert sum(map(len, found.always.values())) == 2
    nothing, _ = parts([honeypot], [])
    assert nothing.feedback == {}
    assert nothing.told == []
    assert nothing.always == nothing.never == {}
    assert nothing.train_flows + nothing.held_out_flows == 1374
    assert found.train_flows + found.held_out_flows == 1374


def test_who_is_vouched_for_is_not_left_out_and_the_rest_of_a_scan_is(
    honeypot, scan, parts, tmp_path
):
    alone, _ = parts([honeypot, scan], [])
    left_out = 1374 + 600 - alone.train_flows - alone.held_out_flows
    assert left_out > 100
    flows, _ = read_flows([scan])
    # Half of the scan is judged true: the other half shows its sign all the same.
    half, _ = parts([honeypot, scan], [said(scan, true=flows.line[::2])])
    assert 1374 + 600 - half.train_flows - half.held_out_flows >= left_out
    vouched, _ = parts([honeypot, scan], [said(scan, known=flows.line)])
    assert vouched.train_flows + vouched.held_out_flows == 1374 + 600
    assert any("look like an attack" in warning for warning in vouched.warnings)

    config = tmp_path / "p.yaml"
    files = [honeypot, scan]
    digests = tuple(map(sha256_hex, files))
    found = {}
    for name, feedback in {
        "nobody": [],
        "vouched": [said(scan, known=flows.line)],
        "true": [said(scan, true=flows.line)],
    }.items():
        (tmp_path / name).mkdir()
        verdicts = Said(Verdicts.of(feedback), digests)
        found[name] = validate(load_config(config), files, tmp_path / name, silent, verdicts)
    assert found["nobody"].suspected >= left_out
    assert (found["vouched"].suspected, found["vouched"].left_out) == (0, 0)
    assert found["vouched"].vouched == found["nobody"].suspected
    (told,) = found["vouched"].for_log
    assert told.startswith(f"{found['nobody'].suspected:,} of the flows that look like an attack")
    assert found["nobody"].for_log == found["true"].for_log == []
    assert (found["true"].suspected, found["true"].normal) == (0, 1374)


def test_a_label_that_contradicts_is_told_and_neither_is_learned(parts):
    path = data("zeek/stratosphere_008_conn.log.labeled.gz")
    flows, _ = read_flows([path])
    attack, benign = flows.line[flows.is_attack][:3], flows.line[flows.is_benign][:2]
    plain, _ = parts([path], [])
    found, _ = parts([path], [said(path, known=attack, true=benign)])
    assert found.feedback["contradicted"] == 5
    assert found.feedback["fitted"] == found.feedback["never_learned"] == 0
    assert found.train_flows + found.held_out_flows == plain.train_flows + plain.held_out_flows - 2
    assert any("3 flows judged known benign are labelled an attack" in w for w in found.warnings)
    assert any("2 flows judged true are labelled benign" in w for w in found.warnings)


def alerts(world, run_id, path):
    """Lines of a file on which the bundle of a run alerts."""
    detector = Detector(Bundle.load(world.artifacts / run_id / "convert" / "bundle"))
    found = score_all(detector, [path])
    return set(found.lines[detector.threshold.alerts(found.scores)].tolist())


def test_alerts_judged_known_benign_end_with_the_next_training(empty, scan):
    world = empty([], "unused.csv")
    world.base.update(
        data=[str(data(f"zeek/{HONEYPOT}")), str(scan)],
        train={"steps": 300},
        gates={**world.base["gates"], **WIDE},
    )
    world.run("before")
    before = alerts(world, "before", scan)
    assert len(before) > 500
    judged = sorted(before)[::20]
    write_feedback(world.folder / "scan.feedback.jsonl", said(scan, known=judged))
    use = {"feedback": {"files": ["scan.feedback.jsonl"]}}
    result = world.run("with", **use)
    assert [outcome.status for outcome in result.outcomes] == ["done"] * 8
    assert len(alerts(world, "with", scan) & set(judged)) <= len(judged) // 10
    # Without the feedback the next training knows nothing of it.
    world.run("without", train={"steps": 300, "seed": 1})
    assert len(alerts(world, "without", scan) & set(judged)) > len(judged) // 2

    folder = world.artifacts / "with"
    lineage = json.loads((folder / "lineage.json").read_text())
    assert lineage["feedback"]["by"] == {"ann": {"known benign": len(judged)}}
    log = (folder / "log.txt").read_text()
    assert f"Verdicts of ann ({len(judged)} known benign): {len(judged)} flows are fitted." in log
    kept = Bundle.load(folder / "convert" / "bundle").manifest.data["feedback"]
    assert kept["fitted"] == len(judged)
    assert "ann" not in (folder / "convert" / "bundle" / "manifest.json").read_text()


def statuses(result):
    return {outcome.stage: outcome.status for outcome in result.outcomes}


def test_only_what_depends_on_the_feedback_becomes_stale(world):
    flows = world.folder / "flows.txt"
    path = write_feedback_of(world, said(flows, true=[3]))
    use = {"feedback": {"files": [path.name]}}
    stages = ("ingest", "validate", "transform")
    assert set(statuses(world.run("f", names=stages[:2], **use)).values()) == {"done"}
    world.run("f", names=("drift", "transform"), **use)
    again = statuses(world.run("f", names=(*stages[:2], "drift", "transform"), **use))
    assert set(again.values()) == {"skipped"}
    # Another switch concerns the parts alone.
    use["feedback"]["learn_false_positives"] = True
    found = statuses(world.run("f", names=(*stages[:2], "drift", "transform"), **use))
    assert found == {**again, "transform": "done"}
    # A file that was moved says the same.
    moved = path.rename(world.folder / "moved.feedback.jsonl")
    use["feedback"]["files"] = [moved.name]
    found = statuses(world.run("f", names=(*stages[:2], "drift", "transform"), **use))
    assert found == {**again, "ingest": "done"}
    # Another verdict is another training.
    write_feedback(moved, said(flows, true=[3, 4]))
    found = statuses(world.run("f", names=(*stages[:2], "drift", "transform"), **use))
    assert set(found.values()) == {"done"}


def write_feedback_of(world, feedback):
    path = world.folder / "kdd.feedback.jsonl"
    write_feedback(path, feedback)
    return path


def test_feedback_on_another_file_or_damaged_is_refused_with_its_line(world):
    flows = world.folder / "flows.txt"
    path = write_feedback_of(world, said(flows, true=[3]))
    flows.write_text(flows.read_text() + "\n")
    with pytest.raises(ConfigError) as problem:
        world.run("f", names=("ingest",), feedback={"files": [path.name]})
    (sentence,) = problem.value.problems
    assert "pipeline.yaml line " in sentence
    assert "feedback.files:" in sentence
    assert "judges flows.txt (SHA-256 " in sentence
    assert "which is none of the 1 files under data and evaluation" in sentence
    path.write_text(path.read_text().replace('"true"', '"false"'))
    with pytest.raises(ConfigError, match="its verdicts are not as they were written"):
        world.run("f", names=("ingest",), feedback={"files": [path.name]})
    path.unlink()
    with pytest.raises(ConfigError, match=r"feedback\.files: there is no .*kdd\.feedback"):
        world.run("f", names=("ingest",), feedback={"files": [path.name]})
