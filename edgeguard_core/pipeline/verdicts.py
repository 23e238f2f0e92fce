"""Verdicts of people, laid on the flows that a reading gave: which one speaks of which flow.

A flow is found by the content of its file and its line. Where a label in the file says the
opposite of a verdict, neither is believed: two words about one flow are none.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection.feedback import Feedback, Judgement
from edgeguard_core.detection.queue import NO_VERDICT, VERDICT_CODES, verdict_codes
from edgeguard_core.detection.review import Verdict
from edgeguard_core.flows.table import ATTACK, BENIGN, LABEL_WORDS, UNLABELLED, Flows, Labels

TRUE, FALSE, KNOWN = (VERDICT_CODES[word] for word in (Verdict.TRUE, Verdict.FALSE, Verdict.KNOWN))
JUDGED_CLASS: Final = "judged true"
"""Class of a flow that nobody labelled and somebody judged an attack."""


@dataclass(frozen=True)
class Verdicts:
    """The latest verdict on each flow, of several feedback files.

    Attributes
    ----------
    of_file
        By the SHA-256 of the judged file, then by line.
    overruled
        Flows of which two files said different things; the later word counts, as in the log.
    """

    of_file: Mapping[str, Mapping[int, Judgement]] = field(default_factory=dict)
    overruled: int = 0

    @classmethod
    def of(cls, feedback: Iterable[Feedback]) -> "Verdicts":
        """Those of some feedback files, whatever their order."""
        found: dict[str, dict[int, Judgement]] = {}
        overruled: set[tuple[str, int]] = set()
        for said in feedback:
            of_file = found.setdefault(said.sha256, {})
            for each in said.judgements:
                row = each.flow.row
                before = of_file.get(row)
                if before is not None and before.verdict != each.verdict:
                    overruled.add((said.sha256, row))
                if before is None or _is_later(each, before):
                    of_file[row] = each
        return cls(found, len(overruled))

    def __bool__(self) -> bool:
        return any(self.of_file.values())


def _is_later(one: Judgement, other: Judgement) -> bool:
    # Of one moment the more careful word counts, so that the order of the files says nothing.
    careful = (Verdict.KNOWN, Verdict.FALSE, Verdict.TRUE)
    return (one.when, careful.index(one.verdict)) > (other.when, careful.index(other.verdict))


@dataclass(frozen=True, eq=False)
class JudgedFlows:
    """What was said of n flows.

    Attributes
    ----------
    codes
        A code of ``VERDICT_CODES`` each, ``(n,)``; ``NO_VERDICT`` also where a label contradicts.
    contradicted
        Which flows have a verdict and a label that says the opposite, ``(n,)``.
    by_person
        Flows by who judged and by verdict, those that a label contradicts left out.
    warnings
        What a person should know, a sentence each.
    """

    codes: NDArray[np.int8]
    contradicted: NDArray[np.bool_]
    by_person: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def is_benign(self) -> NDArray[np.bool_]:
        """Which flows somebody judged false or known benign, ``(n,)``."""
        found: NDArray[np.bool_] = (self.codes == FALSE) | (self.codes == KNOWN)
        return found

    def labelled(self, flows: Flows) -> Flows:
        """The flows with labels where verdicts say more than their file; needs labels."""
        if flows.labels is None:
            raise ValueError("verdicts alone are no labels: what nobody judged would count as such")
        label, name = flows.labels.label.copy(), flows.labels.class_name.copy()
        benign, unknown = self.is_benign, (self.codes == TRUE) & (label != ATTACK)
        label[benign], name[benign] = BENIGN, LABEL_WORDS[BENIGN]
        label[unknown], name[unknown] = ATTACK, JUDGED_CLASS
        label[self.contradicted] = UNLABELLED
        name[self.contradicted] = LABEL_WORDS[UNLABELLED]
        return replace(flows, labels=Labels(label, name))


def judged_flows(
    line: NDArray[np.int64],
    timeline: NDArray[np.int64],
    labels: Labels | None,
    sha256s: Sequence[str],
    verdicts: Verdicts,
) -> JudgedFlows:
    """Which verdict each of n flows has.

    Parameters
    ----------
    line, timeline
        Of each flow its line and its file, ``(n,)``; files count from 0.
    labels
        What the files themselves say.
    sha256s
        Of each file's content.

    Examples
    --------
    >>> nothing = judged_flows(np.array([2, 3]), np.zeros(2, int), None, ["5e" * 32], Verdicts())
    >>> nothing.codes.tolist(), nothing.warnings
    ([0, 0], ())
    """
    codes = np.full(len(line), NO_VERDICT, np.int8)
    counted: dict[str, Counter[str]] = {}
    lost = 0
    contradicted = np.zeros(len(line), np.bool_)
    for file, sha256 in enumerate(sha256s):
        said = verdicts.of_file.get(sha256)
        if not said:
            continue
        mine = np.flatnonzero(timeline == file)
        found = verdict_codes(line[mine], {row: each.verdict for row, each in said.items()})
        codes[mine] = found
        lost += len(said) - int((found != NO_VERDICT).sum())
        against = _against(found, None if labels is None else labels.label[mine])
        contradicted[mine[against]] = True
        for row in line[mine[(found != NO_VERDICT) & ~against]].tolist():
            each = said[row]
            counted.setdefault(each.who, Counter())[each.verdict.value] += 1
    told = _warnings(codes, contradicted, lost, verdicts.overruled)
    codes[contradicted] = NO_VERDICT
    by_person = {who: dict(sorted(counts.items())) for who, counts in sorted(counted.items())}
    return JudgedFlows(codes, contradicted, by_person, told)


def _against(codes: NDArray[np.int8], label: NDArray[np.int8] | None) -> NDArray[np.bool_]:
    if label is None:
        return np.zeros(len(codes), np.bool_)
    benign = (codes == FALSE) | (codes == KNOWN)
    against: NDArray[np.bool_] = (benign & (label == ATTACK)) | (
        (codes == TRUE) & (label == BENIGN)
    )
    return against


def _warnings(
    codes: NDArray[np.int8], contradicted: NDArray[np.bool_], lost: int, overruled: int
) -> tuple[str, ...]:
    found = []
    for code, word, label in (
        (KNOWN, "known benign", "an attack"),
        (FALSE, "false", "an attack"),
        (TRUE, "true", "benign"),
    ):
        if count := int((contradicted & (codes == code)).sum()):
            found.append(
                f"{_flows(count)} judged {word} {_is(count)} labelled {label} in the file: two "
                "words about one flow are none, so nothing is learned or tuned by it; mend the "
                "label or withdraw the verdict."
            )
    if lost:
        found.append(f"{lost:,} judged lines hold no flow that was accepted here.")
    if overruled:
        found.append(
            f"Feedback files disagree about {_flows(overruled)}: the later verdict counts."
        )
    return tuple(found)


def _flows(count: int) -> str:
    return "1 flow" if count == 1 else f"{count:,} flows"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
