"""Results on the Data page: judged anew, one number on all pages, and an unknown network."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from dashboard_app import APP, PATIENCE_S, finish, said
from streamlit.testing.v1 import AppTest

from dashboard import evaluations, jobs, wording, workspace
from dashboard.components import unknown_network
from dashboard.keys import ContextKey, Key
from dashboard.wording import data as words
from edgeguard_core.bundle import Bundle
from edgeguard_core.thresholds.choose import fixed

Upload = Callable[..., AppTest]


def scored(given: workspace.GivenFile, *, labels: bool = True) -> evaluations.Reference:
    """A finished job of the demo's scores, by a bundle that is a copy of the demo's."""
    demo = evaluations.find("demo")
    bundle = workspace.room("bundles") / "office"
    if not bundle.exists():
        shutil.copytree(demo.bundle, bundle)
    job_id = workspace.new_id()
    folder = workspace.room("jobs") / job_id
    folder.mkdir()
    table = pq.read_table(demo.scores)
    table = table if labels else table.drop_columns(["label", "class"])
    pq.write_table(table, folder / "scores.parquet")
    facts = {"bundle": str(bundle), "scores": str(folder / "scores.parquet")}
    told = {"kind": "score", "file_id": given.id, "title": "Score", "steps": [["score"]],
            "created": "2099-01-01T00:00:00+00:00", "facts": facts}  # fmt: skip
    (folder / "job.json").write_text(json.dumps(told))
    used = Bundle.load(bundle).threshold.to_json() | {"origin": "bundle"}
    (folder / "out-0.json").write_text(json.dumps({"threshold": used, "warnings": []}))
    (folder / "finished.json").write_text(json.dumps({"status": 0, "step": 0}))
    found = evaluations.find(job_id)
    assert found is not None
    return found


@pytest.fixture
def office(upload: Upload) -> tuple[AppTest, evaluations.Reference]:
    """The Data page with an own scored file, opened."""
    app = upload("office.csv")
    (given,) = workspace.files()
    reference = scored(given)
    return app.run(), reference


def alerts_said(app: AppTest) -> str:
    return next(md.value.split("**")[1] for md in app.markdown if " among 13,397 flows" in md.value)


def chip(app: AppTest) -> str:
    """What the bar of the pages that look at an evaluation says."""
    script = (
        "from dashboard import state\n"
        "from dashboard.components import context_bar\n"
        "state.keep_in_address()\n"
        "context_bar.show()\n"
    )
    page = AppTest.from_string(script, default_timeout=PATIENCE_S)
    for name in ("evaluation", "t"):
        if name in app.query_params:
            value = app.query_params[name]
            page.query_params[name] = value if isinstance(value, str) else value[0]
    page.run()
    assert not page.exception
    return said(page)


def test_one_number_on_all_pages_at_a_threshold_that_is_tried(office) -> None:
    app, reference = office
    assert not app.exception
    assert app.session_state[ContextKey.EVALUATION] == reference.id
    assert "judged anew" not in said(app)
    before = alerts_said(app)
    app.session_state[ContextKey.THRESHOLD] = 4.0
    app.run()
    found = evaluations.load(reference)
    wanted = wording.plural(found.counts(fixed(4.0)).alerts, "alert")
    assert alerts_said(app) == wanted != before
    assert "the one that you try" in said(app)
    assert wanted in chip(app)
    worst = next(frame.value for frame in app.dataframe if "score" in frame.value)
    assert (worst["is_alert"] == (worst["score"] >= 4.0)).all()
    app.switch_page("views/overview.py").run()
    assert alerts_said(app) == wanted


def test_a_saved_threshold_judges_history_anew_and_says_by_whom(office) -> None:
    app, reference = office
    reference.state.add(
        Bundle.load(reference.bundle), fixed(5.0), who="ann", why="quiet nights",
        when=datetime(2026, 1, 2, tzinfo=UTC), on_what="",
    )  # fmt: skip
    app.run()
    wanted = wording.plural(evaluations.load(reference).counts(fixed(5.0)).alerts, "alert")
    assert alerts_said(app) == wanted
    assert "in force now (state 0001, made here)" in said(app)
    assert "Set by ann on 2026-01-02 00:00: quiet nights." in said(app)
    assert wanted in chip(app)


def test_times_hosts_and_ways_on_are_there(office) -> None:
    app, reference = office
    text = said(app)
    assert "Alerts over time" in text
    assert "a bar is" in text
    assert [frame for frame in app.dataframe if "host" in frame.value]
    assert "Incidents" in text
    app.button(key=Key.OPEN_STUDIO).click().run()
    assert app.title[0].value == "Threshold"
    assert app.session_state[ContextKey.EVALUATION] == reference.id


def test_a_file_without_times_and_addresses_says_what_is_missing(upload: Upload) -> None:
    app = upload("office.csv")
    app.button(key=Key.LEARN).click().run()
    finish()
    app.run()
    assert not app.exception
    assert words.NO_TIMES in said(app)
    assert "The bundle of these scores is gone or damaged" in said(app)


def unlabelled(upload: Upload, name: str) -> tuple[AppTest, evaluations.Reference]:
    app = upload(name)
    (given,) = workspace.files()
    reference = scored(given, labels=False)
    app.session_state[ContextKey.EVALUATION] = reference.id
    app.session_state[ContextKey.THRESHOLD] = 0.5
    return app.run(), reference


def test_an_unknown_network_can_be_calibrated(upload: Upload) -> None:
    app, reference = unlabelled(upload, "nolabels.csv")
    assert "This bundle does not know this network" in said(app)
    app.toggle(key=Key.CALIBRATE_OPEN).set_value(True).run()
    assert words.CALIBRATE_UNLABELLED in said(app)
    app.text_input(key=Key.CALIBRATE_WHO).set_value("ann")
    app.button(key=Key.CALIBRATE).click().run()
    job = next(job for job in jobs.all_jobs() if job.kind == "calibrate")
    choose, score = job.steps
    assert "--who=ann" in choose
    assert f"--why={words.CALIBRATE_ASKED}" in choose
    assert choose[choose.index("--fpr") + 1] == "0.01"
    assert score[score.index("--state") + 1] == choose[choose.index("--state") + 1]
    assert str(reference.bundle) in choose
    assert jobs.wait(job, PATIENCE_S).state is jobs.State.DONE
    assert evaluations.of_job(job) is not None


def test_a_calibration_that_is_refused_says_why(upload: Upload) -> None:
    _, reference = unlabelled(upload, "refused-nolabels.csv")
    (given,) = workspace.files()
    job = unknown_network.calibrate(given, reference.bundle, 0.01, "", "")
    assert not any(word.startswith("--who") for word in job.steps[0])
    told = jobs.wait(job, PATIENCE_S)
    assert told.state is jobs.State.FAILED
    assert told.error == "Only 12 benign rows; 50 are needed, so give it more of them."


def test_a_file_that_vanished_is_told(upload: Upload) -> None:
    app = upload("office.csv")
    (given,) = workspace.files()
    shutil.rmtree(given.folder)
    app.run()
    assert not app.exception
    assert words.FILE_GONE in said(app)
    assert app.file_uploader


def test_what_was_read_and_deleted_is_read_again(upload: Upload) -> None:
    app = upload("office.csv")
    first = jobs.all_jobs()[0]
    shutil.rmtree(first.folder)
    app.run()
    finish()
    app.run()
    assert not app.exception
    assert jobs.all_jobs()[0].id != first.id
    assert wording.LEARN_OR_SCORE in said(app)


def test_no_value_of_an_uploader_that_is_gone_is_kept(upload: Upload) -> None:
    app = upload("office.csv")
    assert app.session_state[Key.UPLOAD_ROUND] == 1
    assert "eg_upload_0" not in app.session_state


def test_a_full_disk_is_told_and_leaves_nothing(
    data: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(workspace.shutil, "copyfileobj", full)
    data.file_uploader[0].upload("office.csv", b"a,b,c\n1,2,3\n")
    data.run()
    assert not data.exception
    assert "No space left on device" in data.error[0].value
    assert "EDGEGUARD_WORK" in data.error[0].value
    assert not list(workspace.room("files").iterdir())


def test_many_files_of_the_servers_folder_are_found_by_a_part_of_the_name(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "captures"
    (folder / ".hidden").mkdir(parents=True)
    (folder / ".hidden" / "x.csv").touch()
    for n in range(12):
        (folder / f"day-{n:02}.csv").touch()
    monkeypatch.setattr(workspace, "MOST_SERVER_FILES", 10)
    assert workspace.server_files(folder).more
    assert workspace.server_files(folder, "DAY-11").names == ("day-11.csv",)
    monkeypatch.setenv("EDGEGUARD_DATA_DIR", str(folder))
    app.run()
    app.switch_page("views/data.py").run()
    assert "The first 10 files are listed" in said(app)
    app.text_input(key=Key.SERVER_FILTER).set_value("-11").run()
    assert app.selectbox(key=Key.SERVER_FILE).options == ["day-11.csv"]
    app.text_input(key=Key.SERVER_FILTER).set_value("nothing").run()
    assert not app.exception
    assert app.button(key=Key.USE_SERVER_FILE).disabled


def test_a_mapping_is_checked_on_the_first_rows(upload: Upload) -> None:
    rows = "".join(f"10.0.0.{n},443,{n * 7 if n else 'many'},red\n" for n in range(60))
    app = upload("unknown.csv", b"SrcAddr,Dport,out_bytes,out_bytes\n" + rows.encode())
    assert "stands more than once" in said(app)
    app = AppTest.from_file(str(APP), default_timeout=PATIENCE_S)
    app.run()
    app.switch_page("views/data.py").run()
    app.file_uploader[0].upload("unknown.csv", b"SrcAddr,Dport,out_bytes,colour\n" + rows.encode())
    app.run()
    finish()
    app.run()
    (table,) = app.data_editor
    assert table.value["unit"].tolist() == ["", "", "B", ""]
    assert table.value["example"].tolist()[0].startswith("10.0.0.0 · 10.0.0.1")
    app.button(key=Key.CHECK_MAPPING).click().run()
    assert not app.exception
    assert "Of the first 60 rows 59 would be accepted. Rejected:" in app.success[0].value
