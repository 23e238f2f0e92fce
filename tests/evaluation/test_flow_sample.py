import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.evaluation.flow_sample import StratifiedSample, level

CLASSES = ("benign", "scan", "bot")


def sampled(class_of: np.ndarray, cuts: list[int], size: int, seed: int = 0) -> StratifiedSample:
    sample, done = StratifiedSample(size=size, seed=seed), 0
    for part in np.split(class_of, sorted(min(cut, len(class_of)) for cut in cuts)):
        start = done
        sample.add(part, CLASSES, lambda rows, start=start: {"row": rows + start + 2})
        done += len(part)
        assert len(sample) <= size
    return sample


@given(
    st.lists(st.sampled_from([0, 0, 0, 0, 1, 2]), max_size=120).map(np.array),
    st.lists(st.integers(0, 120), max_size=4),
    st.integers(1, 40),
)
@settings(deadline=None)
def test_any_cut_gives_the_same_flows(class_of, cuts, size):
    class_of = class_of.astype(np.int64)
    whole, parts = sampled(class_of, [], size), sampled(class_of, cuts, size)
    assert parts.position.tolist() == whole.position.tolist()
    assert parts.class_names.tolist() == whole.class_names.tolist()
    if len(whole):
        assert (whole.columns["row"] == whole.position + 2).all()
        assert (parts.columns["row"] == parts.position + 2).all()
        names = np.array(CLASSES, object)[class_of]
        assert (whole.class_names == names[whole.position]).all()


def test_every_class_is_there_and_rare_ones_whole():
    class_of = np.array([0] * 5000 + [1] * 300 + [2] * 7)
    found = sampled(class_of, [1000, 5100], 200)
    counts = {name: found.class_names.tolist().count(name) for name in CLASSES}
    assert counts == {"benign": 96, "scan": 96, "bot": 7}


def test_the_seed_chooses_and_chance_is_even():
    class_of = np.zeros(2000, np.int64)
    first, again, other = (sampled(class_of, [], 400, seed) for seed in (1, 1, 2))
    assert first.position.tolist() == again.position.tolist()
    assert first.position.tolist() != other.position.tolist()
    assert 150 < (first.position < 1000).sum() < 250


def test_only_those_that_stay_are_asked_for():
    asked: list[int] = []

    def columns(rows: np.ndarray) -> dict[str, np.ndarray]:
        asked.append(len(rows))
        return {"row": rows}

    sample = StratifiedSample(size=10)
    for _ in range(50):
        sample.add(np.zeros(100, np.int64), ("benign",), columns)
    assert asked[0] == 10
    assert sum(asked) < 100  # some 10 × (1 + log 50) are expected
    assert len(sample.columns["row"]) == 10


@pytest.mark.parametrize(
    ("flows", "size", "wanted"), [([], 5, 0), ([3], 5, 3), ([100, 1, 2], 13, 10), ([4, 4], 7, 3)]
)
def test_the_level_fills_the_room_from_below(flows, size, wanted):
    assert level(flows, size) == wanted
    assert sum(min(n, level(flows, size)) for n in flows) <= size
