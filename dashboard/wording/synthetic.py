"""What is said of known attacks that are laid into somebody's traffic: synthetic, every time."""

from typing import Any

from dashboard.wording.formats import count, percent, plain
from dashboard.wording.live import ATTACKS

BADGE = ":violet-badge[:material/science: synthetic]"
TITLE = "Known attacks in this traffic"
LAY = "Lay known attacks into this traffic"
LAY_AGAIN = "Lay them in again"
WHY = (
    "Nothing is labelled here, so what is caught or missed cannot be known. Known attacks, made up "
    "and laid into a copy of your file at three strengths, show what this model would catch of "
    "them at each threshold. Your own flows stay as they are and are counted without them."
)
WHY_LABELLED = (
    "Beside the labelled attacks: known ones, made up and laid into a copy of this file at three "
    "strengths. Figures and labels above are counted without them."
)
DIFFERENT = "They are synthetic: real attackers may look different."
STALE = (
    "Attacks were laid into this file before, but another model scored them, so their recall says "
    "nothing about this one: lay them in again."
)
NO_TIMES = (
    "Known attacks cannot be laid into these flows: they carry no time, and attacks differ in "
    "their pace. Score flows with times, such as a Zeek log."
)
NO_HOSTS = (
    "Known attacks cannot be laid into these flows: they name no hosts, and an attack needs one to "
    "come from and one to go to. Score flows with addresses, such as a Zeek log."
)
FILE_GONE = (
    "Known attacks cannot be laid into this traffic: its file is gone. Upload it again on the Data "
    "page."
)
BUSY = "Attacks are being laid into another file: wait for that to end."
NAME_IT = "Name the recall on synthetic attacks, too"


def other_schema(schema: str) -> str:
    """Why flows of a data set with columns of its own take no attacks."""
    return (
        f"Known attacks cannot be laid into flows of schema {plain(schema)}: it records more of a "
        "flow than can be made up. Score the log of a flow meter such as Zeek, or map the columns "
        "onto flow on the Data page."
    )


def job_title(file: str, bundle: str) -> str:
    """What a job is called."""
    return f"Lay known attacks into {file}, judged by {bundle}"


def kind(name: str) -> str:
    """A kind of attack for people.

    >>> kind("vertical_scan"), kind("some_new_one")
    ('Port scan', 'Some new one')
    """
    known = ATTACKS.get(name)
    return known[0] if known else name.replace("_", " ").capitalize()


def done(laid: Any) -> str:
    """What was laid in (a ``LaidAttacks``)."""
    return (
        f"{count(len(laid))} flows of {len(laid.kinds)} kinds of attack, each at "
        f"{', '.join(laid.strengths)} strength, stand in a copy of this file; recall on them moves "
        f"with the line above. {DIFFERENT}"
    )


def recall(laid: Any, value: float) -> str:
    """Recall on what was laid in at a threshold, for the reason of a policy."""
    means = laid.means(laid.recall_at(value)).tolist()
    told = ", ".join(
        f"{name} {percent(mean)}" for name, mean in zip(laid.strengths, means, strict=True)
    )
    return f"[synthetic attacks caught, mean of {len(laid.kinds)} kinds: {told}]"
