import json

import pytest

from edgeguard_core.cli.progress import watched
from edgeguard_core.errors import OutputError, SourceError
from edgeguard_core.pipeline.progress import Progress


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_file_ends_with_done(tmp_path):
    with watched(True, tmp_path / "p") as report:
        report(Progress("train", 0.5, "Step 1", 0.25))
    assert lines(tmp_path / "p") == [
        {"stage": "train", "done": 0.5, "message": "Step 1", "loss": 0.25},
        {"stage": "done", "done": 1.0, "message": "Done", "loss": None},
    ]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (SourceError("x is empty; export it again."), "x is empty; export it again."),
        (KeyboardInterrupt(), "Cancelled; nothing was written."),
        (RuntimeError("a bug"), "a bug"),
    ],
)
def test_the_file_ends_with_what_failed(tmp_path, error, message):
    with pytest.raises(type(error)), watched(True, tmp_path / "p"):
        raise error
    last = lines(tmp_path / "p")[-1]
    assert (last["stage"], last["message"]) == ("failed", message)


def test_a_file_is_appended_to(tmp_path):
    for _ in range(2):
        with watched(True, tmp_path / "p"):
            pass
    assert [line["stage"] for line in lines(tmp_path / "p")] == ["done", "done"]


def test_a_loss_that_is_no_number_is_null(tmp_path):
    with watched(True, tmp_path / "p") as report:
        report(Progress("train", 0.5, "", float("nan")))
    assert "NaN" not in (tmp_path / "p").read_text()


def test_a_step_of_training_says_when_it_was(tmp_path):
    ticks = iter([100.0, 103.25])
    with watched(True, tmp_path / "p", lambda: next(ticks)) as report:
        report(Progress("train", 0.25, "Step 50", 0.5, 50, 200))
    assert lines(tmp_path / "p")[0] == {
        "stage": "train", "done": 0.25, "message": "Step 50", "loss": 0.5,
        "step": 50, "steps": 200, "seconds": 3.25,
    }  # fmt: skip


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(OutputError, match="name another --progress"), watched(True, tmp_path):
        pass


def test_without_a_terminal_nothing_is_drawn(capsys):
    with watched(False, None) as report:
        report(Progress("read", 0.5, "Reading"))
    assert capsys.readouterr() == ("", "")


def test_an_option_that_cannot_be_is_the_last_line_too(run, tmp_path):
    for arguments in (
        ["train", "x", "--out", tmp_path / "B", "--tz", "Nowhere/Land"],
        ["train", "x", "--out", tmp_path / "B", "--seed", "99999999999"],
        ["score", tmp_path / "B", "x", "--out", tmp_path / "s.csv"],
        ["threshold", tmp_path / "B"],
        ["convert", tmp_path / "B", "--variant", "float16", "--out", tmp_path / "C"],
        ["inspect", "x", "--schema", "nope"],
    ):
        path = tmp_path / "p"
        problem = run(*arguments, "--json", "--progress", path).problem
        assert lines(path)[-1] == {
            "stage": "failed", "done": 0.0, "message": problem, "loss": None,
        }  # fmt: skip
