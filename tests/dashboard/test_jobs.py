"""Jobs: progress from files, cancelling, killing, and finding a job again."""

import json
import sys
import time
from collections.abc import Callable

import pytest
from dashboard_app import PATIENCE_S

from dashboard import jobs, workspace
from dashboard.components import running
from dashboard.job_progress import Reported
from edgeguard_core.errors import EdgeGuardError


def plan(name: str, verb: str = "score") -> jobs.Plan:
    made = jobs.Plan(verb, workspace.new_id(), f"Work on {name}")
    return made.step(verb, "bundle", name, "--out", str(made.folder / "scores.parquet"))


def until(job: jobs.Job, stage: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while jobs.status(job).stage != stage:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_finished_job_tells_what_each_step_answered() -> None:
    job = jobs.start(plan("office.csv"))
    now = jobs.wait(job, PATIENCE_S)
    assert now.state is jobs.State.DONE
    assert now.results[0]["flows"] == 400
    assert now.done == 1.0
    assert now.error is None


def test_a_cancelled_job_stops_and_stays_cancelled() -> None:
    job = jobs.start(plan("slow.csv"))
    until(job, "score")
    jobs.cancel(job)
    assert jobs.wait(job, PATIENCE_S).state is jobs.State.CANCELLED
    jobs.cancel(job)
    assert jobs.status(job).state is jobs.State.CANCELLED


def test_a_job_that_ignores_the_request_is_killed_after_the_grace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = jobs.start(plan("stubborn.csv"))
    until(job, "train")
    monkeypatch.setattr(jobs, "GRACE_SECONDS", 0.5)
    jobs.cancel(job)
    assert jobs.status(job).state is jobs.State.CANCELLING
    assert jobs.wait(job, PATIENCE_S).state is jobs.State.CANCELLED


@pytest.mark.parametrize("name", ["slow.csv", "stubborn.csv"])
def test_what_a_cancelled_job_had_made_is_deleted(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundles = workspace.room("bundles")
    made = plan(name)
    made.facts["made"] = str(bundles / "mine")
    # What a first step has finished, what a killed one leaves half-written, and a neighbour.
    for folder in ("mine", ".mine.x1y2", "mine-2"):
        (bundles / folder).mkdir()
    job = jobs.start(made)
    until(job, "train" if "stubborn" in name else "score")
    monkeypatch.setattr(jobs, "GRACE_SECONDS", 0.5)
    jobs.cancel(job)
    jobs.wait(job, PATIENCE_S)
    eventually(lambda: [path.name for path in bundles.iterdir()] == ["mine-2"])


def test_what_a_finished_or_failed_job_made_stays() -> None:
    for name, ends in (("office.csv", jobs.State.DONE), ("unscored.csv", jobs.State.FAILED)):
        made = plan(name)
        bundle = workspace.room("bundles") / name
        bundle.mkdir()
        made.facts["made"] = str(bundle)
        job = jobs.start(made)
        assert jobs.wait(job, PATIENCE_S).state is ends
        jobs.cancel(job)
        jobs.kill(job)
        assert bundle.exists()


def test_a_job_of_an_earlier_server_is_found_alive_and_can_be_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = jobs.start(plan("slow.csv"))
    until(job, "score")
    children = dict(jobs._children)
    jobs._children.clear()
    try:
        found = jobs.running("score")
        assert found == job
        jobs.cancel(job)
    finally:
        jobs._children.update(children)
    assert jobs.wait(job, PATIENCE_S).state is jobs.State.CANCELLED


def test_a_process_number_that_was_given_away_is_not_ours() -> None:
    job = jobs.start(plan("office.csv"))
    jobs.wait(job, PATIENCE_S)
    del jobs._children[job.id]
    (job.folder / "finished.json").unlink()
    facts = {"pid": 1, "started": "long ago"}
    (job.folder / "process.json").write_text(json.dumps(facts))
    now = jobs.status(job)
    assert now.state is jobs.State.FAILED
    assert now.error is None


def test_a_refusal_keeps_the_last_line_and_loses_its_mark() -> None:
    made = jobs.Plan("learn", workspace.new_id(), "Learn").step("train", "refused.csv")
    now = jobs.wait(jobs.start(made), PATIENCE_S)
    assert now.state is jobs.State.FAILED
    assert now.error == "Only 12 benign rows; 50 are needed, so give it more of them."


def test_a_crash_has_no_sentence_for_people() -> None:
    made = jobs.Plan("learn", workspace.new_id(), "Learn").step("train", "bug.csv")
    now = jobs.wait(jobs.start(made), PATIENCE_S)
    assert now.state is jobs.State.FAILED
    assert now.error is None


def test_the_second_step_waits_for_the_first(tmp_path: object) -> None:
    made = jobs.Plan("learn", workspace.new_id(), "Learn")
    made.step("train", "refused.csv", "--out", "nowhere").step("score", "nowhere", "refused.csv")
    job = jobs.start(made)
    now = jobs.wait(job, PATIENCE_S)
    assert now.step == 0
    assert not (job.folder / "out-1.json").exists()


def test_a_line_being_written_is_no_trouble() -> None:
    job = jobs.start(plan("office.csv"))
    jobs.wait(job, PATIENCE_S)
    with (job.folder / "progress-0.jsonl").open("a") as file:
        file.write('[1]\n{"stage": "sco')
    assert jobs.status(job).stage == "done"


def test_asking_gives_the_answer_or_the_sentence() -> None:
    assert jobs.ask("explain", "bundle", "office.csv", "--row", "7")["flows"][0]["row"] == 7
    with pytest.raises(EdgeGuardError, match="no known format"):
        jobs.ask("inspect", "unknown.csv")
    with pytest.raises(RuntimeError, match="exited 1"):
        jobs.ask("train", "bug.csv")


def test_names_from_outside_lead_nowhere() -> None:
    assert jobs.find("../../etc") is None
    assert jobs.find(None) is None
    assert jobs.find("00000000") is None


def test_the_bar_never_goes_back() -> None:
    job = jobs.Job("0" * 8, "learn", "", "", "", ((), ()), {})
    reports = [
        (0, "", 0.0), (0, "read", 0.5), (0, "read", 1.0), (0, "train", 0.0), (0, "train", 1.0),
        (0, "convert", 0.0), (0, "convert", 0.67), (0, "calibrate", 0.0), (0, "calibrate", 0.67),
        (0, "write", 0.0), (0, "done", 1.0), (1, "", 0.0), (1, "score", 0.5), (1, "done", 1.0),
    ]  # fmt: skip
    shares = [
        running.fraction(job, jobs.Status(jobs.State.RUNNING, step, Reported(stage, done)))
        for step, stage, done in reports
    ]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_jobs_give_way_to_the_page() -> None:
    from dashboard import worker

    assert worker.LOWER_PRIORITY > 0
    assert jobs.COMMAND[0] == sys.executable
