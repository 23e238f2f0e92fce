"""What a moved threshold changes, against slow counts; what the tuner sends and is sent."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard import evaluations, tuning
from dashboard.components import tuner
from dashboard.wording import studio as words
from edgeguard_core.thresholds import ThresholdSketch
from edgeguard_core.thresholds.choose import fixed

KINDS = ("benign", "attack", "unlabelled")
FLOWS = st.lists(
    st.tuples(st.floats(0, 9, width=32), st.sampled_from(["benign", "scan", "flood", "?"])),
    min_size=1,
    max_size=40,
)


def evaluated(folder: Path, flows: list[tuple[float, str]]) -> evaluations.Evaluated:
    scores, names = (list(column) for column in zip(*flows, strict=True))
    label = ["benign" if n == "benign" else "unlabelled" if n == "?" else "attack" for n in names]
    path = folder / "scores.parquet"
    table = {"score": np.array(scores, np.float32), "is_alert": np.ones(len(scores), bool)}
    pq.write_table(pa.table(table | {"label": label, "class": names}), path)
    return evaluations.read(evaluations.Reference("0a0a0a0a", "x.csv", folder, path, path))


@given(scores=st.lists(st.floats(0, 9, width=32), max_size=60), at=st.floats(0, 10, width=32))
def test_the_nearest_flows_are_those_of_a_sorted_list(scores: list[float], at: float) -> None:
    found = tuning.near(np.array(scores, np.float32), fixed(at), most=5)
    by_score = sorted(range(len(scores)), key=lambda i: (scores[i], i))
    assert found.above.tolist() == [i for i in by_score if scores[i] >= at][:5]
    downwards = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    assert found.below.tolist() == [i for i in downwards if scores[i] < at][:5]


@given(flows=FLOWS, before=st.floats(0, 10, width=32), now=st.floats(0, 10, width=32))
@settings(deadline=None, max_examples=40)
def test_a_change_is_what_a_slow_count_says(
    tmp_path_factory: pytest.TempPathFactory,
    flows: list[tuple[float, str]],
    before: float,
    now: float,
) -> None:
    judged = evaluated(tmp_path_factory.mktemp("change"), flows)
    found = tuning.change(judged, fixed(before), fixed(now))
    labelled = any(name != "?" for _, name in flows)

    def alerts(at: float, *names: str) -> int:
        return sum(s >= at and n in names for s, n in flows)

    def difference(*names: str) -> int:
        return alerts(now, *names) - alerts(before, *names)

    assert found.alerts == difference("benign", "scan", "flood", "?")
    assert (found.benign, found.attack) == (difference("benign"), difference("scan", "flood"))
    assert found.unlabelled == difference("?")
    assert found.incidents is None
    if labelled:
        missed = {n for n in ("scan", "flood") if alerts(before, n) and not alerts(now, n)}
        assert set(found.missed) == missed
        assert all(found.missed[n] == alerts(before, n) for n in missed)
        seen = {n for n in ("scan", "flood") if alerts(now, n) and not alerts(before, n)}
        assert set(found.found) == seen


def test_an_exact_edge_is_added_where_the_sketch_is_not_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluations, "MOST_EDGES", 64)
    rng = np.random.default_rng(1)
    flows = [(float(s), "benign") for s in rng.lognormal(0, 1, 900)] + [(50.0, "scan")] * 9
    judged = evaluated(tmp_path, flows)
    assert not judged.sketch.complete
    sketch, incidents = tuning.exact_sketches(judged, (1.2345,))
    assert incidents is None
    assert np.float32(1.2345) in sketch.edges
    assert sketch.counts_at(1.2345).sum() == (judged.scores >= np.float32(1.2345)).sum()
    assert tuning.exact_sketches(judged, (1.2345,))[0] is sketch  # counted once
    assert tuning.exact_sketches(judged, (float(judged.sketch.edges[3]),))[0] is judged.sketch


def test_a_complete_sketch_needs_no_further_edge(tmp_path: Path) -> None:
    judged = evaluated(tmp_path, [(1.0, "benign"), (2.0, "scan")])
    assert tuning.exact_sketches(judged, (1.5,))[0] is judged.sketch


def sketch_of_two() -> ThresholdSketch:
    return ThresholdSketch.build([1, 2, 3, 9], [0, 0, 0, 1], ("benign", "scan"), duration_hours=2.0)


def test_the_browser_gets_the_same_bytes_until_something_changes() -> None:
    def content(in_force: float = 2.0) -> tuner.Content:
        return tuner.Content.of(sketch_of_two(), None, in_force=in_force, can_refine=True)

    first, second = content(), content()
    assert first.rev == second.rev
    assert content(3.0).rev != first.rev
    start = tuner.Start(2.0)
    mine, other = first.data(start), second.data(start)
    pd.testing.assert_frame_equal(mine["sketch"], other["sketch"])
    assert mine["meta"] == other["meta"]
    assert {str(kind) for kind in mine["sketch"].dtypes} == {"float32", "uint32"}
    assert mine["hist"][list(KINDS)].sum().tolist() == [3, 1, 0]


def test_a_sketch_of_incidents_on_other_edges_is_refused() -> None:
    other = ThresholdSketch.build([5.0, 6.0])
    with pytest.raises(ValueError, match="other edges"):
        tuner.Content.of(sketch_of_two(), other, in_force=1.0, can_refine=False)


@pytest.mark.parametrize(
    "value",
    [
        None, "x", {}, {"threshold": 1.0, "index": "a"}, {"threshold": True, "index": 1},
        {"threshold": -1.0, "index": 1}, {"threshold": float("nan"), "index": 1},
    ],
)  # fmt: skip
def test_what_no_tuner_sends_is_not_believed(value: object) -> None:
    assert tuner.decided(value) is None


def test_what_a_tuner_sends_is_read() -> None:
    found = tuner.decided(
        {"threshold": 2, "index": 1, "rev": "r", "how": {"method": "min_cost"}, "pinned": 3.5}
    )
    assert found == tuner.Decided(2.0, 1, "r", {"method": "min_cost"}, pinned=3.5)


def test_the_script_is_one_module_with_one_export() -> None:
    script = tuner.script()
    assert script.count("export default") == 1
    assert "innerHTML" not in script
    # Every file is a part of it, and short enough to be read.
    parts = sorted(Path(tuner.__file__).parent.glob("*.js"))
    assert len(parts) == 10
    for part in parts:
        text = part.read_text(encoding="utf-8")
        assert text in script
        assert text.count("\n") < 400


def said(sketch: ThresholdSketch, labelled: bool = True, incidents: object = None) -> str:
    notes = words.notes(sketch, labelled=labelled, incidents=incidents)
    return " ".join(str(note["text"]) for note in notes)


def test_notes_say_what_is_missing_and_why() -> None:
    benign = ThresholdSketch.build([1.0, 2.0])
    assert "have no labels" in said(benign, labelled=False)
    assert "None of the labelled flows is an attack" in said(benign)
    assert "carry no time" in said(benign)
    assert said(sketch_of_two(), incidents=object()) == ""
    assert "need the hosts" in said(sketch_of_two())
    attacks = ThresholdSketch.build([1.0, 2.0], [1, 1], ("benign", "scan"))
    assert "None of the labelled flows is benign" in said(attacks)
    assert "1 score is not a number" in said(ThresholdSketch.build([1.0, float("nan")]))
    assert "All 2 flows have the same score" in said(ThresholdSketch.build([1.0, 1.0]))


def test_a_change_is_told_in_a_sentence() -> None:
    found = tuning.Change(120, 96, 20, 4, 3, {}, {})
    told = words.change(found, "the pinned threshold", 1.5, labelled=True)
    assert told == (
        "Against the pinned threshold (1.5): **+120 alerts**, of which 96 benign, 20 attack, "
        "4 unlabelled; **+3 incidents**."
    )
    fewer = words.change(tuning.Change(-1, -1, 0, 0, None, {}, {}), "it", 1.5, labelled=True)
    assert fewer == "Against it (1.5): **−1 alert**, all benign."
    assert words.newly_missed({"a*b": 2}) == "Missed altogether now: a\\*b (had 2 alerts)."
