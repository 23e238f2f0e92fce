"""``edgeguard watch`` and ``edgeguard config check``, as a person or a service runs them."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from support import PROJECT

from edgeguard_core.cli import edge
from edgeguard_core.cli.main import main

DEMO = PROJECT / "models" / "demo"
OFFICE = PROJECT / "sample_data" / "office_with_attacks.csv.gz"
CAPTURE = PROJECT / "sample_data" / "home_with_attacks.pcap"
HEAVY = ("pandas", "pyarrow", "typer", "rich", "scipy", "sklearn", "sqlalchemy", "tensorflow",
         "streamlit", "nfstream", "paho", "psycopg")  # fmt: skip


@pytest.fixture
def said(capsys):
    """Exit code, stdout and stderr of a verb in this process."""

    def run(*words):
        capsys.readouterr()
        code = edge.main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def lines_of(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_file_is_judged_to_its_end_and_the_summary_is_on_stdout(said, tmp_path):
    out = tmp_path / "alerts.jsonl"
    code, printed, err = said("watch", DEMO, CAPTURE, "--state", tmp_path / "s", "--jsonl", out)
    assert code == 0, err
    summary = json.loads(printed)
    assert list(summary) == ["format", "flows", "alerts", "incidents", "dropped", "late", "seconds"]
    kinds = Counter(line["kind"] for line in lines_of(out.read_text()))
    assert kinds["alert"] > 0
    assert kinds["incident"] > 0
    assert kinds["heartbeat"] >= 1
    assert summary["alerts"] >= kinds["alert"]


def test_lines_go_to_stdout_and_the_summary_is_the_last_of_stderr(said, tmp_path):
    code, printed, err = said("watch", DEMO, OFFICE, "--state", tmp_path / "s", "--jsonl", "-",
                              "--sensor", "gate")  # fmt: skip
    assert code == 0
    assert {line["observer"]["name"] for line in lines_of(printed)} == {"gate"}
    assert json.loads(err.splitlines()[-1])["flows"] == 13_397


def test_a_growing_log_is_watched_until_a_signal_and_resumed(tmp_path, data):
    log, out, state = tmp_path / "conn.log", tmp_path / "a.jsonl", tmp_path / "s"
    text = data("zeek/zat_conn.log").read_text().splitlines(keepends=True)
    head = [line for line in text if line.startswith("#") and not line.startswith("#close")]
    rows = [line for line in text if not line.startswith("#")][:60]
    log.write_text("".join(head))
    command = [sys.executable, "-m", "edgeguard_core.cli", "watch", str(DEMO), str(log),
               "--state", str(state), "--jsonl", str(out), "--heartbeat", "0.1"]  # fmt: skip

    def run(added: list[str], flows: int) -> dict:
        child = subprocess.Popen(command, cwd=PROJECT, text=True, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)  # fmt: skip
        begun = time.monotonic()
        before = len(out.read_text().splitlines()) if out.exists() else 0
        appended = False
        while time.monotonic() - begun < 60 and child.poll() is None:
            told = lines_of(out.read_text())[before:] if out.exists() else []
            beats = [x["edgeguard"]["flows"] for x in told if x["kind"] == "heartbeat"]
            if beats and not appended:
                with log.open("a") as stream:
                    stream.write("".join(added))
                appended = True
            if beats and beats[-1] >= flows:
                break
            with suppress(subprocess.TimeoutExpired):
                child.wait(0.02)
        child.send_signal(signal.SIGTERM)
        printed, err = child.communicate()
        assert child.returncode == 0, err
        return json.loads(printed)

    assert run(rows[:30], 30)["flows"] == 30
    with log.open("a") as stream:
        stream.write("".join(rows[30:40]))  # while nobody watches
    assert run(rows[40:], 60)["flows"] == 30
    told = [line["event"]["id"] for line in lines_of(out.read_text()) if line["kind"] == "alert"]
    assert len(told) == len(set(told))


def test_nothing_heavy_is_loaded(tmp_path, data):
    program = (
        "import sys; from edgeguard_core.cli import run; code = run();"
        f"print([n for n in {HEAVY!r} if n in sys.modules], code, file=sys.stderr)"
    )
    log = data("zeek/zat_conn.log")
    done = subprocess.run(
        [sys.executable, "-c", program, "watch", str(DEMO), str(log), "--once",
         "--state", str(tmp_path), "--jsonl", str(tmp_path / "a.jsonl")],
        cwd=PROJECT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stderr.splitlines()[-1] == "[] 0"
    assert json.loads(done.stdout)["flows"] == 359 + 1


@pytest.mark.parametrize(
    ("words", "said_so"),
    [
        (["watch", "--frob"], "--frob; see edgeguard watch --help"),
        (["watch", DEMO], "needs a bundle and a source"),
        (["watch"], "There is no bundle"),
        (["watch", DEMO, "nix"], "neither a file nor an interface"),
        (["watch", "nowhere", OFFICE], "nowhere"),
        (["watch", DEMO, OFFICE, "--speed", "2"], "--speed is for captures"),
        (["watch", DEMO, PROJECT], "is a folder"),
        (["watch", DEMO, OFFICE, "--config", "no.yaml"], "Cannot read no.yaml"),
        (["watch", DEMO, OFFICE, "--store", "nonsense"], "sqlite:///PATH"),
        (["config"], "verb"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line_and_a_two(said, tmp_path, words, said_so):
    state = ["--state", tmp_path / "s"] if words[0] == "watch" else []
    code, printed, err = said(*words, *state)
    assert code == 2
    assert printed == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("edgeguard: ")
    assert said_so in err


def test_a_run_that_ends_tells_nothing_of_another_run(said, tmp_path, data):
    counts = []
    for name in ("a.jsonl", "b.jsonl"):
        code, _, err = said("watch", DEMO, data("zeek/zat_conn.log"), "--once", "--state",
                            tmp_path / "s", "--jsonl", tmp_path / name)  # fmt: skip
        assert code == 0, err
        told = lines_of((tmp_path / name).read_text())
        counts.append(sum(line["kind"] == "alert" for line in told))
    assert counts[0] == counts[1] > 0


class Busy(BaseHTTPRequestHandler):
    """Answers 503 to the first post and keeps what comes after it."""

    posts: ClassVar[list[list[dict]]] = []

    def do_POST(self):
        self.posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(503 if len(self.posts) == 1 else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_sink_that_fails_once_has_all_of_a_run_that_ends(said, tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = tmp_path / "box.yaml"
        settings.write_text(
            f"sinks:\n  - jsonl: told.jsonl\n    kinds: [alert]\n"
            f"  - webhook: http://127.0.0.1:{server.server_port}\n    kinds: [alert]\n"
        )
        code, _, err = said("watch", DEMO, CAPTURE, "--config", settings, "--state", tmp_path / "s")
        server.shutdown()
    assert (code, err) == (0, "")
    told = {line["event"]["id"] for line in lines_of((tmp_path / "told.jsonl").read_text())}
    assert {record["event"]["id"] for post in Busy.posts[1:] for record in post} == told


def test_a_run_that_ends_with_records_left_says_so_and_fails(said, tmp_path, monkeypatch):
    monkeypatch.setattr("edgeguard_core.cli.edge.watch._CLOSE_S", 0.3)
    words = ("watch", DEMO, CAPTURE, "--state", tmp_path / "s", "--jsonl", "/dev/full")
    code, _, err = said(*words)
    assert code == 2
    assert "jsonl /dev/full has not taken" in err
    assert "run it again" in err
    settings = tmp_path / "box.yaml"
    settings.write_text("spool:\n  folder: spool\n")
    code, _, err = said(*words, "--config", settings)
    assert code == 0
    assert f"they wait in {tmp_path / 'spool'}" in err


def test_figures_of_a_run_that_ends_do_not_hang_on_its_speed(said, tmp_path, data):
    log = data("zeek/iot23_34-1_conn.log.labeled.gz")
    found = {
        said("watch", DEMO, log, "--state", tmp_path / str(batch), "--jsonl", "/dev/null",
             "--config", settings_of(tmp_path, batch))[1].split('"seconds"')[0]
        for batch in (37, 1024)
    }  # fmt: skip
    assert len(found) == 1


def settings_of(folder, batch):
    path = folder / f"{batch}.yaml"
    path.write_text(f"batch:\n  flows: {batch}\n")
    return path


def test_a_second_watch_on_the_same_state_is_refused(said, tmp_path):
    from edgeguard_core.clock import SystemClock
    from edgeguard_core.outputs.spool import Spool

    (tmp_path / "watch").mkdir()
    spool = Spool(tmp_path / "watch" / "spool", 1 << 20, SystemClock())
    log = tmp_path / "conn.log"
    log.write_text("")
    code, _, err = said("watch", DEMO, log, "--state", tmp_path)
    spool.close()
    assert code == 2
    assert "another process" in err


def test_settings_may_say_everything(said, tmp_path):
    file = tmp_path / "edgeguard.yaml"
    file.write_text(
        f"sensor: gate\nbundle: {DEMO}\nsource: {CAPTURE}\nstate: state\n"
        "sinks: [{jsonl: alerts.jsonl, kinds: [incident]}]\n"
    )
    code, printed, err = said("watch", "--config", file)
    assert code == 0, err
    assert json.loads(printed)["incidents"] > 0
    told = lines_of((tmp_path / "alerts.jsonl").read_text())
    assert {line["kind"] for line in told} == {"incident"}


def test_the_whole_command_lists_and_runs_them(capsys, tmp_path):
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert "watch" in listed
    assert "config" in listed
    assert main(["watch", str(DEMO), "nix", "--state", str(tmp_path)]) == 2
    assert "neither a file" in capsys.readouterr().err
    assert main(["watch", "--help"]) == 0
    assert "--until-end" in capsys.readouterr().out


def test_config_check_shows_what_holds_and_from_where(said, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEGUARD_BATCH__FLOWS", "77")
    file = tmp_path / "edgeguard.yaml"
    file.write_text("sensor: gate\nsinks: [{mqtt: 'mqtt://me:secret@broker/alerts'}]\n")
    code, printed, _ = said("config", "check", file, "--json")
    assert code == 0
    found = json.loads(printed)["settings"]
    assert found["sensor"] == {"value": "gate", "from": f"{file} line 1"}
    assert found["batch.flows"] == {"value": 77, "from": "EDGEGUARD_BATCH__FLOWS"}
    assert found["late_s"]["from"] == "default"
    assert "secret" not in printed
    code, printed, _ = said("config", "check", file)
    assert code == 0
    assert "EDGEGUARD_BATCH__FLOWS" in printed


def test_config_check_says_each_problem_on_a_line(said, tmp_path):
    file = tmp_path / "edgeguard.yaml"
    file.write_text("sensors: gate\nlate_s: x\n")
    code, printed, err = said("config", "check", file)
    assert (code, printed) == (2, "")
    assert [line.split(": ")[1] for line in err.splitlines()] == [
        f"{file} line 1",
        f"{file} line 2",
    ]
