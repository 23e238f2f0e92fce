"""Labels: which word means what, as every reader of a file must agree."""

import numpy as np
import pytest

from edgeguard_core.flows import ATTACK, BENIGN, UNLABELLED, Labels, LabelSpec
from edgeguard_core.flows.labels import LabelReader


def words(*texts: object) -> np.ndarray:
    return np.array(texts, object)


def read(reader: LabelReader, *texts: object) -> list[tuple[int, str]]:
    labels = reader.read(words(*texts))
    return list(zip(labels.label.tolist(), labels.class_name.tolist(), strict=True))


@pytest.mark.parametrize(
    ("text", "label", "name"),
    [
        ("normal", BENIGN, "benign"),
        ("  BENIGN ", BENIGN, "benign"),
        ("Normal Traffic", BENIGN, "benign"),
        ("legitimate", BENIGN, "benign"),
        ("normal.", BENIGN, "benign"),  # KDD 99
        ("neptune.", ATTACK, "neptune"),
        ("Background", UNLABELLED, "Background"),
        ("background-attempt", UNLABELLED, "background-attempt"),
        ("-", UNLABELLED, "unlabelled"),
        ("", UNLABELLED, "unlabelled"),
        (None, UNLABELLED, "unlabelled"),
        ("(empty)", UNLABELLED, "unlabelled"),
        ("NaN", UNLABELLED, "unlabelled"),
        ("C&C-HeartBeat", ATTACK, "C&C-HeartBeat"),
        ("0", ATTACK, "0"),  # a number among words is no binary column
    ],
)
def test_a_word_beside_others(text: object, label: int, name: str) -> None:
    assert read(LabelReader(LabelSpec()), "benign", "Bot", text)[2] == (label, name)


@pytest.mark.parametrize("cells", [("0", "1", "-"), ("0.0", "1.0", ""), (0.0, 1.0, None)])
def test_zero_is_benign_in_a_binary_column(cells: tuple[object, ...]) -> None:
    reader = LabelReader(LabelSpec())
    assert read(reader, *cells) == [
        (BENIGN, "benign"),
        (ATTACK, "attack"),
        (UNLABELLED, "unlabelled"),
    ]
    assert reader.problem() is None
    assert reader.warnings() == []


def test_the_person_may_say_that_one_is_benign() -> None:
    found = read(LabelReader(LabelSpec(), benign_words=("1",)), "0", "1")
    assert found == [(ATTACK, "attack"), (BENIGN, "benign")]


def test_a_sign_makes_another_word() -> None:
    """Outlier sets write 1 for an inlier and -1 for an outlier."""
    reader = LabelReader(LabelSpec(), benign_words=("1",))
    assert read(reader, "-1", "1.0") == [(ATTACK, "-1"), (BENIGN, "benign")]


def test_numbered_classes_need_the_persons_word() -> None:
    reader = LabelReader(LabelSpec())
    read(reader, 0.0, 1.0, 2.0)
    assert "'0', '1', '2'" in (reader.problem() or "")
    read(other := LabelReader(LabelSpec()), 2.0, 0.0, 1.0)
    assert "'2', '0', '1'" in (other.problem() or "")
    chosen = LabelReader(LabelSpec(), benign_words=("0",))
    assert [name for _, name in read(chosen, 0.0, 1.0, 2.0)] == ["benign", "attack", "2"]


@pytest.mark.parametrize("sizes", [(4,), (3, 1), (1, 1, 1, 1), (2, 2)])
@pytest.mark.parametrize(
    ("texts", "names", "words_of_the_problem"),
    [
        (("0", "1", "0", "Bot"), ["benign", "attack", "benign", "Bot"], "'0', '1', 'Bot'"),
        (("", "1", "normal", "0"), ["unlabelled", "attack", "benign", "benign"], "'normal'"),
        (("normal", "1", "0", "Bot"), ["benign", "1", "0", "Bot"], None),
        (("0", "-", "1", "0.0"), ["benign", "unlabelled", "attack", "benign"], None),
    ],
)
def test_what_words_mean_does_not_depend_on_the_batch(
    sizes: tuple[int, ...], texts: tuple[str, ...], names: list[str], words_of_the_problem: str
) -> None:
    reader, found, start = LabelReader(LabelSpec()), [], 0
    for size in sizes:
        found += [name for _, name in read(reader, *texts[start : start + size])]
        start += size
    assert found == names
    problem = reader.problem()
    assert (problem is None) == (words_of_the_problem is None)
    if problem is not None:
        assert words_of_the_problem in problem
        assert "--benign 0" in problem


@pytest.mark.parametrize("sizes", [(3,), (2, 1)])
def test_the_persons_number_settles_a_column_that_stops_being_binary(
    sizes: tuple[int, ...],
) -> None:
    reader, texts, found = LabelReader(LabelSpec(), benign_words=("0",)), ["0", "1", "Bot"], []
    for size in sizes:
        found += read(reader, *texts[:size])
        del texts[:size]
    assert found == [(BENIGN, "benign"), (ATTACK, "attack"), (ATTACK, "Bot")]
    assert reader.problem() is None


def test_an_unknown_word_counts_as_attack_with_a_warning() -> None:
    reader = LabelReader(LabelSpec(attack=("Port Scan",)))
    assert read(reader, "normal", "PORT-SCAN", "Gremlin", "Gremlin")[3] == (ATTACK, "Gremlin")
    assert reader.warnings() == ["Unknown label words count as attacks: 'Gremlin' (2)."]
    assert reader.problem() is None


def test_no_benign_word_is_a_problem_that_lists_the_values() -> None:
    reader = LabelReader(LabelSpec())
    read(reader, "gut", "schlecht", "gut")
    problem = reader.problem() or ""
    assert "'gut', 'schlecht'" in problem
    assert "--benign WORD" in problem
    assert "where all are attacks" in problem
    assert reader.warnings() == []


def test_known_attacks_alone_are_no_problem() -> None:
    reader = LabelReader(LabelSpec(attack=("DDoS",)))
    read(reader, "DDoS", "attack", "Malicious")
    assert reader.problem() is None


@pytest.mark.parametrize("word", ["gut", "GUT ", "g_u_t", "正常"])
def test_the_persons_own_benign_word(word: str) -> None:
    reader = LabelReader(LabelSpec(), benign_words=("gut", "G U T", "正常"))
    assert read(reader, word, "schlecht") == [(BENIGN, "benign"), (ATTACK, "schlecht")]


def test_the_coarse_column_decides_and_the_fine_one_names() -> None:
    reader = LabelReader(LabelSpec())
    labels = reader.read(
        words("0", "1", "1", "1", "0"),
        words("Normal", "Exploits", " Fuzzers ", "-", "Fuzzers"),
    )
    assert labels.label.tolist() == [0, 1, 1, 1, 0]
    assert labels.class_name.tolist() == ["benign", "Exploits", "Fuzzers", "attack", "benign"]


@pytest.mark.parametrize(
    "dash", ["\x96", "\u2013", "\ufffd", "\u00ef\u00bf\u00bd", "\u00e2\u20ac\u201c"]
)
def test_the_mangled_dash_of_web_attacks_is_put_right(dash: str) -> None:
    reader = LabelReader(LabelSpec(attack=("Web Attack - XSS",)))
    assert read(reader, "BENIGN", f"Web Attack {dash} XSS")[1] == (ATTACK, "Web Attack – XSS")
    assert reader.warnings() == []


def test_labels_of_some_rows() -> None:
    labels = Labels.unknown(3)
    assert labels.label.tolist() == [UNLABELLED] * 3
    assert labels.select(np.array([0, 2])).class_name.tolist() == ["unlabelled"] * 2
