"""Which flows a run may learn as normal: by labels, signs of attack, and people's verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.runs.config import PipelineConfig
from edgeguard_core.pipeline.splits import NormalFlows, normal_flows, unlabelled_as_benign
from edgeguard_core.pipeline.suspicion import Suspicion, nobody_judged, suspect
from edgeguard_core.pipeline.train import CALIBRATION_SHARE
from edgeguard_core.pipeline.verdicts import (
    FALSE,
    KNOWN,
    TRUE,
    JudgedFlows,
    Verdicts,
    judged_flows,
)
from edgeguard_core.sources import ReadReport


@dataclass(frozen=True)
class Said:
    """Verdicts, and the SHA-256 of each file that is read, in the order of reading."""

    verdicts: Verdicts = field(default_factory=Verdicts)
    sha256s: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Learnable:
    """The flows of a run with what is known of each; n flows, m of them normal.

    Attributes
    ----------
    flows
        All of them; where files have labels, verdicts add to these.
    normal
        What would be learned if nobody had looked: flows judged true are still among them, so that
        rules about many flows see all of an attack.
    is_open
        Which of the normal flows nobody labelled or judged benign, ``(m,)``.
    timeline
        Which file each normal flow is from, ``(m,)``.
    judged
        What people said of all flows.
    """

    flows: Flows
    normal: NormalFlows
    is_open: NDArray[np.bool_]
    timeline: NDArray[np.int64]
    judged: JudgedFlows

    @property
    def codes(self) -> NDArray[np.int8]:
        """The verdict on each normal flow, ``(m,)``."""
        return self.judged.codes[self.normal.rows]

    def suspicion(self, config: PipelineConfig) -> Suspicion:
        """Which of the normal flows look like an attack that nobody vouches for."""
        return suspect(
            self.normal,
            self.is_open,
            self.timeline,
            keep=config.keep_suspected,
            held_out=CALIBRATION_SHARE,
            promise=config.promise,
            whose="labelled or judged" if self.judged.by_person else "labelled",
        )

    def cleaned(self, suspicion: Suspicion) -> NormalFlows:
        """What is learned from: without suspected flows, and without those judged true."""
        some = self.codes == TRUE
        some[suspicion.left_out] = True
        return self.normal.without(some, suspicion.warnings)


def learnable(
    config: PipelineConfig, flows: Flows, report: ReadReport, said: Said | None = None
) -> Learnable:
    """Which flows may be learned, before and after people's verdicts.

    Raises
    ------
    SchemaError, NotEnoughDataError
        As ``normal_flows``.
    """
    said = said or Said()
    unjudged = nobody_judged(flows)
    judged = judged_flows(flows.line, report.timeline, flows.labels, said.sha256s, said.verdicts)
    if config.take_unlabelled:
        flows = unlabelled_as_benign(flows)
    if flows.labels is not None and (flows.is_benign | flows.is_attack).any():
        flows = judged.labelled(flows)
    normal = normal_flows(flows, report)
    # Where nobody labelled anything all flows are there; else those judged true come back for now.
    rows = normal.rows | (judged.codes == TRUE)
    kept = flows if normal.flows.labels is not None else replace(flows, labels=None)
    if judged.by_person or judged.warnings:
        normal = NormalFlows(kept.select(rows), rows, [*normal.warnings, *judged.warnings])
    is_open = (unjudged & ~judged.is_benign)[normal.rows]
    return Learnable(flows, normal, is_open, report.timeline[normal.rows], judged)


def places(
    config: PipelineConfig, codes: NDArray[np.int8]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which flows are fitted wherever they stand, and which are not fitted, ``(m,)`` each."""
    use = config.feedback
    always = np.zeros(len(codes), np.bool_)
    for code, learns in ((KNOWN, use.learn_known_benign), (FALSE, use.learn_false_positives)):
        always |= (codes == code) & learns
    benign = (codes == KNOWN) | (codes == FALSE)
    return always, benign & ~always


def account(
    found: Learnable, always: NDArray[np.bool_], never: NDArray[np.bool_]
) -> dict[str, Any]:
    """What a run keeps of whose verdicts did what; {} where there was none."""
    judged = found.judged
    if not judged.by_person and not judged.contradicted.any():
        return {}
    return {
        "by": {who: dict(counts) for who, counts in judged.by_person.items()},
        "fitted": int(always.sum()),
        "benign_not_fitted": int(never.sum()),
        "never_learned": int((judged.codes == TRUE).sum()),
        "contradicted": int(judged.contradicted.sum()),
    }


def told(account: Mapping[str, Any]) -> list[str]:
    """The account in sentences, for the run's log.

    >>> told({"by": {"ann": {"known benign": 12}}, "fitted": 12, "benign_not_fitted": 0,
    ...       "never_learned": 0, "contradicted": 0})
    ['Verdicts of ann (12 known benign): 12 flows are fitted.']
    """
    if not account:
        return []
    whose = "; ".join(
        f"{who} ({', '.join(f'{n:,} {word}' for word, n in counts.items())})"
        for who, counts in account["by"].items()
    )
    parts = [
        f"{account[key]:,} flow{'' if account[key] == 1 else 's'} {what}"
        for key, one, many in (
            ("fitted", "is fitted", "are fitted"),
            ("benign_not_fitted", "counts as benign and is not fitted",
             "count as benign and are not fitted"),
            ("never_learned", "is never learned", "are never learned"),
            ("contradicted", "has a label that says the opposite and is left out",
             "have labels that say the opposite and are left out"),
        )
        if account[key]
        for what in [one if account[key] == 1 else many]
    ]  # fmt: skip
    return [f"Verdicts of {whose or 'nobody'}: {', '.join(parts)}."]
