"""What the Train page says."""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.wording.formats import count, is_undefined, number, percent, plain, plural, size

WHAT = (
    "Learn what is normal in a file, with settings of your own. The recommended ones are already "
    "chosen: **Start** is enough."
)
EMPTY = (
    "There is no file to learn from yet. Take the sample traffic that ships with EdgeGuard (a "
    "synthesised office day, half a minute), or give a file of your own on the Data page."
)
USE_SAMPLE = "Use the sample traffic"
SAMPLE = "Sample traffic (synthesised office day)"
TO_DATA = "Upload a file on the Data page"
CHOOSE = "Choose a file to learn from"
MAP_FIRST = "This file cannot be read as it is. Map its columns on the Data page first."
START = "Start training"
TRAIN_ANOTHER = "Train another"
OPEN_STUDIO = "Open in the Studio"
PREPARE = "Prepare another training"
EARLIER = "Earlier trainings"
NO_EARLIER = "None yet. What is trained here or learned on the Data page is listed here."
NO_NAME = "Give the bundle a name of letters or digits."
NO_FEATURE = "Every feature is left out; keep at least one."
NO_LABELS = (
    "The file has no labels, so all rows are taken as benign: leave known attacks out of it."
)
ALSO_BENIGN = "Label words that mean benign, too"
TAKE_UNLABELLED = "Take unlabelled flows as benign"
CONTEXT = "Learn the recent history of hosts, too"
CONTEXT_HELP = (
    "Counts, gaps and regularity of what a flow's hosts did before it. Only where flows have "
    "times; finds scans and beaconing that no single flow shows."
)
SIZES = {"s": "Small", "m": "Medium", "l": "Large"}
SIZE_HELP = (
    "Widths of the network: 32, 64 or 128. Medium is the measured recipe. Small suits few "
    "features or a tiny box; large seldom finds more."
)
STEPS, EPOCHS = "Steps", "Epochs"
LENGTH_HELP = (
    "A step reads 256 flows at random. An epoch is one pass over all flows that are fitted. "
    "4,000 steps are the measured recipe."
)
SEED_HELP = "The same file, settings and seed give the same model, byte for byte."
PROMISE = "Promised false alarms (% of benign flows)"
PROMISE_HELP = (
    "The threshold is set so that of benign flows like those held out at most this share alerts. "
    "It can be dragged later on; the model stays the same."
)
VARIANT = "Variant that ships"
VARIANTS = {
    "float32": ("float32", "the reference; also runs on the oldest runtimes"),
    "float16": ("float16", "about half the size, practically the same verdicts"),
    "dynamic_int8": ("dynamic int8", "the smallest; up to a few verdicts in a thousand differ"),
}
HIDDEN_LOG = "What the command says"
NOTHING_SAID = "Nothing yet."
SILENT = "No warnings."
FAILED = "The training failed."
KEPT = "The bundle was written all the same, and stands under Bundles at hand on the Overview."
SCORES_GONE = "The scores of this training are gone; score the file again on the Data page."
QUANTILES = (0.5, 0.9, 0.99, 0.999)


def understood(found: Mapping[str, Any], counts: Any) -> str:
    """What is in a file, in one line (``counts`` is a ``training.Understood``)."""
    said = [f"**{plain(str(found.get('schema')))}**", f"{plural(counts.rows, 'row')}"]
    if counts.rows != counts.accepted:
        said.append(f"{count(counts.rows - counts.accepted)} rejected")
    if counts.has_labels:
        said += [f"{count(counts.benign)} benign", plural(counts.attacks, "attack")]
        if counts.unlabelled:
            said.append(f"{count(counts.unlabelled)} unlabelled")
    else:
        said.append("no labels")
    return " · ".join(said)


def learned(flows: int) -> str:
    """How many flows are learned, and what becomes of the rest of the benign ones.

    >>> learned(1000)
    '800 flows are fitted, 200 are held out to set the threshold.'
    """
    held_out = round(flows * 0.2)
    return (
        f"{count(flows - held_out)} flows are fitted, {count(held_out)} are held out to set "
        "the threshold."
    )


def features(chosen: int, of: int) -> str:
    """The heading of the choice of features.

    >>> features(30, 32)
    'Features: 30 of 32'
    """
    return f"Features: {chosen} of {of}"


def group(name: str) -> str:
    """A group of features, for people.

    >>> group("volume")
    'Volume'
    """
    return name.replace("_", " ").capitalize()


def weights(parameters: int) -> str:
    """How large the network is.

    >>> weights(17030)
    'At most 17,030 weights; fewer where the file shows fewer words or lacks a feature.'
    """
    return (
        f"At most {count(parameters)} weights; fewer where the file shows fewer words or lacks "
        "a feature."
    )


def variant(name: str, n_bytes: int) -> str:
    """One variant with its file's size.

    >>> variant("float16", 47372)
    '**float16**, about 47 kB'
    """
    return f"**{VARIANTS[name][0]}**, about {count(n_bytes / 1000)} kB"


def passes(times: float) -> str:
    """How long that is.

    >>> passes(141.2), passes(float("nan"))
    ('Each flow is drawn about 141 times.', '')
    """
    if is_undefined(times):
        return ""
    return f"Each flow is drawn about {number(times)} times."


def steps(number_of: int) -> str:
    """How many steps that is.

    >>> steps(567)
    'About 567 steps of 256 flows.'
    """
    return f"About {plural(number_of, 'step')} of 256 flows."


def busy(title: str) -> str:
    """Why Start is disabled while something is learned."""
    return f"One training at a time: {plain(title)} runs now, and is shown above."


def too_few(benign: int, fewest: int) -> str:
    """Why Start is disabled with this file.

    >>> too_few(12, 50)
    'Only 12 benign flows; at least 50 are needed, better some thousands. Choose more label words \
that mean benign, or another file.'
    """
    return (
        f"Only {plural(benign, 'benign flow')}; at least {fewest} are needed, better some "
        "thousands. Choose more label words that mean benign, or another file."
    )


def taken(name: str, free: str) -> str:
    """What a bundle will be called where the name is taken, or typed otherwise."""
    return f"Will be kept as **{plain(free)}**." if name != free else ""


def left(seconds: float | None) -> str:
    """How long learning still takes.

    >>> left(3.2), left(47), left(200), left(None)
    ('a few seconds', 'about 50 s', 'about 3 min', '–')
    """
    if seconds is None:
        return "–"
    if seconds < 5:
        return "a few seconds"
    if seconds < 90:
        return f"about {-(-round(seconds) // 5) * 5} s"
    return f"about {round(seconds / 60)} min"


def step(at: int | None, of: int | None) -> str:
    """Where learning is.

    >>> step(150, 4000), step(None, None)
    ('150 of 4,000', '–')
    """
    return "–" if at is None or of is None else f"{count(at)} of {count(of)}"


def done(name: str, result: Mapping[str, Any]) -> str:
    """What came of a training, in two sentences."""
    threshold = result.get("threshold") or {}
    fitted = plural(int(result.get("fitted") or 0), "benign flow")
    return (
        f"**{plain(name)}** learned {fitted} in {number(result.get('seconds'))} s. "
        f"Its threshold is **{number(threshold.get('value'))}**: of benign flows like those held "
        f"out at most **{percent(threshold.get('target'), 2)}** are promised to alert."
    )


def broken_promise(audit: Any) -> str:
    """What is said where more flows of the learned file alert than was promised."""
    came = percent(audit.realised, 2)
    return (
        f"{percent(audit.promised, 2)} false alarms were promised, and {came} of this file's "
        "benign flows alert: they differ from those held out. A longer training, "
        "or a file of more days, often helps."
    )


def verdict(figures: Mapping[str, Any]) -> str:
    """Whether a variant passed, or what failed.

    >>> verdict({"passed": True}), verdict({"passed": False, "failures": ["Spearman is .9"]})
    ('passed', 'Spearman is .9')
    """
    return "passed" if figures.get("passed") else "; ".join(figures.get("failures") or ["failed"])


def share_below(share: float) -> str:
    """A quantile in words.

    >>> share_below(0.999)
    '99.9 % score at most'
    """
    return f"{share * 100:g} % score at most"


def log(messages: Sequence[str], stderr: Sequence[str]) -> str:
    """The last lines of a command: where it was, and what it warned of."""
    return "\n".join([*messages, *stderr]) or NOTHING_SAID


def file_size(n_bytes: int | None) -> str:
    """Bytes of a model, or the sign for nothing."""
    return "–" if n_bytes is None else size(n_bytes)
