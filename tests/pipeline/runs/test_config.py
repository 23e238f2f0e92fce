"""A config is read whole, or every mistake in it is told with file, line, key and remedy."""

import pytest

from edgeguard_core.config import TrainingConfig
from edgeguard_core.pipeline.runs.config import (
    GROUPS,
    KEYS,
    ConfigError,
    Limits,
    PipelineConfig,
    load_config,
)
from edgeguard_core.pipeline.runs.config_kinds import Query


@pytest.fixture
def read(tmp_path):
    def read(text: str) -> PipelineConfig:
        (tmp_path / "p.yaml").write_text(text)
        return load_config(tmp_path / "p.yaml")

    return read


@pytest.fixture
def problems(read):
    def problems(text: str) -> tuple[str, ...]:
        with pytest.raises(ConfigError) as caught:
            read(text)
        return caught.value.problems

    return problems


def test_little_is_enough_and_paths_start_in_the_folder_of_the_file(read, tmp_path):
    config = read("data: flows.csv\nregistry: reg\n")
    assert config.data == (tmp_path / "flows.csv",)
    assert config.registry == tmp_path / "reg"
    assert str(config.artifacts) == "artifacts"
    assert (config.limits, config.training) == (Limits(), TrainingConfig())
    assert (config.promote, config.variant, config.test_share) == ("first", "float32", 0.2)


def test_what_is_given_is_taken(read):
    config = read(
        "data: [a.csv, {url: 'sqlite:////db', sql: SELECT 1}]\n"
        "read: {schema: flow, benign: [ok], tz: Europe/Prague, unlabelled_as_benign: true}\n"
        "split: {test_share: 0.3, kind: random}\n"
        "train: {size: s, steps: 9, seed: 4, leave_out: [service]}\n"
        "convert: {variant: dynamic_int8}\n"
        "gates:\n  drift: {most_drifted_share: 0.5}\n  benign_rows: {least_rows: 60}\n"
        "promote: better\n"
    )
    assert config.data[1] == Query("sqlite:////db", "SELECT 1")
    assert config.read.schema is not None
    assert (config.read.schema.name, config.read.tz) == ("flow", "Europe/Prague")
    assert (config.training.hidden, config.training.steps, config.training.seed) == ((32, 16), 9, 4)
    assert (config.limits.most_drifted_share, config.limits.least_rows) == (0.5, 60)
    assert (config.variant, config.promote, config.left_out) == (
        "dynamic_int8",
        "better",
        ("service",),
    )


def test_every_gate_has_its_limit_under_its_own_name():
    limits = {key.rpartition(".")[2] for key in KEYS if key.startswith("gates.")}
    assert limits == set(vars(Limits()))
    assert {"gates", "gates.schema", "train"} <= GROUPS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("data: a\ntrian: {}\n", "line 2: no setting is called trian; did you mean train?"),
        ("data: a\ntrain:\n  stpes: 5\n", "line 3: no setting is called train.stpes; did you"),
        ("data: a\ntrain: {steps: many}\n", "line 2: train.steps must be a plain number of steps"),
        ("data: a\ntrain: {steps: 0}\n", "line 2: train.steps must be at least 1 steps, not 0"),
        ("data: a\npromote: maybe\n", "line 2: promote must be first or better or never"),
        ("data: []\n", "line 1: data is empty; name a file"),
        ("data: {sql: x}\n", "line 1: data holds {'sql': 'x'}; a query is like {url: …, sql:"),
        ("read: {schema: flwo}\ndata: a\n", "line 1: read.schema cannot be used: 'flwo' is"),
        ("data: a\nread: {unlabelled_as_benign: 3}\n", "must be true or false, not 3"),
        ("data: a\ntrain: {steps: 5, epochs: 2}\n", "line 2: train.epochs: train.steps also says"),
        ("data: a\ngates: {drift: 3}\n", "line 2: gates.drift holds settings of its own"),
        ("data: a\nread: {tz: Nowhere/Town}\n", "line 2: read.tz: 'Nowhere/Town' is no time zone"),
        ("data: a\nfeedback: {files: [3]}\n", "line 2: feedback.files must be a text, not 3"),
        ("data: a\nfeedback: {learn: true}\n", "no setting is called feedback.learn"),
        ("data: a\nfeedback: {retune: 1}\n", "feedback.retune must be true or false, not 1"),
        ("train: {size: m}\n", "data is missing; add `data: FILE`"),
        ("data: [a\n", "line 2: "),
        ("data: a\ntrain:\n\tsteps: 5\n", "line 3: a tab stands there; indent with spaces."),
        ("data: a\ntrain: {size: 'm\n\n", "line 2: found unexpected end of stream; mend the line."),
        ("data: a\n  train: {}\n", "line 2: mapping values are not allowed here; mend"),
        ("data: a\nread: {tz: \x07}\n", r"line 2: it holds the character '\x07'; remove it."),
        ("data: *a\n", "line 1: found undefined alias 'a'"),
        ("data: !!python/name:os a\n", "line 1: could not determine a constructor"),
        ("data: a\n---\ndata: b\n", "line 2: but found another document"),
        ("data: a\ndata: b\n", "line 2: data is given twice; remove one."),
        ("data: a\ntrain: {steps: 5}\ntrain: {seed: 1}\n", "line 3: train is given twice"),
        ("data: a\ntrain: {steps: 5, steps: 6}\n", "line 2: train.steps is given twice"),
        ("data: a\ndata:\n", "line 2: data is given twice"),
        (
            "data: a\ngates:\n  drift: {most_drifted_share: 0.1}\n  drift: {}\n",
            "line 4: gates.drift is given twice",
        ),
        (
            "data: a\ngates: {drift: {most_drift: 1}}\n",
            "did you mean gates.drift.most_drifted_share?",
        ),
        ("data: a\nsteps: 5\n", "line 2: no setting is called steps; did you mean train.steps?"),
        ("data: a\n? [x]\n: b\n", "line 2: no setting is called […]; remove it."),
        ("data: a\nregistry: 2026-13-45\n", "line 2: registry is no timestamp; put it in quotes."),
        ("data: a\ntrain: {seed: !!int x}\n", "line 2: train.seed is no int; put it in quotes."),
        ("data: a\ntrain: {seed: 1.5}\n", "line 2: train.seed must be a whole number, not 1.5."),
        ("data: a\ntrain: {seed: yes}\n", "line 2: train.seed must be a plain number, not True."),
        (
            "data: a\ntrain: {promise: no}\n",
            "must be a plain number of the benign flows, not False",
        ),
        ("data: a\nregistry: [1]\n", "line 2: registry must be a text, not [1]."),
        ("data: [a, null]\n", "line 1: data holds None; name a file"),
        ("- a\n", "line 1: settings are lines like"),
    ],
)
def test_a_mistake_names_file_line_and_key(problems, text, told):
    (found,) = problems(text)
    assert "p.yaml" in found
    assert told in found


def test_a_power_of_ten_is_a_number_and_brackets_have_an_end(read, problems):
    assert read("data: a\ntrain: {promise: 1e-3}\n").promise == 0.001
    (found,) = problems(f"data: {'[' * 5_000}{']' * 5_000}\n")
    assert "nested too deep" in found


def test_all_mistakes_are_told_at_once(problems):
    found = problems("promote: x\ntrain: {size: xl}\n")
    assert len(found) == 3  # and data is missing


def test_a_password_may_not_stand_in_the_file(problems, read):
    address = "data: {{url: 'postgresql://ann:{}@db/flows', sql: SELECT 1}}\n"
    (found,) = problems(address.format("secret"))
    assert "holds a password" in found
    assert "secret" not in found
    assert read(address.format("${DB_PASSWORD}")).data


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"Cannot read .*none\.yaml: No such file"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load_config(tmp_path / "x.yaml")
