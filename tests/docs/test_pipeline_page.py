"""The page about the pipeline: a config that is read, gates that exist, commands that run."""

import re

from support import PROJECT

from edgeguard_core.pipeline.runs import GATES, STAGES, load_config
from edgeguard_core.pipeline.runs.config import KEYS, Limits

PAGE = (PROJECT / "docs" / "pipeline.md").read_text()


def test_the_annotated_config_is_read_and_shows_every_key(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "pipeline.yaml"
    file.write_text(text)
    config = load_config(file)
    assert set(KEYS) - set(config.settings) == {"train.epochs"}
    assert config.limits == Limits()


def test_every_stage_and_gate_is_explained():
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert rows[: len(STAGES)] == list(STAGES)
    assert set(rows[len(STAGES) :]) == set(GATES)
    defaults = dict(re.findall(r"`(\w+): ([\d.]+)`", PAGE))
    assert {name: float(value) for name, value in defaults.items()} == vars(Limits())


def test_the_config_at_the_root_is_read():
    assert load_config(PROJECT / "pipeline.yaml").data == (
        PROJECT / "sample_data/office_day.csv.gz",
    )
