import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgeguard_core.cli.main import app, main
from edgeguard_core.errors import GateRefused

VERBS = (
    "inspect", "preprocess", "train", "convert", "score", "evaluate", "threshold", "explain",
    "drift", "rehearse", "bench", "schema", "bundle", "models", "pipeline", "feedback",
    "dashboard",
)  # fmt: skip
COMMAND = [sys.executable, "-m", "edgeguard_core.cli"]
HEAVY = {"numpy", "pandas", "pyarrow", "pydantic", "tensorflow", "sklearn", "scipy", "yaml"}


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb_shows_an_example(run, verb):
    ran = run(verb, "--help")
    assert ran.code == 0
    assert f"Example: edgeguard {verb}" in " ".join(ran.out.split())
    assert ran.err == ""


@pytest.mark.parametrize("verb", ["schema list", "schema show", "schema check", "bundle show",
                                  "bundle verify", "feedback judge", "feedback export",
                                  "feedback show", "feedback retune"])  # fmt: skip
def test_help_of_each_verb_of_a_verb_shows_an_example(run, verb):
    assert f"Example: edgeguard {verb}" in " ".join(run(*verb.split(), "--help").out.split())


def test_the_list_of_verbs_is_complete_and_not_cut_short(run):
    out = run("--help").out
    for verb in VERBS:
        line = next(line for line in out.splitlines() if line.strip().startswith(verb))
        assert line.endswith("."), line
    assert "..." not in out.partition("Commands:")[2]
    assert run().out == out


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from edgeguard_core.cli.main import main; code = main(['train', '--help']);"
        f"print(sorted({HEAVY} & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert "Example:" in done.stdout


def test_the_module_is_the_command():
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("edgeguard ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["fly"], "No such command 'fly'; see edgeguard --help"),
        (["train"], "Missing argument"),
        (["train", "x"], "Missing option '--out'; see edgeguard train --help"),
        (["train", "x", "--out", "y", "--stepps", "3"], "No such option: --stepps"),
        (["train", "x", "--out", "y", "--steps", "0"], "Invalid value for '--steps'"),
        (["train", "x", "--out", "y", "--seed", "-1"], "Invalid value for '--seed'"),
        (["train", "x", "--out", "y", "--fpr", "low"], "Invalid value for '--fpr'"),
        (["preprocess", "x", "--out", "y", "--split", "odd"], "'odd' is neither time nor random"),
        (["threshold", "B", "--fpr", ".1", "--value", "3"], "--fpr and --value both choose"),
        (["explain", "B", "x", "--worst", "0"], "Invalid value for '--worst'"),
        (["schema"], "Missing command; see edgeguard schema --help"),
        (["bundle", "fly"], "No such command 'fly'; see edgeguard bundle --help"),
        (["dashboard", "--port", "0"], "Invalid value for '--port'"),
    ],
)  # fmt: skip
def test_a_slip_of_the_typist_is_one_line_and_exit_2(run, arguments, says):
    ran = run(*arguments)
    assert ran.code == 2
    assert says in ran.problem
    assert ran.problem.endswith(" --help")


def _replace(monkeypatch, verb, does):
    info = next(info for info in app.registered_commands if info.name == verb)
    monkeypatch.setattr(info, "callback", does)


def test_a_gate_that_refuses_exits_3(run, monkeypatch):
    def refuse():
        raise GateRefused("Recall is .7,\nbelow .8.")

    _replace(monkeypatch, "bench", refuse)
    ran = run("bench")
    assert (ran.code, ran.problem) == (3, "Recall is .7, below .8.")


def test_an_interrupted_run_exits_130(run, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    _replace(monkeypatch, "bench", interrupt)
    assert run("bench").code == 130
    assert run("bench").problem == "Cancelled; nothing was written."


def test_a_bug_shows_where_it_is(monkeypatch):
    def stumble():
        raise ZeroDivisionError("oops")

    _replace(monkeypatch, "bench", stumble)
    with pytest.raises(ZeroDivisionError):
        main(["bench"])


def test_a_bug_exits_1():
    code = (
        "import edgeguard_core.cli.main as m\n"
        "m.app.registered_commands[0].callback = lambda: 1 / 0\n"
        "m.sys.exit(m.main(['inspect']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("ZeroDivisionError: division by zero")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["schema", "list"], ["schema", "list", "--json"]])
def test_output_that_finds_no_room_is_one_line(arguments):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr == "edgeguard: Cannot go on with its output: No space left on device.\n"


@pytest.mark.parametrize(
    ("closed", "arguments", "ends"),
    [
        (1, ["schema", "list"], (0, "", "")),
        (1, ["schema", "show", "fly"], (2, "", "edgeguard: ")),
        (2, ["schema", "show", "fly"], (2, "", "")),
    ],
)
def test_a_closed_stream_is_no_error_and_sends_nothing_to_the_other(closed, arguments, ends):
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}>&-', "sh", *COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr[: len("edgeguard: ")]) == ends


@pytest.mark.parametrize("arguments", [["schema", "list"], ["schema", "show", "flow"]])
def test_a_reader_who_has_had_enough_is_no_error(arguments):
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        child.stdout.close()
        err = child.stderr.read()
    assert (child.returncode, err) == (0, b"")


def test_a_terminal_that_is_not_utf8_gets_a_question_mark(data):
    done = subprocess.run(
        [*COMMAND, "inspect", str(data("cic-ids2017/thursday_morning_original_header.csv.gz"))],
        capture_output=True,
        check=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"},
    )
    assert b"Web Attack ? XSS" in done.stdout


@pytest.mark.parametrize("verb", ["train", "preprocess", "score", "evaluate", "threshold"])
def test_data_are_checked_before_tensorflow_is_loaded(zeek, tmp_path, verb):
    bad = tmp_path / "x.csv"
    bad.write_bytes(b"")
    arguments = {
        "train": [bad, "--out", tmp_path / "N"],
        "preprocess": [bad, "--out", tmp_path / "N"],
        "score": [zeek, bad, "--out", tmp_path / "s.csv"],
        "evaluate": [zeek, bad],
        "threshold": [zeek, "--calibrate", bad, "--state", tmp_path / "S"],
    }[verb]
    code = (
        "import json, sys; from edgeguard_core.cli.main import main;"
        f"code = main({[verb, *map(str, arguments)]!r});"
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules))); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == "[]\n"
    assert done.stderr.startswith(f"edgeguard: {bad} is empty")
    assert [item.name for item in tmp_path.iterdir()] == ["x.csv"]


def test_every_verb_that_calculates_speaks_json():
    for verb in set(VERBS) - {"schema", "bundle", "models", "pipeline", "feedback", "dashboard"}:
        module = importlib.import_module(f"edgeguard_core.cli.{verb}")
        assert "json" in module.command.__annotations__, verb


def test_words_out_of_files_cannot_steer_the_terminal(run, cic, data, tmp_path):
    lines = data("cic-ids2017/monday_first_999.csv").read_text().splitlines()[:60]
    odd = [line.rpartition(",")[0] + ",[/bold]\x1b[2J" for line in lines[1:]]
    source = tmp_path / "x.csv"
    source.write_text("\n".join([lines[0], *odd]) + "\n")
    ran = run("inspect", source)
    assert "\x1b" not in ran.out + ran.err
    assert "[/bold]\\x1b[2J" in ran.out
    assert "\x1b" not in run("evaluate", cic, source).problem
    assert json.loads(run("inspect", source, "--json").out)["labels"] == {"[/bold]\x1b[2J": 59}
