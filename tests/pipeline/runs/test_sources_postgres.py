"""Queries to a real PostgreSQL become files: every type, read only, in bounded memory."""

import csv
import gzip
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg
import pytest
from pipeline_office import SAMPLES, write_config
from servers import wait_for

from edgeguard_core.pipeline.runs import ConfigError, load_config, open_run, read_run, run_stage
from edgeguard_core.pipeline.runs.sources import gathered
from edgeguard_core.sources import read_flows

ROWS = 1_500
PASSWORD = "s3cret/p@ss:w%rd"  # what an address would break at, if it were put in as it is
WHOLE = ("src_port", "dst_port", "protocol", "src2dst_packets", "dst2src_packets",
         "src2dst_bytes", "dst2src_bytes")  # fmt: skip


@dataclass(frozen=True)
class Database:
    """One with the table ``conn``; a reader of it must give a password."""

    url: str  # of its owner
    reader: str  # of the reader, with the variable in place of the password
    flows: Path  # the same flows as a file

    def execute(self, sql: str, *values: object) -> list[tuple]:
        with psycopg.connect(self.url.replace("+psycopg", "")) as connection:
            done = connection.execute(sql, values)
            return done.fetchall() if done.description else []


def sample() -> tuple[list[str], list[list[str]]]:
    with gzip.open(SAMPLES / "office_day.csv.gz", "rt") as stream:
        titles, *rows = csv.reader(stream)
    return titles, rows[:ROWS]


def kind_of(title: str) -> str:
    if title.endswith("_ip"):
        return "inet"
    if title == "bidirectional_first_seen_ms":
        return "timestamptz"
    if title in WHOLE:
        return "bigint"
    words = ("transport", "service", "state", "network", "label", "class", "uid", "_id", "meter")
    return "text" if title.endswith(words) else "numeric"


@pytest.fixture(scope="module")
def database(postgres, tmp_path_factory) -> Database:
    """The sample's first flows in columns of many types, and a role that may only read them."""
    url = postgres.create("flows")
    titles, rows = sample()
    flows = tmp_path_factory.mktemp("flows") / "flows.csv"
    with flows.open("w", newline="") as out:
        csv.writer(out).writerows([titles, *rows])
    made = Database(url, url.replace("edge@", "reader:${DB_PASSWORD}@"), flows)
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        columns = ", ".join(f'"{title}" {kind_of(title)}' for title in titles)
        connection.execute(f"CREATE TABLE conn ({columns})")
        connection.execute("CREATE TABLE notes (said text)")
        with connection.cursor().copy("COPY conn FROM STDIN") as copy:
            for row in rows:
                copy.write_row([stored(t, cell) for t, cell in zip(titles, row, strict=True)])
        connection.execute(
            "CREATE FUNCTION noting() RETURNS int LANGUAGE sql VOLATILE AS "
            "$$ INSERT INTO notes VALUES ('was here') RETURNING 1 $$"
        )
        connection.execute(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO reader")  # it could write
        (hba,) = connection.execute("SHOW hba_file").fetchone()
        Path(hba).write_text("local all reader scram-sha-256\n" + Path(hba).read_text())
        connection.execute("SELECT pg_reload_conf()")
    wait_for(lambda: asks_for_password(made), "the server asks the reader for a password")
    return made


def asks_for_password(made: Database) -> bool:
    bare = made.reader.replace("+psycopg", "").replace(":${DB_PASSWORD}", "")
    try:
        psycopg.connect(bare, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        return "password" in str(error)
    return False


def stored(title: str, cell: str) -> str | None:
    """A cell as ``COPY`` takes it; the time as a moment of another zone."""
    if cell == "":
        return None
    if title == "bidirectional_first_seen_ms":
        moment = np.datetime64(round(float(cell) * 1_000), "us")
        return f"{moment + np.timedelta64(2, 'h')}+02"
    return cell


@pytest.fixture
def config(tmp_path, database, monkeypatch):
    """A config whose data are a query of the reader, who knows the password."""
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)

    def config(sql: str = "SELECT * FROM conn", url: str = database.reader):
        return write_config(tmp_path, data=[{"url": url, "sql": sql}])

    return config


def answer(path: Path, folder: Path) -> Path:
    chosen = load_config(path)
    (found,) = gathered(chosen, "data", chosen.data, folder)
    return found.at(folder)


def refusal(path: Path, folder: Path) -> str:
    chosen = load_config(path)
    with pytest.raises(ConfigError) as caught:
        gathered(chosen, "data", chosen.data, folder)
    (problem,) = caught.value.problems
    assert f"{path} line " in problem
    assert "\n" not in problem
    assert PASSWORD not in problem
    return problem


def test_every_type_comes_as_the_file_has_it(config, database, tmp_path):
    ours, report = read_flows([answer(config(), tmp_path)])
    theirs, _ = read_flows([database.flows])
    assert report.rejected.total() == 0
    assert report.unread.total() == 0
    assert len(ours) == len(theirs) == ROWS
    assert set(ours.columns) == set(theirs.columns)
    for name, values in theirs.columns.items():
        if values.dtype == object:
            assert ours.columns[name].tolist() == values.tolist(), name
        else:
            np.testing.assert_allclose(ours.columns[name], values, rtol=1e-9, err_msg=name)
    assert ours.labels.class_name.tolist() == theirs.labels.class_name.tolist()


def test_null_is_a_missing_cell_and_odd_values_stay_whole(config, tmp_path):
    sql = (
        "SELECT src_ip, NULL::bigint AS src_port, dst_ip, "
        "9007199254740993::bigint AS src2dst_bytes, "
        "'a, \"b\"' || chr(10) || 'c' AS uid, true AS said FROM conn LIMIT 1"
    )
    with answer(config(sql), tmp_path).open(newline="") as stream:
        titles, row = csv.reader(stream)
    cells = dict(zip(titles, row, strict=True))
    assert cells["src_port"] == ""
    assert cells["src2dst_bytes"] == "9007199254740993"  # no float holds it
    assert cells["uid"] == 'a, "b"\nc'
    assert "/" not in cells["src_ip"]


def test_it_is_ingested_and_validated_and_the_password_is_nowhere(config, database, tmp_path):
    run = open_run(load_config(config()), "first")
    for stage in ("ingest", "validate"):
        run_stage(run, stage)
    found = read_run(tmp_path / "artifacts", "first").artifact("validate")
    assert (found.rows, found.accepted, found.schema) == (ROWS, ROWS, "flow")
    assert found.labels == {"benign": ROWS}
    for path in (tmp_path / "artifacts").rglob("*"):
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes(), path
    assert "${DB_PASSWORD}" in (tmp_path / "artifacts/first/config.yaml").read_text()


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELEKT 1", "syntax error"),
        ("SELECT nothing FROM conn", 'column "nothing" does not exist'),
        ("SELECT * FROM none", 'relation "none" does not exist'),
        ("SELECT 1 / 0", "division by zero"),
        ("", "check sql"),
    ],
)
def test_a_query_that_fails_is_one_sentence(config, tmp_path, sql, told):
    assert told in refusal(config(sql), tmp_path)


def test_a_query_that_fails_leaves_no_stage_behind(config, tmp_path):
    sql = "SELECT 1 / (300000 - n) FROM generate_series(1, 300000) AS n"  # at its last row
    run = open_run(load_config(config(sql)), "first")
    with pytest.raises(ConfigError, match="division by zero"):
        run_stage(run, "ingest")
    assert [path.name for path in run.folder.path.iterdir() if "ingest" in path.name] == []
    assert read_run(tmp_path / "artifacts", "first").status == "failed"


def test_a_query_may_take_longer_than_a_watch_may_wait(config, tmp_path):
    sql = "SELECT current_setting('statement_timeout') AS longest"
    assert answer(config(sql), tmp_path).read_text().split() == ["longest", "30min"]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO notes VALUES ('was here') RETURNING said",
        "UPDATE conn SET src_port = 1",
        "DELETE FROM conn",
        "DROP TABLE notes",
        "TRUNCATE notes",
        "WITH gone AS (DELETE FROM conn RETURNING *) SELECT * FROM gone",
        "SELECT noting()",
        "SELECT 1; INSERT INTO notes VALUES ('was here')",
        "COMMIT; INSERT INTO notes VALUES ('was here')",
        "SELECT set_config('transaction_read_only', 'off', false), noting()",
        "CREATE TABLE more AS SELECT * FROM conn",
    ],
)
def test_nothing_is_written_whatever_the_query_says(config, database, tmp_path, sql):
    assert "the query to postgresql://" in refusal(config(sql), tmp_path)
    assert database.execute("SELECT count(*) FROM notes") == [(0,)]
    assert database.execute("SELECT count(*) FROM conn WHERE src_port = 1") == [(0,)]
    assert database.execute("SELECT count(*) FROM conn") == [(ROWS,)]
    assert database.execute("SELECT to_regclass('more')") == [(None,)]


def test_a_wrong_password_a_missing_one_and_a_missing_database_are_told(
    config, database, tmp_path, monkeypatch
):
    gone = database.reader.replace("/flows?", "/no_such?")
    assert 'database "no_such" does not exist' in refusal(config(url=gone), tmp_path)
    monkeypatch.setenv("DB_PASSWORD", "wrong")
    assert "password authentication failed" in refusal(config(), tmp_path)
    monkeypatch.delenv("DB_PASSWORD")
    assert "the environment has no DB_PASSWORD" in refusal(config(), tmp_path)


def test_a_server_that_is_down_is_told(config, tmp_path):
    nowhere = f"postgresql://edge@/flows?host={tmp_path}&port=5499"
    problem = refusal(config(url=nowhere), tmp_path)
    assert "failed (" in problem
    assert problem.endswith("check sql and url.")


_FETCHING = """
import resource, sys
from pathlib import Path
from edgeguard_core.pipeline.runs import load_config
from edgeguard_core.pipeline.runs.sources import gathered
config = load_config(sys.argv[1])
gathered(config, "data", config.data, Path(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_a_long_answer_takes_no_more_memory_than_a_short_one(config, tmp_path):
    """Some 100 MB of rows; were they held at once, they would take a multiple of that."""

    def most_kilobytes(rows: int) -> int:
        sql = f"SELECT n, repeat('x', 300) AS said FROM generate_series(1, {rows}) AS n"
        words = [sys.executable, "-c", _FETCHING, str(config(sql)), str(tmp_path)]
        done = subprocess.run(words, capture_output=True, text=True, env=dict(os.environ))
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    short = most_kilobytes(20_000)
    assert most_kilobytes(300_000) < short + 20_000
    with (tmp_path / "data-query-01.csv").open() as stream:
        assert sum(1 for _ in stream) == 300_001
