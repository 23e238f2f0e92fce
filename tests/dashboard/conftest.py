"""A work folder of its own for every test, and a stand-in for the command."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from dashboard_app import APP, PATIENCE_S, finish
from streamlit.testing.v1 import AppTest

from dashboard import jobs, workspace

STAND_IN = Path(__file__).with_name("stand_in_command.py")


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty work folder, no server folder, and the stand-in as command."""
    folder = tmp_path / "work"
    monkeypatch.setenv("EDGEGUARD_WORK", str(folder))
    monkeypatch.delenv("EDGEGUARD_DATA_DIR", raising=False)
    monkeypatch.setattr(jobs, "COMMAND", (sys.executable, str(STAND_IN)))
    st.cache_data.clear()
    return folder


@pytest.fixture(autouse=True)
def no_job_left(work: Path) -> Iterator[None]:
    """No child process outlives its test; asks for ``work`` so as to look in the right folder."""
    yield
    assert workspace.root() == work
    for job in jobs.all_jobs():
        if not jobs.status(job).state.is_over:
            jobs.cancel(job)
            jobs.kill(job)
            jobs.wait(job, PATIENCE_S)


@pytest.fixture
def app() -> AppTest:
    """The whole dashboard, as the server runs it, on its first page."""
    return AppTest.from_file(str(APP), default_timeout=PATIENCE_S)


@pytest.fixture
def data(app: AppTest) -> AppTest:
    """The Data page with nothing chosen."""
    app.run()
    return app.switch_page("views/data.py").run()


@pytest.fixture
def upload(data: AppTest) -> Callable[[str], AppTest]:
    """Uploads a file of that name and waits until it was inspected."""

    def act(name: str, content: bytes = b"a,b,c\n1,2,3\n4,5,6\n") -> AppTest:
        data.file_uploader[0].upload(name, content)
        data.run()
        finish()
        return data.run()

    return act
