"""Files, folders, patterns and queries become files with fingerprints."""

import csv
import os
import shutil
import sqlite3

import pytest
from support import data

from edgeguard_core.files import sha256_hex
from edgeguard_core.pipeline.runs import ConfigError, load_config, open_run, read_run, run_stage
from edgeguard_core.pipeline.runs.sources import gathered, listed, seen_now
from edgeguard_core.sources import read_flows


@pytest.fixture
def config(tmp_path):
    def config(data: str):
        places = f"artifacts: {tmp_path}/artifacts\nregistry: {tmp_path}/registry\n"
        (tmp_path / "p.yaml").write_text(f"# a config\ndata: {data}\n{places}")
        return load_config(tmp_path / "p.yaml")

    return config


@pytest.fixture
def database(tmp_path):
    """The honeypot's log as a table."""
    with data("zeek/iot23_honeypot_5-1.csv").open() as stream:
        header, *rows = list(csv.reader(stream))
    names = ", ".join(f'"{name}"' for name in header)
    with sqlite3.connect(tmp_path / "flows.db") as connection:
        connection.execute(f"CREATE TABLE conn ({names})")
        marks = ", ".join("?" * len(header))
        connection.executemany(f"INSERT INTO conn VALUES ({marks})", rows)
    connection.close()
    return tmp_path / "flows.db"


def names(config):
    return [path.name for path in listed(config, "data", config.data)]


def test_files_folders_and_patterns_are_found_once(config, tmp_path):
    (tmp_path / "logs").mkdir()
    for name in ("b.csv", "a.csv", "README.md", "c.log"):
        (tmp_path / "logs" / name).write_text("x")
    assert names(config("logs")) == ["a.csv", "b.csv", "c.log"]
    assert names(config("['logs/*.csv', logs/b.csv]")) == ["a.csv", "b.csv"]
    (tmp_path / "a[1].csv").write_text("x")
    assert names(config("'a[1].csv'")) == ["a[1].csv"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("none.csv", "there is no .*none.csv; check the path"),
        ("'*.csv'", r"no file matches .*\*\.csv; check the pattern"),
        ("{url: 'sqlite:///none.db', sql: SELECT 1}", "there is no database at .*none.db"),
        ("{url: 'sqlite://${NO_SUCH}', sql: SELECT 1}", "the environment has no NO_SUCH"),
        ("{url: 'oracle://x/y', sql: SELECT 1}", "cannot be oracle"),
    ],
)
def test_a_source_that_is_not_there_names_the_line(config, tmp_path, given, told):
    chosen = config(given)
    with pytest.raises(ConfigError, match=f"p.yaml line 2: data: .*{told}"):
        gathered(chosen, "data", chosen.data, tmp_path)


def test_a_file_keeps_its_fingerprint_and_is_told_when_it_changes(config, tmp_path):
    (tmp_path / "a.csv").write_text("one")
    chosen = config("a.csv")
    (found,) = gathered(chosen, "data", chosen.data, tmp_path)
    assert found.sha256 == sha256_hex(tmp_path / "a.csv")
    before = seen_now(chosen)
    os.utime(tmp_path / "a.csv", ns=(1, 1))
    assert found.at(tmp_path) == tmp_path / "a.csv"  # only touched
    assert seen_now(chosen) != before
    (tmp_path / "a.csv").write_text("two")
    os.utime(tmp_path / "a.csv", ns=(2, 2))
    with pytest.raises(Exception, match="changed since the run began"):
        found.at(tmp_path)
    (tmp_path / "a.csv").unlink()
    with pytest.raises(Exception, match="is gone since the run began"):
        found.at(tmp_path)


def test_a_query_gives_the_same_flows_as_the_file(config, database, tmp_path):
    chosen = config("{url: 'sqlite:///flows.db', sql: SELECT * FROM conn}")
    (found,) = gathered(chosen, "data", chosen.data, tmp_path)
    assert found.path == "data-query-01.csv"  # goes with the run's folder
    ours, _ = read_flows([found.at(tmp_path)])
    theirs, _ = read_flows([data("zeek/iot23_honeypot_5-1.csv")])
    assert len(ours) == len(theirs) == 1374
    for name, values in theirs.columns.items():
        assert ours.columns[name].tolist() == pytest.approx(values.tolist(), nan_ok=True), name


def test_a_folder_a_pattern_and_a_query_are_read_together(config, database, tmp_path):
    honeypot = data("zeek/iot23_honeypot_5-1.csv")
    (tmp_path / "logs").mkdir()
    shutil.copy(honeypot, tmp_path / "logs/monday.csv")
    shutil.copy(honeypot, tmp_path / "logs/README.md")
    shutil.copy(honeypot, tmp_path / "tuesday-1.csv")
    chosen = config("[logs, 'tuesday-*.csv', {url: 'sqlite:///flows.db', sql: SELECT * FROM conn}]")
    run = open_run(chosen, "mixed")
    outcomes = [run_stage(run, stage) for stage in ("ingest", "validate")]
    assert [outcome.status for outcome in outcomes] == ["done", "done"]
    found = read_run(chosen.artifacts, "mixed")
    files = found.artifact("ingest").data
    assert [file.name for file in files] == ["monday.csv", "tuesday-1.csv", "data-query-01.csv"]
    assert found.artifact("validate").rows == 3 * 1374
    assert run_stage(run, "ingest").status == "skipped"
    (tmp_path / "tuesday-2.csv").write_bytes(honeypot.read_bytes())  # the pattern means more now
    assert run_stage(run, "ingest").status == "done"


@pytest.mark.parametrize("sql", ["SELECT nothing FROM conn", "DELETE FROM conn", "DROP TABLE conn"])
def test_a_query_that_fails_or_writes_is_refused(config, database, tmp_path, sql):
    chosen = config(f"{{url: 'sqlite:///flows.db', sql: {sql}}}")
    with pytest.raises(ConfigError, match=r"line 2: data: the query to sqlite:///.* failed"):
        gathered(chosen, "data", chosen.data, tmp_path)
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM conn").fetchone() == (1374,)
    connection.close()
