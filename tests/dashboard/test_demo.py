"""The demo on the Overview: there at once, marked, explained, and one click from the Data page."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from dashboard_app import PROJECT, finish, said
from streamlit.testing.v1 import AppTest

from dashboard import demo, jobs, wording, workspace
from dashboard.keys import ContextKey, Key
from edgeguard_core.errors import SourceError
from edgeguard_core.pipeline.demo import NOTE, Shipped, shipped

Upload = Callable[..., AppTest]


def test_a_fresh_visit_sees_verdict_histogram_and_reasons(app: AppTest) -> None:
    app.run()
    assert not app.exception
    text = said(app)
    assert wording.DEMO_BADGE in text
    assert "of the attack flows are caught" in text
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Flows"] == "13,397"
    assert float(shown["Recall"].removesuffix(" %")) > 95
    assert len(app.get("vega_lite_chart")) == 1
    assert "Threshold 2.91, chosen by conformal for 1.00 % false alarms" in text
    for name in ("SYN flood", "vertical scan", "horizontal scan", "password guessing",
                 "beaconing", "amplification"):  # fmt: skip
        assert f"badge[{name}]" in text
    assert sum("% of the score" in caption.value for caption in app.caption) == 10


def test_it_is_scored_once_and_again_when_its_files_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = demo.scored()
    assert demo.scored() is first
    files = Shipped(tmp_path / "demo", tmp_path / "traffic.csv.gz")
    shutil.copytree(shipped().bundle, files.bundle)
    shutil.copy(shipped().traffic, files.traffic)
    monkeypatch.setattr(demo, "shipped", lambda: files)
    other = demo.scored()
    assert other is not first
    assert other.done.verdict == first.done.verdict
    assert first.histogram["flows"].sum() == first.done.evaluation.flows


def test_where_it_does_not_ship_a_sentence_says_so(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> Shipped:
        raise SourceError("The demo is not here; install EdgeGuard again.")

    monkeypatch.setattr(demo, "shipped", missing)
    demo.prepare()
    app.run()
    assert not app.exception
    assert app.info[0].value == "The demo is not here; install EdgeGuard again."
    assert app.page_link


def test_one_click_opens_it_on_the_data_page(app: AppTest) -> None:
    app.run()
    app.button(key=Key.TRY_DEMO).click().run()
    while any(not jobs.status(job).state.is_over for job in jobs.all_jobs()):
        for job in jobs.all_jobs():
            jobs.wait(job, 60)
    app.run()
    assert not app.exception
    assert app.title[0].value == "Data"
    assert wording.DEMO_BADGE in said(app)
    assert wording.RESULTS in said(app)
    (given,) = workspace.files()
    assert given.is_sample
    assert not given.ours

    # A second click goes to the same file, and the demo is nobody's latest result.
    app.switch_page("views/overview.py").run()
    assert "Latest result" not in said(app)
    app.button(key=Key.TRY_DEMO).click().run()
    assert len(workspace.files()) == 1
    assert len(jobs.all_jobs()) == 2


def test_a_result_of_ones_own_comes_first_and_the_demo_stays(upload: Upload) -> None:
    app = upload("office.csv")
    app.button(key=Key.LEARN).click().run()
    finish()
    app.run()
    app.switch_page("views/overview.py").run()
    assert "Latest result" in said(app)
    assert wording.DEMO_BADGE not in said(app)
    app.toggle(key=Key.SHOW_DEMO).set_value(True).run()
    assert not app.exception
    assert wording.DEMO_BADGE in said(app)


def test_the_demo_bundle_is_marked_and_never_comes_first(upload: Upload) -> None:
    folder = workspace.free_bundle_path("mine")
    folder.mkdir()
    manifest = {"created": "2001-01-01", "schema": {"name": "flow"}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert [(bundle.name, bundle.origin) for bundle in workspace.bundles()] == [
        ("mine", "learned here"),
        ("demo", "demo"),
    ]
    app = upload("unknown.csv", b"SrcAddr,Dport,out_bytes,colour\n10.0.0.1,443,900,red\n")
    app.button(key=Key.USE_MAPPING).click().run()
    finish()
    app.run()
    assert app.segmented_control(key=Key.WHAT).value == wording.LEARN
    app.segmented_control(key=Key.WHAT).set_value(wording.SCORE).run()
    assert app.selectbox(key=Key.BUNDLE).value == str(folder)
    assert wording.DEMO_BUNDLE not in said(app)
    app.selectbox(key=Key.BUNDLE).set_value(str(shipped().bundle)).run()
    assert wording.DEMO_BUNDLE in said(app)


def test_a_copy_of_the_demo_that_is_uploaded_stays_marked(tmp_path: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "copy"), "zip", shipped().bundle)
    with Path(packed).open("rb") as content:
        workspace.add_bundle("copy.zip", content)
    assert {bundle.origin for bundle in workspace.bundles()} == {NOTE}


def test_scoring_it_loads_no_tensorflow() -> None:
    code = (
        "import sys\n"
        "from dashboard import demo\n"
        "demo.scored()\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'tensorflow', 'keras'}))"
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


def test_presenting_shows_the_demo_alone_and_stands_in_the_address(app: AppTest) -> None:
    app.run()
    assert "What to do next" in said(app)
    app.button(key=ContextKey.STOP_PRESENTING).click().run()
    assert not app.exception
    assert app.query_params["present"] in ("1", ["1"])
    assert "What to do next" not in said(app)
    assert wording.DEMO_BADGE in said(app)
    app.button(key=ContextKey.STOP_PRESENTING).click().run()
    assert "present" not in app.query_params
    assert "What to do next" in said(app)


def test_an_address_can_open_it_presenting(app: AppTest) -> None:
    app.query_params["present"] = "1"
    app.run()
    assert "Stop presenting" in [button.label for button in app.button]
