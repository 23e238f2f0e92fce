"""Settings: strict, from four places in order, and each fault told with its line."""

import importlib.util
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgeguard_core.watch.settings import KEYS, BoxSettings, SettingsError, load_settings
from edgeguard_core.watch.settings_check import implausible, without_passwords


@pytest.fixture
def file(tmp_path):
    return tmp_path / "edgeguard.yaml"


def problems(file: Path, text: str, **environment: str) -> tuple[str, ...]:
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(file, environment=environment)
    return caught.value.problems


def test_without_anything_the_defaults_hold():
    found = load_settings(environment={})
    assert found == BoxSettings(sensor=found.sensor)
    assert all(found.origin(key) == "default" for key in KEYS)


def test_every_key_has_a_place_in_the_settings():
    found = BoxSettings()
    assert {key.replace(".", "_") for key in KEYS} | {"origins"} == set(vars(found))


def test_flags_go_before_the_environment_before_the_file(file):
    file.write_text("sensor: file\nheartbeat_s: 10\nbatch: {flows: 7, seconds: 0.5}\nlate_s: 5\n")
    variables = {"EDGEGUARD_SENSOR": "variable", "EDGEGUARD_BATCH__FLOWS": "9",
                 "EDGEGUARD_HEARTBEAT_S": "20", "EDGEGUARD_DATA": "x", "HOME": "/x"}  # fmt: skip
    found = load_settings(file, environment=variables, flags={"sensor": "flag", "state": None})
    assert (found.sensor, found.origin("sensor")) == ("flag", "--sensor")
    assert (found.heartbeat_s, found.origin("heartbeat_s")) == (20, "EDGEGUARD_HEARTBEAT_S")
    assert (found.batch_flows, found.batch_seconds) == (9, 0.5)
    assert found.origin("batch.seconds") == f"{file} line 3"
    assert found.origin("state") == "default"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("sensor: a\nhearbeat_s: 3\n", 2, "called hearbeat_s; did you mean heartbeat_s?"),
        ("batch:\n  flow: 3\n", 2, "no setting is called batch.flow; did you mean batch.flows?"),
        ("batch: 3\n", 1, "batch holds settings of its own: flows, seconds"),
        ("heartbeat_s: 60s\n", 1, "heartbeat_s must be a plain number of seconds, not '60s'"),
        ("heartbeat_s: 0\n", 1, "must be above 0 seconds"),
        ("batch: {flows: 1.5}\n", 1, "must be a whole number of flows"),
        ("warm_up_hours: 0\n", 1, "must be above 0 hours"),
        ("contamination: 0.5\n", 1, "must be at least 0 and at most 0.49 of the flows"),
        ("queue_flows: true\n", 1, "must be a plain number of flows"),
        ("sensor: a\nsensor: b\n", 2, "sensor is given twice"),
        ("local_networks: [10.0.0.0/8, here]\n", 1, "'here', which is no network"),
        ("metrics: everywhere\n", 1, "address and port such as 127.0.0.1:9108"),
        ("when_full: maybe\n", 1, "must be wait or drop"),
        ("sinks: {jsonl: x}\n", 1, "must be a list"),
        ("exclusions: [{dst_ip: 10.0.0.1, until: 2027-01-01}]\n", 1, "lacks the reason"),
        ("exclusions: [{dst_ip: 10.0.0.1, reason: x}]\n", 1, "needs until"),
        ("exclusions: [{reason: x, until: 2027-01-01}]\n", 1, "without any condition"),
        ("exclusions: [{dst_port: 70000, reason: x, until: 2027-01-01}]\n", 1, "whole number"),
        ("exclusions: [{dport: 7, reason: x, until: 2027-01-01}]\n", 1, "'dport'"),
        ("sensor: [\n", 2, "mend the line"),
        ("- a\n", 1, "settings are lines like"),
    ],
)  # fmt: skip
def test_a_fault_is_one_sentence_with_its_line(file, text, line, said):
    (problem,) = problems(file, text)
    assert f"{file} line {line}" in problem
    assert said in problem
    assert "\n" not in problem


def test_all_faults_are_found_at_once_and_the_first_is_the_message(file):
    found = problems(file, "a: 1\nlate_s: x\n", EDGEGUARD_BATCH__FLOW="3", EDGEGUARD_SENSORS="x")
    assert len(found) == 4
    assert any(said.endswith("; did you mean EDGEGUARD_BATCH__FLOWS?") for said in found)
    file.write_text("a: 1\nb: 2\n")
    with pytest.raises(SettingsError, match=r"\(1 more: see edgeguard config check\)"):
        load_settings(file, environment={})


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SettingsError, match="Cannot read"):
        load_settings(tmp_path / "no.yaml", environment={})


def test_an_empty_file_is_one(file):
    file.write_text("# nothing yet\n")
    assert load_settings(file, environment={}).heartbeat_s == 60


def test_paths_of_the_file_begin_at_its_folder(file):
    file.write_text("state: state\nsinks: [{jsonl: a.jsonl}, {jsonl: '-'}]\nbundle: /b\n")
    found = load_settings(file, environment={}, flags={"spool.folder": Path("here")})
    assert found.state == file.parent / "state"
    assert [sink["jsonl"] for sink in found.sinks] == [str(file.parent / "a.jsonl"), "-"]
    assert (found.bundle, found.spool_folder) == (Path("/b"), Path("here"))


def test_exclusions_end_when_they_say(file):
    file.write_text(
        "exclusions:\n- {dst_ip: 10.0.0.0/8, dst_port: 53, reason: resolver, until: 2027-01-01}\n"
    )
    (exclusion,) = load_settings(file, environment={}).exclusions
    assert exclusion.conditions.sentence == "destination 10.0.0.0/8, port 53"
    assert exclusion.is_active(datetime(2026, 12, 31, 23, tzinfo=UTC))
    assert not exclusion.is_active(datetime(2027, 1, 1, 1, tzinfo=UTC))


def test_what_cannot_work_here_is_found(file, tmp_path):
    (tmp_path / "plain").write_text("")
    file.write_text(
        "bundle: nowhere\nstate: plain/state\nsinks: [{jsonl: x, colour: red}, {jsonl: plain/x}]\n"
        "exclusions: [{dst_port: 5, reason: x, until: 2020-01-01}]\n"
        "recalibrate_every_hours: 6\n"
    )
    found = implausible(load_settings(file, environment={}))
    assert [problem.partition(": ")[2].split(":")[0] for problem in found] == [
        "bundle", "state", "sinks", "sinks", "recalibrate_every_hours", "exclusions",
    ]  # fmt: skip
    assert "'colour'" in found[2]
    assert "6 hours are less than a day" in found[4]


def test_a_registered_version_may_be_bundle_and_shadow(file, tmp_path):
    (tmp_path / "models").mkdir()
    file.write_text("bundle: models@champion\nshadow: nowhere@shadow\n")
    found = load_settings(file, environment={})
    assert found.bundle == tmp_path / "models@champion"
    (told,) = implausible(found)
    assert "shadow: there is no" in told


def test_a_half_life_without_a_re_calibration_is_found(file):
    file.write_text("half_life_hours: 48\n")
    (problem,) = implausible(load_settings(file, environment={}))
    assert "add recalibrate_every_hours" in problem
    file.write_text("half_life_hours: 48\nrecalibrate_every_hours: 24\n")
    assert implausible(load_settings(file, environment={})) == []


def test_an_interface_without_a_packet_meter_is_found(file, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *a: None if name == "_lib_engine" else real(name)
    )
    file.write_text("source: interface:lo\n")
    (problem,) = implausible(load_settings(file, environment={}))
    assert "on a box sh install.sh --with capture" in problem
    file.write_text("source: conn.log\n")
    assert implausible(load_settings(file, environment={})) == []


def test_passwords_are_not_shown():
    shown = without_passwords(
        [
            {"store": "postgresql+psycopg://me:secret@db/x"},
            {"headers": {"Authorization": "Bearer s3"}},
        ]
    )
    assert "secret" not in json.dumps(shown)
    assert "s3" not in json.dumps(shown)
    assert "me:…@db" in shown[0]["store"]
