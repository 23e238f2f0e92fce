import numpy as np
import pytest

from edgeguard_core.evaluation.grouped_scores import BINS, MOST_WORDS, OTHER, GroupedScores


def test_the_parts_added_are_the_whole():
    draw = np.random.default_rng(3)
    words = np.array(["tcp", "udp", "", "icmp"], object)[draw.integers(0, 4, 300)]
    scores = draw.lognormal(0, 3, 300).astype(np.float32)
    label = draw.integers(-1, 2, 300).astype(np.int8)
    whole = GroupedScores.empty("transport").add(words, scores, label)
    parts = GroupedScores.empty("transport")
    for rows in (slice(0, 1), slice(1, 1), slice(1, 170), slice(170, 300)):
        parts = parts.add(words[rows], scores[rows], label[rows])
    assert parts.words == whole.words
    assert (parts.counts == whole.counts).all()
    for k, kind in enumerate((0, 1, -1)):
        for g, word in enumerate(whole.words):
            mine = scores[(label == kind) & (words == ("" if word == "(none)" else word))]
            assert whole.counts[k, g].sum() == len(mine)
            assert (whole.counts[k, g] == np.bincount(BINS.of(mine), minlength=len(BINS))).all()


def test_more_words_than_anybody_reads_are_one():
    words = np.array([f"w{n}" for n in range(3 * MOST_WORDS)] + ["x" * 500] * 2, object)
    n = len(words)
    found = GroupedScores.empty("proto")
    for rows in np.array_split(np.arange(n), 5):
        found = found.add(words[rows], np.ones(len(rows), np.float32), np.zeros(len(rows), np.int8))
    assert len(found.words) == MOST_WORDS + 1
    assert found.words[-1] == OTHER
    assert found.counts.sum() == n
    assert found.counts[0, -1].sum() == n - MOST_WORDS
    assert max(map(len, found.words)) <= 80


def test_arrays_bring_it_back():
    found = GroupedScores.empty("s").add(
        np.array(["a", "b"], object), np.float32([1, 2]), np.int8([0, 1])
    )
    again = GroupedScores.from_arrays("s", found.to_arrays())
    assert again.words == found.words
    assert (again.counts == found.counts).all()
    with pytest.raises(ValueError, match="shape"):
        GroupedScores.from_arrays("s", found.to_arrays() | {"words": np.array(["a"])})
