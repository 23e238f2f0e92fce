"""Labels: from the words of a source to benign, attack or unlabelled, and a class.

What a word means never depends on where a file is cut into batches: whether a column is binary
is decided by its first word.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.schema import LabelSpec, squeeze
from edgeguard_core.flows.table import ATTACK, BENIGN, LABEL_WORDS, UNLABELLED, Labels

BENIGN_WORDS = ("normal", "benign", "normal traffic", "legitimate")
ATTACK_WORDS = ("attack", "malicious", "anomaly")
"""Words for an attack of no named kind, known in every schema."""

_UNLABELLED_WORDS = ("", "-", "(empty)", "none", "nan", "null", "unlabelled", "unlabeled")
_BINARY = {"0", "1"}
_TRUTHS = {"false": "0", "true": "1"}
_WHOLE_NUMBER = re.compile(r"([+-]?\d+)\.0*")  # a table program's 1.0 for 1
_MOST_WORDS_NAMED = 8

# CICIDS2017 wrote an en dash in code page 1252; read as UTF-8 it becomes U+FFFD, and that,
# written and read as Latin-1 once more, three letters.
_MANGLED_DASH = re.compile("\ufffd|\u00ef\u00bf\u00bd|\u00e2\u0080\u0093|\u00e2\u20ac\u201c|\u0096")


def mend(text: str) -> str:
    """A label's text, trimmed, with its mangled dash put right.

    >>> ascii(mend(" Web Attack \\ufffd XSS "))
    "'Web Attack \\\\u2013 XSS'"
    """
    return _MANGLED_DASH.sub("\N{EN DASH}", text).strip()


@dataclass
class LabelReader:
    """Turns label words into labels, batch by batch, and remembers the words it met.

    Parameters
    ----------
    spec
        Which words are known attacks.
    benign_words
        Further words that mean benign, compared without case.

    Examples
    --------
    >>> reader = LabelReader(LabelSpec())
    >>> labels = reader.read(np.array(["BENIGN", "Bot", "-"], object))
    >>> labels.label.tolist(), labels.class_name.tolist()
    ([0, 1, -1], ['benign', 'Bot', 'unlabelled'])
    """

    spec: LabelSpec
    benign_words: tuple[str, ...] = ()
    benign_seen: bool = False
    unknown: Counter[str] = field(default_factory=Counter)
    _binary: bool | None = None
    _in_binary: Counter[str] = field(default_factory=Counter)  # what a binary column holds

    def __post_init__(self) -> None:
        self._benign = {_spelling(_plain(word)) for word in (*BENIGN_WORDS, *self.benign_words)}
        self._benign |= {_spelling(_plain(word)) for word in self.spec.benign if "*" not in word}
        self._attack = {squeeze(mend(word)) for word in (*ATTACK_WORDS, *self.spec.attack)}
        self._patterns = [
            (word.lower(), label)
            for label, words in ((BENIGN, self.spec.benign), (ATTACK, self.spec.attack))
            for word in words
            if "*" in word
        ]

    def read(
        self,
        coarse: NDArray[np.object_],
        fine: NDArray[np.object_] | None = None,
    ) -> Labels:
        """The labels of some rows; ``coarse`` decides, ``fine`` names the class.

        Parameters
        ----------
        coarse, fine
            Words of shape ``(n,)``; None counts as empty.
        """
        texts = ["" if word is None else str(word) for word in coarse]
        counts = Counter(texts)
        words = {text: self._stripped(_plain(text)) for text in counts}
        self._settle_binary(words[text] for text in texts)
        decided = {text: self._decide(word) for text, word in words.items()}
        self._remember(counts, decided)
        label = np.fromiter((decided[word][0] for word in texts), np.int8, len(texts))
        class_name = np.array([decided[word][1] for word in texts], object)
        if fine is not None:
            self._name_classes(class_name, label != BENIGN, fine)
        return Labels(label, class_name)

    def problem(self) -> str | None:
        """Why these labels cannot be trusted, as a sentence; None when they can."""
        if self._in_binary.keys() - _BINARY and not self._benign & _BINARY:
            return (
                f"The label column begins like one of 0 and 1 and holds {_named(self._in_binary)}; "
                "say which one is benign with --benign 0 or --benign 1, or mend the column."
            )
        if self.benign_seen or not self.unknown:
            return None
        return (
            f"The label column holds no known word for benign traffic but {_named(self.unknown)}; "
            "say which one is benign with --benign WORD, or, where all are attacks, list them "
            "under label: attack: in a copy of the schema (`edgeguard schema show`) and give it "
            "with --schema."
        )

    def warnings(self) -> list[str]:
        """A line for the words that were taken as attacks without being known."""
        if self.problem() is not None or not self.unknown:
            return []
        named = ", ".join(
            f"{word!r} ({n})" for word, n in self.unknown.most_common(_MOST_WORDS_NAMED)
        )
        return [f"Unknown label words count as attacks: {named}."]

    def _settle_binary(self, words: Iterable[str]) -> None:
        """The first word of a column says whether it is one of 0 and 1."""
        if self._binary is None:
            told = (word for word in words if word.lower() not in _UNLABELLED_WORDS)
            first = next(told, None)
            self._binary = None if first is None else first in _BINARY

    def _decide(self, word: str) -> tuple[int, str]:
        low = word.lower()
        if low in _UNLABELLED_WORDS:
            return UNLABELLED, LABEL_WORDS[UNLABELLED]
        if _spelling(word) in self._benign:
            return BENIGN, LABEL_WORDS[BENIGN]
        if self._binary and word in _BINARY:
            # 0 is benign, unless the person said that 1 is
            number = BENIGN if word == "0" and not self._benign & _BINARY else ATTACK
            return number, LABEL_WORDS[number]
        known = self._by_pattern(low)
        if known == BENIGN:
            return BENIGN, LABEL_WORDS[BENIGN]
        unknown = known is None and not self._is_known_attack(word)
        if low.startswith("background") or (unknown and self.spec.only_known):
            return UNLABELLED, word
        return ATTACK, word.rstrip(".")  # KDD 99 ends its words in a full stop

    def _remember(self, counts: Counter[str], decided: dict[str, tuple[int, str]]) -> None:
        for text, count in counts.items():
            label, name = decided[text]
            if label == BENIGN:
                self.benign_seen = True
            elif label == ATTACK and not self._is_known_attack(name):
                self.unknown[name] += count
            if self._binary and label != UNLABELLED:
                self._in_binary[_plain(text)] += count

    def _is_known_attack(self, name: str) -> bool:
        return squeeze(name) in self._attack or self._by_pattern(name.lower()) == ATTACK

    def _by_pattern(self, low: str) -> int | None:
        return next((label for word, label in self._patterns if fnmatchcase(low, word)), None)

    def _stripped(self, word: str) -> str:
        for start in self.spec.strip:
            if word.lower().startswith(start.lower()):
                return word[len(start) :].strip()
        return word

    def _name_classes(
        self,
        class_name: NDArray[np.object_],
        named: NDArray[np.bool_],
        fine: NDArray[np.object_],
    ) -> None:
        """Let the fine column name what is not benign, where it says anything."""
        silent = {*_UNLABELLED_WORDS, *_BINARY}
        texts = ["" if word is None else str(word) for word in fine[named]]
        words = {text: _plain(text) for text in set(texts)}
        names = {
            text: word.rstrip(".")
            for text, word in words.items()
            if word.lower() not in silent and _spelling(word) not in self._benign
        }
        for row, text in zip(np.flatnonzero(named), texts, strict=True):
            if text in names:
                class_name[row] = names[text]


def _named(words: Counter[str]) -> str:
    return ", ".join(repr(word) for word, _ in words.most_common(_MOST_WORDS_NAMED))


def _plain(text: str) -> str:
    """A label's text, mended, and 1 where a table program wrote 1.0 or True."""
    word = mend(text)
    if (number := _TRUTHS.get(word.lower())) is not None:
        return number
    whole = _WHOLE_NUMBER.fullmatch(word)
    return whole[1] if whole else word


def _spelling(word: str) -> str:
    """A word as it is compared: without case, KDD's final stop, and underscores for blanks."""
    return " ".join(word.lower().replace("_", " ").rstrip(".").split())
