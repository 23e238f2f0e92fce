"""What the Pipeline page says."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dashboard.wording.formats import UNDEFINED, is_undefined, number, percent, plain, plural, size

WHAT = (
    "One config leads from files of flows to a registered bundle, in eight stages. Gates stand "
    "between them and may refuse; a run that is refused registers nothing."
)
RUNS, REGISTRY, DRIFT = "Runs", "Registry", "Drift"
PARTS = (RUNS, REGISTRY, DRIFT)
CONFIG = "Config"
START = "Start a run"
STARTS = (
    "Runs the eight stages of this config, beside the page. It can be stopped and gone on with."
)
GO_ON = "Go on with this run"
GO_ON_HELP = (
    "By the config as it is now: what is unchanged is not done again, gates are judged anew."
)
STOPPED = (
    "The run was stopped. What its stages had made stays: choose it below and go on with it, or "
    "start another one, which takes over what is unchanged."
)
STOPPING = "It is given ten seconds to clear up, then it is ended."
NO_RUNS = (
    "There is no run of this config yet. **Start a run** makes the first: it reads the files, "
    "trains, judges and converts a model, and registers it where no gate refuses."
)
NO_VERSIONS = (
    "Nothing is registered yet. A run that gets through all its gates registers its bundle here, "
    "and the first one leads."
)
NO_DRIFT = (
    "No run was held against a champion yet. The first run makes the champion; each later one is "
    "compared with it here."
)
NO_LOG = "The run has said nothing yet."
CHOOSE_RUN = "Show run"
LOG = "Log of the run"
LINEAGE = "Lineage: which stage made what, from what"
CHOOSE_VERSION = "Version"
REASON = "why, for whoever reads the history later"
AUTHOR = "your name"
INCOMPLETE = "Say who decides and why: both stay in the registry's history."
ROLL_BACK = "Roll back"
ROLL_BACK_HELP = "Makes the champion before the present one champion again."
END_SHADOW = "End the shadow"
SHADOW_HELP = "The shadow scores beside the champion and raises no alert."
HISTORY = "History"
DECIDE = "Decide"
DRIFT_WHAT = (
    "How far the flows of each run had moved against the champion of its day. A dashed line is "
    "the limit of the gate, or from where on scores count as drifted."
)
FEEDBACK_HOW = (
    "To use them all, write this into the config, and see that each judged file is under `data`:"
)
SHARE_TITLE, SHIFT_TITLE = "drifted features", "score shift"

# How a stage or a run stands: colour, icon, word.
_LOOKS = {
    "done": ("green", "check", "done"),
    "skipped": ("green", "fast_forward", "unchanged"),
    "reused": ("green", "fast_forward", "taken over"),
    "refused": ("red", "block", "refused"),
    "failed": ("red", "error", "failed"),
    "running": ("blue", "hourglass_top", "running"),
    "unfinished": ("orange", "pause", "unfinished"),
    "not reached": ("gray", "remove", "not reached"),
}
ACTIONS = {
    "register": "registered",
    "promote": "promoted",
    "rollback": "rolled back",
    "shadow": "shadow",
    "remove": "removed",
}
_LEADS = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "false_alarms": "fewer false alarms",
    "injected_recall": "recall on synthetic attacks",
}


def no_config(folder: Path) -> str:
    """What is said where there is no config at hand."""
    return (
        f"There is no config here. Write one that says `data:` and put it into "
        f"`{plain(str(folder))}` as `pipeline.yaml`; its other keys have defaults."
    )


def config_option(path: Path, *, is_project: bool) -> str:
    """A config in the list to choose from.

    >>> config_option(Path("/srv/a/pipeline.yaml"), is_project=True)
    'pipeline.yaml (project)'
    """
    return f"{path.name} ({'project' if is_project else 'work folder'})"


def where(artifacts: Path, registry: Path) -> str:
    """Where a config keeps things."""
    return f"Runs lie in `{plain(str(artifacts))}`, the registry in `{plain(str(registry))}`."


def status(name: str) -> str:
    """How a run or a stage stands, in a word.

    >>> status("reused"), status("not reached")
    ('taken over', 'not reached')
    """
    return _LOOKS[name][2] if name in _LOOKS else name


def badge(name: str, text: str = "") -> str:
    """A badge whose colour, icon and word say how something stands.

    >>> badge("done", "ingest"), badge("refused")
    (':green-badge[:material/check: ingest done]', ':red-badge[:material/block: refused]')
    """
    colour, icon, word = _LOOKS.get(name, ("gray", "help", name))
    said = f"{text} {word}" if text else word
    return f":{colour}-badge[:material/{icon}: {said}]"


def turn(one: Any) -> str:
    """A stage in the row (a ``pipelines.Turn``)."""
    took = "" if one.seconds is None else f" · {seconds(one.seconds)}"
    return f"{badge(one.status, f'**{one.stage}**')[:-1]}{took}]"


def seconds(value: float) -> str:
    """How long a stage took.

    >>> seconds(0.004), seconds(2.34), seconds(141.6)
    ('< 0.1 s', '2.3 s', '2 min 22 s')
    """
    if value < 0.05:
        return "< 0.1 s"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"


def when(iso: str | None) -> str:
    """A moment to the minute, UTC.

    >>> when("2026-11-29T02:40:50.828+00:00"), when(None)
    ('2026-11-29 02:40', '–')
    """
    return UNDEFINED if not iso else iso[:16].replace("T", " ")


def run_option(run: Any) -> str:
    """A run in the list to choose from (a ``RunReport``)."""
    return f"{run.run_id} · {when(run.created)}"


def begun(run: Any) -> str:
    """Who began a run, when, and by which config."""
    return (
        f"Begun {when(run.created)} UTC by {plain(run.who)}, by `{plain(Path(run.config).name)}`."
    )


def outcome_badges(run: Any) -> str:
    """How a run ended: its status, its version, and whether it became the champion."""
    said = [badge(run.status)]
    if run.version is not None:
        said.append(f":blue-badge[version {run.version}]")
    if run.is_champion:
        said.append(":green-badge[:material/trophy: became champion]")
    return "  ".join(said)


def refusal(one: Any) -> str:
    """What a gate said."""
    return f"Gate **{one.gate}** refused. {plain(one.sentence)}"


def accepted(said: Any, sentence: str | None) -> str:
    """Who let a gate's refusal be, and why."""
    refused = "" if sentence is None else f" The gate had said: {plain(sentence)}"
    return (
        f"Gate **{said.gate}** was accepted by {plain(said.who)} on {when(said.when)} UTC, "
        f"because: {plain(said.because)}.{refused}"
    )


def how_to_accept(run: Any, gates: Sequence[str]) -> str:
    """The command that lets a refused run go on."""
    options = " ".join(f"--accept {gate}" for gate in gates)
    return (
        f'edgeguard pipeline run "{run.config}" --run-id {run.run_id} {options} '
        '--because "why it is all right"'
    )


ACCEPT_TITLE = "Accept it and go on"
HOW_TO_ACCEPT = (
    "If the refusal is all right, the run can go on. Who said so and why stays in the run and in "
    "the registry's history. On a command line it is:"
)
ACCEPT_REASON = "why it is all right"
ACCEPT_INCOMPLETE = "Say who accepts it and why: both stay in the run."


def accept(gates: Sequence[str]) -> str:
    """The button that accepts gates.

    >>> accept(["drift", "champion"])
    'Accept drift and champion, and go on'
    """
    return f"Accept {' and '.join(gates)}, and go on"


def figures(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The figures of a model that there are, each with its name.

    >>> figures({"roc_auc": 0.98765, "recall": 1.0, "cost": {"model_bytes": 86_364}})
    [('ROC AUC', '0.9877'), ('Attacks found', '100.0 %'), ('Model file', '86.4 kB')]
    """
    alarms = metrics.get("held_out_false_alarms") or {}
    cost = metrics.get("cost") or {}
    latency = (cost.get("latency_us") or {}).get("p99")
    found: list[tuple[str, Any, Callable[[Any], str]]] = [
        ("ROC AUC", metrics.get("roc_auc"), area),
        ("Average precision", metrics.get("average_precision"), area),
        ("Attacks found", metrics.get("recall"), percent),
        ("Synthetic attacks found", metrics.get("injected_recall"), percent),
        ("False alarms, held out", alarms.get("rate"), lambda rate: percent(rate, 2)),
        ("Promised", alarms.get("promised"), lambda rate: percent(rate, 2)),
        ("Model file", cost.get("model_bytes"), size),
        ("A flow takes (p99)", latency, lambda us: f"{number(us)} µs"),
    ]
    return [(name, write(value)) for name, value, write in found if not is_undefined(value)]


def area(value: float | None) -> str:
    """An area under a curve; the digits behind 0.99 are those that differ.

    >>> area(0.99987), area(None)
    ('0.9999', '–')
    """
    return UNDEFINED if value is None or is_undefined(value) else f"{value:.4f}"


def registered(told: Any) -> str:
    """Why a version leads or does not (the ``Registered`` of a run)."""
    return f"Version {told.version}: {plain(told.why)}"


def beside_champion(told: Mapping[str, Any] | None) -> str:
    """How a model stands beside the champion; empty without one.

    >>> lead = {"difference": 0.003, "low": 0.001, "high": 0.005}
    >>> beside_champion({"version": 1, "leads": {"roc_auc": lead}})
    'Beside champion 1 on the same flows: ROC AUC +0.003 (95 % interval +0.001 to +0.005).'
    """
    if not told:
        return ""
    if told.get("problem"):
        return f"It cannot be held against champion {told['version']}: {plain(told['problem'])}"
    leads = [
        f"{_LEADS.get(name, name)} {lead['difference']:+.2g} "
        f"(95 % interval {lead['low']:+.2g} to {lead['high']:+.2g})"
        for name, lead in (told.get("leads") or {}).items()
    ]
    if not leads:
        return ""
    return f"Beside champion {told['version']} on the same flows: {', '.join(leads)}."


def made_of(files: Sequence[Any], code: Mapping[str, Any]) -> str:
    """Which files a run began with, and by which code (``DataFile`` each)."""
    named = [f"{plain(file.name)} ({file.sha256[:12]})" for file in files[:5]]
    more = f" and {plural(len(files) - 5, 'more file')}" if len(files) > 5 else ""
    said = f"From {', '.join(named)}{more}." if named else ""
    if code.get("version"):
        commit = f", commit {str(code['git_commit'])[:12]}" if code.get("git_commit") else ""
        said += f" By EdgeGuard {code['version']}{commit}, Python {code.get('python', '')}."
    return said.strip()


def running(stage: str, message: str) -> str:
    """What a run does now."""
    return f"Stage {stage}: {plain(message)}" if message else f"Stage {stage}"


def busy(title: str) -> str:
    """Why no run can start now."""
    return f"“{plain(title)}” is running; another run can start when it is over."


def version_option(number_: int) -> str:
    """A version in the list to choose from.

    >>> version_option(2)
    'Version 2'
    """
    return f"Version {number_}"


def promote(number_: int) -> str:
    """The button that makes a version champion."""
    return f"Promote version {number_}"


def shadow(number_: int) -> str:
    """The button that makes a version the shadow."""
    return f"Shadow with version {number_}"


def promoted(number_: int) -> str:
    """What is said when a version leads."""
    return f"Version {number_} is the champion now."


def rolled_back(number_: int) -> str:
    """What is said when a version leads again."""
    return f"Rolled back: version {number_} is the champion again."


def shadowed(number_: int | None) -> str:
    """What is said when the shadow changed."""
    if number_ is None:
        return "There is no shadow any more."
    return f"Version {number_} is the shadow now."


def moved_from(before: int | None, after: int | None) -> str:
    """What an alias stood for before and after a step.

    >>> moved_from(None, 1), moved_from(1, 2)
    ('– → 1', '1 → 2')
    """
    return " → ".join(UNDEFINED if one is None else str(one) for one in (before, after))


def feedback_title(used: int, found: int) -> str:
    """What heads the feedback at hand.

    >>> feedback_title(0, 2)
    'Verdicts for the training: none of 2 files is used by this config'
    """
    which = "none" if used == 0 else str(used)
    return (
        f"Verdicts for the training: {which} of {plural(found, 'file')} "
        f"{'is' if used < 2 else 'are'} used by this config"
    )


def feedback_effect(used: Sequence[Any], use: Any) -> str:
    """What a run would do with the verdicts (``Feedback`` each, and a ``FeedbackUse``)."""
    if not used:
        return "A run of this config learns nothing from verdicts."
    known, false, true = (
        sum(said.by_verdict[word] for said in used) for word in ("known benign", "false", "true")
    )
    parts = [
        f"learn {named}" if learns else f"hold {named} as benign without fitting"
        for named, learns in (
            (plural(known, "known-benign flow"), use.learn_known_benign),
            (plural(false, "false-positive flow"), use.learn_false_positives),
        )
    ]
    threshold = (
        "and **put the threshold that they propose in force** for the version it registers"
        if use.retune
        else "and preview what they would change about the threshold, which stays as it is"
    )
    return (
        f"A run would {', '.join(parts)}, never learn {plural(true, 'true-positive flow')}, "
        f"{threshold}. What a label contradicts is left out and told."
    )


def feedback_row(path: Path, said: Any, is_used: bool) -> dict[str, Any]:
    """One feedback file in the list (a ``Feedback``)."""
    counts = said.by_verdict
    return {
        "File": path.name,
        "Judged": said.judged,
        "True": counts["true"],
        "False": counts["false"],
        "Known benign": counts["known benign"],
        "By": ", ".join(said.counts),
        "In this config": is_used,
    }
