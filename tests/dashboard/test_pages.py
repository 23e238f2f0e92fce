"""Every page by what a person sees, in every state; the command is a stand-in."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from dashboard_app import APP, PATIENCE_S, PROJECT, finish, said
from streamlit.testing.v1 import AppTest

from dashboard import jobs, shell, training, wording, workspace
from dashboard.components import verdicts
from dashboard.keys import Key
from edgeguard_core.errors import SourceError
from edgeguard_core.flows.schema import Schema

Upload = Callable[..., AppTest]


def test_first_visit_says_what_this_is_and_what_to_do_next(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert app.title[0].value == "EdgeGuard"
    assert [link.value for link in app.page_link] == [
        "Upload a file",
        "Open the Studio",
        "Choose a file to score",
    ]
    assert "None of your own is at hand yet" in said(app)


def test_navigation_has_exactly_the_agreed_names() -> None:
    names = [title for _, title, _ in shell.PAGES]
    assert names == ["Overview", "Data", "Train", "Threshold", "Live", "Review", "Pipeline"]


def test_nothing_chosen(data: AppTest) -> None:
    assert not data.exception
    assert data.file_uploader
    assert wording.NO_FILE in said(data)
    assert not data.metric


def test_an_upload_goes_to_disk_and_out_of_the_session(upload: Upload, work: Path) -> None:
    app = upload("../office day.csv", b"a,b,c\n1,2,3\n")
    (given,) = workspace.files()
    assert given.path.read_bytes() == b"a,b,c\n1,2,3\n"
    assert given.path.is_relative_to(work)
    assert given.name == "../office day.csv"
    assert app.session_state[Key.FILE] == given.id
    assert app.query_params["file"] == given.id
    assert not app.file_uploader


def test_while_it_is_read_the_page_says_so(data: AppTest) -> None:
    data.file_uploader[0].upload("office.csv", b"a,b,c\n1,2,3\n")
    data.run()
    assert not data.exception
    # Either still reading or done already: never an empty page, never a red box.
    assert data.progress or wording.LEARN_OR_SCORE in said(data)
    finish()


def test_an_inspected_file_shows_what_was_understood(upload: Upload) -> None:
    app = upload("office.csv")
    assert not app.exception
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown == {
        "Format": "cicflowmeter",
        "Schema": "cicflowmeter",
        "Rows": "400",
        "Accepted": "400",
        "Rejected": "0",
    }
    labels = next(frame.value for frame in app.dataframe if "Class" in frame.value)
    assert labels["Class"].tolist() == ["benign", "Bot"]
    assert app.button(key=Key.LEARN).label == wording.LEARN


def test_rejected_rows_are_counted_by_rule_and_listed(upload: Upload) -> None:
    app = upload("rejects.csv")
    text = said(app)
    assert "Rejected 3" in text
    assert "not a number: 2 · below minimum: 1" in text
    assert "3 infinite rates are taken as missing." in text
    rows = next(frame.value for frame in app.dataframe if "rule" in frame.value)
    assert rows.iloc[0].tolist() == ["7", "src_bytes", "-4", "below minimum"]
    assert app.get("download_button")


def test_a_capture_is_called_by_its_name_and_has_no_columns_to_map(upload: Upload) -> None:
    app = upload("cut.pcap", bytes.fromhex("d4c3b2a1 0200 0400"))
    assert "cut.pcap is not whole" in said(app)
    assert "/cut.pcap" not in said(app)
    assert Key.MAP_BY_HAND not in [toggle.key for toggle in app.toggle]


def test_a_capture_that_cannot_be_read_says_only_why(upload: Upload) -> None:
    app = upload("unknown.pcap", bytes.fromhex("d4c3b2a1 0200 0400"))
    assert "unknown.pcap is of no known format" in app.error[0].value
    assert wording.NOT_A_TABLE not in said(app)


def test_a_file_without_labels_says_how_it_will_be_learned(upload: Upload) -> None:
    app = upload("nolabels.csv")
    assert "All rows are taken as benign" in said(app)


def test_an_unknown_table_shows_the_sentence_and_can_be_mapped(upload: Upload) -> None:
    app = upload("unknown.csv", b"SrcAddr,Dport,out_bytes,colour\n10.0.0.1,443,900,red\n")
    assert "unknown.csv is of no known format" in app.error[0].value
    (table,) = app.data_editor
    assert table.value["target"].fillna("").tolist() == ["src_ip", "dst_port", "dst2src_bytes", ""]
    app.button(key=Key.USE_MAPPING).click().run()
    finish()
    app.run()
    assert not app.exception
    assert not app.error
    assert "Schema flow" in said(app)
    (given,) = workspace.files()
    assert given.schema is not None
    assert "SrcAddr" in given.schema.read_text()


def test_a_tables_own_columns_can_be_kept_and_given_roles(upload: Upload) -> None:
    rows = "".join(f"10.0.0.{n},{n * 7 % 90},{'red' if n % 3 else 'blue'}\n" for n in range(60))
    app = upload("unknown.csv", b"client,bytes up,colour\n" + rows.encode())
    app.selectbox(key=Key.MAP_SCHEMA).set_value("own").run()
    assert not app.exception
    (table,) = app.data_editor
    assert table.value["role"].tolist() == ["identity", "numeric", "categorical"]
    assert table.value["why"].str.len().min() > 10
    (given,) = workspace.files()
    key = f"{Key.MAP_TABLE}_{given.id}_own"
    edits = {"edited_rows": {2: {"role": "ignored"}}, "added_rows": [], "deleted_rows": []}
    app.session_state[key] = edits
    app.button(key=Key.USE_MAPPING).click().run()
    finish()
    app.run()
    assert not app.error
    assert given.schema is not None
    schema = Schema.from_yaml(given.schema.read_text())
    assert schema.features == ("bytes up",)
    assert schema.name.startswith("own-")


def test_a_table_without_features_cannot_be_drafted(upload: Upload) -> None:
    app = upload("unknown.csv", b"client,server,gate\n10.0.0.1,10.0.0.2,10.0.0.3\n")
    app.selectbox(key=Key.MAP_SCHEMA).set_value("own").run()
    assert not app.exception
    assert "could be a feature" in app.error[-1].value


def test_two_columns_with_one_meaning_are_refused(upload: Upload) -> None:
    app = upload("unknown.csv", b"SrcAddr,Dport,out_bytes,colour\n10.0.0.1,443,900,red\n")
    (given,) = workspace.files()
    key = f"{Key.MAP_TABLE}_{given.id}_flow"
    app.session_state[key] = {
        "edited_rows": {3: {"target": "src_ip"}},
        "added_rows": [],
        "deleted_rows": [],
    }
    app.button(key=Key.USE_MAPPING).click().run()
    assert "Both 'SrcAddr' and 'colour' are mapped to 'src_ip'" in app.error[-1].value
    assert given.schema is None


def test_an_unknown_file_that_is_no_table_cannot_be_mapped(upload: Upload) -> None:
    app = upload("unknown.bin", b"\x00\x01\x02")
    assert "no known format" in app.error[0].value
    assert app.info[0].value == wording.NOT_A_TABLE
    assert not app.data_editor


def test_a_running_job_shows_its_steps_and_can_be_cancelled(upload: Upload) -> None:
    app = upload("slow.csv")
    app.button(key=Key.LEARN).click().run()
    job = jobs.running("learn")
    assert job is not None
    wait_for_stage(job, "train")
    app.run()
    assert not app.exception
    assert app.progress
    assert "Learning" in said(app)
    assert not [button for button in app.button if button.key == Key.LEARN]
    app.button(key=Key.CANCEL).click().run()
    assert jobs.wait(job, PATIENCE_S).state is jobs.State.CANCELLED
    app.run()
    assert wording.CANCELLED in said(app)
    assert app.button(key=Key.LEARN)
    assert not Path(job.facts["bundle"]).exists()


def test_a_new_session_finds_a_running_job_again(upload: Upload) -> None:
    first = upload("slow.csv")
    first.button(key=Key.LEARN).click().run()
    job = jobs.running("learn")
    assert job is not None
    wait_for_stage(job, "train")
    again = AppTest.from_file(str(APP), default_timeout=PATIENCE_S)
    again.query_params["file"] = job.file_id
    again.run()
    assert "running now" in said(again)
    again.switch_page("views/data.py").run()
    assert again.progress
    assert again.button(key=Key.CANCEL)


def test_only_one_file_is_learned_at_a_time(upload: Upload) -> None:
    app = upload("slow.csv")
    app.button(key=Key.LEARN).click().run()
    app.button(key=Key.ANOTHER_FILE).click().run()
    app.file_uploader[0].upload("second.csv", b"a,b,c\n1,2,3\n")
    app.run()
    finish()
    app.run()
    assert app.button(key=Key.LEARN).disabled
    assert "being learned right now" in said(app)


def test_a_refusal_is_shown_as_the_commands_own_sentence(upload: Upload) -> None:
    app = upload("refused.csv")
    app.button(key=Key.LEARN).click().run()
    finish()
    app.run()
    assert not app.exception
    assert app.error[0].value == "Only 12 benign rows; 50 are needed, so give it more of them."
    assert app.button(key=Key.LEARN)


def test_a_crash_shows_no_traceback_but_where_the_log_is(upload: Upload) -> None:
    app = upload("bug.csv")
    app.button(key=Key.LEARN).click().run()
    finish()
    app.run()
    job = jobs.all_jobs()[0]
    assert not app.exception
    assert str(job.log) in app.error[0].value
    assert "stand-in bug" not in said(app)
    assert "a stand-in bug" in job.log.read_text()


def test_learning_ends_with_verdicts(upload: Upload) -> None:
    app = learned(upload)
    assert not app.exception
    text = said(app)
    assert "of the attack flows" in text
    assert "Recall" in text
    assert "chosen by conformal for 1.00 % false alarms" in text
    assert wording.OPTIMISTIC in text
    worst = next(frame.value for frame in app.dataframe if "score" in frame.value)
    assert worst["score"].is_monotonic_decreasing
    assert len(app.get("vega_lite_chart")) == 1
    assert len(app.get("download_button")) == 3


def test_oddities_are_told_by_rule_with_what_to_do(upload: Upload) -> None:
    app = upload("odd.csv")
    assert not app.exception
    text = said(app)
    assert "3 things are odd in this file" in text
    [told] = [md.value for md in app.markdown if md.value.startswith("**Constant columns**")]
    assert told.endswith("- a holds \\*one\\* value.\n- c holds \\*one\\* value.")
    assert text.count("Nothing: constant columns.") == 1
    assert "Also in the file, and no flows: 745 alert, 1 dns." in text


def test_a_file_without_oddities_says_nothing_of_them(upload: Upload) -> None:
    assert "odd in this file" not in said(upload("office.csv"))


def test_without_labels_no_recall_is_claimed(upload: Upload) -> None:
    app = learned(upload, "nolabels.csv")
    text = said(app)
    assert "The file has no labels" in text
    assert "Recall" not in text
    assert "does not know this network" in text
    assert app.button(key=Key.LEARN_INSTEAD).label == wording.LEARN


def test_a_selected_flow_is_explained(upload: Upload) -> None:
    app = learned(upload)
    job = jobs.newest(("learn",))
    assert job is not None
    app.session_state[f"{Key.WORST}_{job.id}"] = {
        "selection": {"rows": [0], "columns": [], "cells": []}
    }
    app.run()
    assert not app.exception
    assert "fwd_bytes is 9,000 where 40 to 800 is usual." in said(app)
    features = next(frame.value for frame in app.dataframe if "usual" in frame.value)
    assert features["usual"].tolist() == ["40 to 800", "40 to 800"]


def test_the_overview_shows_the_latest_result_and_opens_it(upload: Upload) -> None:
    app = learned(upload)
    app.switch_page("views/overview.py").run()
    assert not app.exception
    assert "Latest result" in said(app)
    assert "of the attack flows" in said(app)
    assert len(app.get("vega_lite_chart")) == 1
    app.button(key=Key.OPEN_LATEST).click().run()
    assert app.title[0].value == "Data"


def test_scoring_with_a_bundle_at_hand(upload: Upload) -> None:
    app = learned(upload)
    app.segmented_control(key=Key.WHAT).set_value(wording.SCORE).run()
    bundle, demo = workspace.bundles()
    assert demo.is_demo
    assert app.selectbox(key=Key.BUNDLE).value == str(bundle.path)
    app.button(key=Key.SCORE).click().run()
    finish()
    app.run()
    assert not app.exception
    assert jobs.all_jobs()[0].kind == "score"
    assert wording.RESULTS in said(app)
    assert wording.OPTIMISTIC not in said(app)


def test_no_bundle_at_hand(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "bundles", list)
    app = upload("office.csv")
    app.segmented_control(key=Key.WHAT).set_value(wording.SCORE).run()
    assert wording.NO_BUNDLES in said(app)
    assert not [button for button in app.button if button.key == Key.SCORE]


def test_a_damaged_bundle_is_refused_in_a_sentence(upload: Upload) -> None:
    app = upload("office.csv")
    app.segmented_control(key=Key.WHAT).set_value(wording.SCORE).run()
    app.file_uploader[0].upload("model.zip", b"PK no zip")
    app.run()
    assert not app.exception
    assert app.error
    assert not list(workspace.room("bundles").iterdir())


def test_without_tensorflow_learning_says_what_is_missing(
    upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "can_train", lambda: False)
    app = upload("office.csv")
    assert app.button(key=Key.LEARN).disabled
    assert wording.NO_TRAINING in said(app)


def test_a_file_of_the_servers_folder_is_read_where_it_lies(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "captures"
    folder.mkdir()
    (folder / "monday.csv").write_text("a,b,c\n1,2,3\n")
    monkeypatch.setenv("EDGEGUARD_DATA_DIR", str(folder))
    app.run()
    app.switch_page("views/data.py").run()
    app.button(key=Key.USE_SERVER_FILE).click().run()
    finish()
    app.run()
    assert "read where it lies" in said(app)
    app.button(key=Key.FORGET_FILE).click().run()
    assert (folder / "monday.csv").exists()
    assert workspace.files() == []


def test_forgetting_a_file_deletes_its_copy_and_its_scores(upload: Upload) -> None:
    app = learned(upload)
    app.button(key=Key.FORGET_FILE).click().run()
    assert workspace.files() == []
    assert jobs.all_jobs() == []
    assert len(workspace.bundles()) == 2  # what was learned, and the demo
    assert wording.NO_FILE in said(app)


def test_an_earlier_file_can_be_gone_on_with(upload: Upload) -> None:
    app = upload("office.csv")
    app.button(key=Key.ANOTHER_FILE).click().run()
    assert wording.NO_FILE in said(app)
    app.button(key=Key.USE_EARLIER_FILE).click().run()
    assert wording.LEARN_OR_SCORE in said(app)


def test_an_address_that_names_no_file_is_an_empty_page(app: AppTest) -> None:
    app.query_params["file"] = "../../etc/passwd"
    app.run()
    app.switch_page("views/data.py").run()
    assert not app.exception
    assert wording.NO_FILE in said(app)


@pytest.mark.parametrize(
    ("error", "shown"),
    [(SourceError("a sentence for people"), "a sentence for people"), (ValueError("secret"), None)],
)
def test_only_our_own_errors_reach_a_person_as_text(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, error: Exception, shown: str | None
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(jobs, "newest_result", fail)
    app.run()
    assert not app.exception
    assert app.error[0].value == (shown or wording.unexpected(workspace.log_path()))
    assert "secret" not in said(app)
    if shown is None:
        assert "ValueError: secret" in workspace.log_path().read_text()


def test_lost_scores_are_told_in_a_sentence(upload: Upload) -> None:
    app = learned(upload)
    job = jobs.newest(("learn",))
    assert job is not None
    Path(job.facts["scores"]).unlink()
    app.run()
    assert not app.exception
    assert "cannot be read; score again" in app.error[0].value
    assert verdicts.threshold_of(job, jobs.status(job)) is not None


def test_the_dashboard_never_loads_tensorflow() -> None:
    code = (
        "import sys, pkgutil, importlib, dashboard, dashboard.components as parts\n"
        "for package in (dashboard, parts):\n"
        "    for m in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(m.name)\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'tensorflow', 'keras', 'torch'}))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=PROJECT,
        env=os.environ | {"STREAMLIT_LOGGER_LEVEL": "error"},
    )
    assert answer.stdout.strip() == "[]"


def learned(upload: Upload, name: str = "office.csv") -> AppTest:
    app = upload(name)
    app.button(key=Key.LEARN).click().run()
    assert finish().state is jobs.State.DONE
    return app.run()


def wait_for_stage(job: jobs.Job, stage: str) -> None:
    """Look until the job reports this step; it has a minute."""
    import time

    deadline = time.monotonic() + PATIENCE_S
    while jobs.status(job).stage != stage:
        assert time.monotonic() < deadline, "the stand-in never got that far"
        time.sleep(0.05)
