"""What the stages about flows find, beside the champion and alone."""

import numpy as np
import pytest
from support import data

from edgeguard_core.pipeline.progress import silent
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.runs import load_config
from edgeguard_core.pipeline.runs.data_stages import check_drift, ingest, transform, validate
from edgeguard_core.pipeline.runs.gates import judge_drifted
from edgeguard_core.sources import read_flows


@pytest.fixture
def drift(champion, tmp_path):
    """What the champion says of some rows."""
    world, _ = champion

    def drift(rows):
        (tmp_path / "flows.txt").write_text("\n".join(map(",".join, rows)) + "\n")
        return check_drift(
            load_config(world.config()),
            [tmp_path / "flows.txt"],
            Registry(world.registry).champion(),
            tmp_path,
            silent,
        )

    return drift


@pytest.fixture
def rows(champion):
    world, _ = champion
    return [line.split(",") for line in (world.folder / "flows.txt").read_text().splitlines()]


def gates(found, config):
    return {refusal.gate for refusal in judge_drifted(found, config.limits)}


def test_the_flows_that_the_champion_learned_have_not_moved(drift, rows, tmp_path):
    found = drift(rows)
    assert (found.champion, found.drifted, found.suspected_share) == (1, [], 0.0)
    assert (tmp_path / "report.json").exists()


def test_attacks_called_benign_are_seen_by_the_champion(drift, rows, champion):
    flood = [row for row in rows if row[41] == "neptune"][:300]
    mixed = rows + [[*row[:41], "normal", row[42]] for row in flood]
    order = np.random.default_rng(0).permutation(len(mixed))
    found = drift([mixed[at] for at in order])
    truth = 300 / (300 + sum(row[41] == "normal" for row in rows))
    assert found.suspected_share == pytest.approx(truth, abs=0.04)
    assert "contamination" in gates(found, load_config(champion[0].config()))


def test_without_a_champion_nothing_can_have_drifted(champion, tmp_path):
    found = check_drift(load_config(champion[0].config()), [], None, tmp_path, silent)
    assert (found.champion, found.drifted) == (None, [])


@pytest.fixture
def config(tmp_path):
    def config(text):
        (tmp_path / "p.yaml").write_text(text)
        return load_config(tmp_path / "p.yaml")

    return config


def test_unlabelled_flows_that_look_like_a_scan_are_counted_and_left_out(config, tmp_path):
    scan = data("zeek/stratosphere_002_portscan_conn_json.log.gz")
    found = validate(config(f"data: {scan}"), [scan], tmp_path, silent)
    assert found.normal == found.accepted == 4504
    assert found.suspected > 1000
    assert found.reasons


def test_each_file_is_a_timeline_of_its_own(config, tmp_path):
    names = ("iot23_honeypot_4-1.csv", "iot23_honeypot_5-1.csv")
    files = [data(f"zeek/{name}") for name in names]
    chosen = config(f"data: {[str(path) for path in files]}")
    out = tmp_path / "out"
    out.mkdir()
    assert [file.name for file in ingest(chosen, out, silent).data] == list(names)
    found = transform(chosen, files, out, silent)
    assert found.train == ("train/0001-iot23_honeypot_4-1.parquet",
                           "train/0002-iot23_honeypot_5-1.parquet")  # fmt: skip
    assert found.train_flows + found.held_out_flows == 452 + 1374
    assert found.held_out_flows == found.test_flows  # nothing is labelled an attack
    for path, raw in zip(found.train, files, strict=True):
        trained, whole = (read_flows([each])[0].time_ms for each in (out / path, raw))
        assert len(trained) == pytest.approx(0.8 * len(whole), abs=1)
        assert trained.max() <= np.sort(whole)[len(trained)]  # the latest fifth is held out
