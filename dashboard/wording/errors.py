"""What the Errors view and a flow's own page say."""

from collections.abc import Sequence
from datetime import UTC, datetime

from dashboard.wording.formats import count, number, percent

STUDIO, ERRORS = "Studio", "Errors"
VIEWS = (STUDIO, ERRORS)

SCORES, TIME, FEATURES, LATENT = "Scores", "Over time", "Features", "Latent space"
PARTS = (SCORES, TIME, FEATURES, LATENT)

BY_LABEL, BY_CLASS = "Label", "Class"
SCORE_AXIS = "score (log scale)"
ERROR_AXIS = "reconstruction error of the feature (log scale)"
RIDGES = (
    "Heights go with the logarithm of the number of flows, each row to its own full height; in "
    "brackets how many flows it has."
)
MIRRORED = "Benign flows stand above each line, attacks hang below it."
HEAT = (
    "A score is the sum of the features' errors. Each cell says what part of it a feature makes "
    "up, on average over the flows of a class. Select a feature, here or below."
)
ZEROS = "Errors of 0 stand as one bar at the left end."
NO_LABELS = (
    "The file has no labels, so benign and attack flows cannot be told apart here: all flows "
    "stand in one row."
)
NO_TIMES = (
    "These flows have no times, so nothing can be shown over time. Formats with times are Zeek, "
    "Argus, nfdump, Suricata, NFStream, and CICFlowMeter with its Timestamp column."
)
NO_DETAILS = (
    "These flows were scored before EdgeGuard kept which features fail and where flows lie in the "
    "latent space. Score the file again to see it; its threshold and verdicts stay as they are."
)
NO_DETAILS_NO_FILE = (
    "These flows were scored without details, and the scored file is no longer here; upload it "
    "again on **Data** and score it."
)
SCORE_AGAIN = "Score it again"
NO_WORDS = "Of protocol, service or state this schema knows nothing to group by."
NO_GROUPS = (
    "Grouping by protocol and service needs what `score --details` keeps; score the file again "
    "for it."
)
NO_FLOW = "No flow was scored."
NO_LATENT = "The model gave no latent vector for these flows; train it again with this version."
OPEN_A_FLOW = "Open a flow"
PICK_SAMPLED = "The highest scores among the flows of the picture. Select one to open its page."
LINE = "Line in the source"
BULLETS = (
    "Each bar has a scale of its own. Band: where 90 % of benign flows lie. Tick: what the model "
    "expected. Diamond: this flow."
)
BULLETS_SIMILAR = (
    "Each bar has a scale of its own. Band: what the eight benign flows most like this one have. "
    "Tick: what the model expected. Diamond: this flow."
)
USUAL_OF_ALL = "Usual (benign, 5 to 95 %)"
USUAL_SIMILAR = "Usual in flows like it"
WHAT_IF = "What would make it no alert"
NO_KEYS = "This source names no addresses and no key by which other tools would know the flow."
BACK = "Back to the errors"
ASKING = "Asking the model why …"
GROUP_NAMES = {
    "transport": "Transport",
    "service": "Service",
    "state": "State",
    "src_network": "Source network",
    "dst_network": "Destination network",
    "proto": "Protocol",
    "protocol_type": "Protocol",
    "flag": "Flag",
}


def higher_than(p_value: float | None, extrapolated: bool) -> str:
    """What share of normal traffic a flow scores higher than, from its p-value.

    >>> higher_than(0.004, False), higher_than(None, False)
    ('99.60 % of benign flows', '–')
    >>> higher_than(1e-7, True)
    'every benign flow it was calibrated on'
    """
    if p_value is None:
        return "–"
    if extrapolated:
        return "every benign flow it was calibrated on"
    return f"{percent(1 - p_value, 2)} of benign flows"


def explained(shares: Sequence[float], of: int) -> str:
    """What the picture of the latent space shows of it.

    >>> explained([0.5, 0.2, 0.1], 8)[:68]
    'The first three principal components of the bottleneck of 8 numbers:'
    """
    parts = ", ".join(percent(share, 0) for share in shares)
    return (
        f"The first three principal components of the bottleneck of {of} numbers: they hold "
        f"{percent(sum(shares), 0)} of its variance ({parts})."
    )


def sample_said(shown: int, flows: int) -> str:
    """How many flows a picture shows, and how they were drawn.

    >>> sample_said(3000, 46117)
    '3,000 of 46,117 flows, drawn by chance, evenly over the classes; drag to turn, scroll to zoom.'
    """
    drawn = "" if shown >= flows else ", drawn by chance, evenly over the classes"
    return f"{count(shown)} of {count(flows)} flows{drawn}; drag to turn, scroll to zoom."


def steps(width: str, first_ms: float) -> str:
    """How finely time is cut, and on which day it begins.

    >>> steps("30 min", 0.0)
    'From 1970-01-01, UTC; each step is 30 min. A line ends where a step has no such flow.'
    """
    day = datetime.fromtimestamp(first_ms / 1000, UTC).date().isoformat()
    return f"From {day}, UTC; each step is {width}. A line ends where a step has no such flow."


def why(row: int, score: float, threshold: float | None) -> str:
    """The title of a flow's page: a flow below the threshold is not called odd.

    >>> why(1761, 244.5, 1.3), why(12, 0.3, 1.3)
    ('Why line 1,761 is odd', 'Why line 12 scores only 0.3')
    """
    if threshold is not None and score < threshold:
        return f"Why line {count(row)} scores only {number(score)}"
    return f"Why line {count(row)} is odd"


def what_if(score: float, threshold: float, is_under: bool) -> str:
    """What the changes of an alert come to, at the threshold that the bundle has in force.

    >>> what_if(1.2, 4.6, True)[-51:]
    'the score would be 1.2, under the threshold of 4.6.'
    >>> what_if(9.1, 4.6, False)[-72:]
    'not under the threshold of 4.6: the flow is odd in more than these ways.'
    """
    begins = f"as in a benign flow like it the score would be {number(score)}"
    if is_under:
        return f"With all of these {begins}, under the threshold of {number(threshold)}."
    return (
        f"Even with all of these {begins}, not under the threshold of {number(threshold)}: "
        "the flow is odd in more than these ways."
    )


def ratio(score: float, threshold: float | None) -> str:
    """A score beside the threshold.

    >>> ratio(5.2, 1.3), ratio(0.5, 1.0), ratio(1.0, None)
    ('4 × the threshold', '0.5 × the threshold', '–')
    """
    return "–" if not threshold else f"{number(score / threshold)} × the threshold"
