"""Sections of the page beside the figures of rows: time, incidents, number formats."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from quality.rolling import CHOSEN, KEPT_WITHIN, OLD, ONCE, RULES
from quality.tables import number, percent, section, table

Plain = Mapping[str, Any]

OF_TIME = """Realised false-alarm rate · recall, at a promised 1 %, after the first third of the
stream's hours. *{old}*: of held-out flows where the model learned, as a bundle ships. *{once}*:
split conformal on the stream's own benign flows of those hours. The others calibrate again
every hour, on all flows so far, on those of the last hours, or with flows that weigh half as much
every so many hours of age. Rates above 2 % are bold; ! marks a breach, where the whole 95 %
interval lies above the promise. One seed. The day files have no times and stand for eight hours
each; flows of a capture repeat and follow one another, so intervals are too narrow there."""
OF_HOURS = """The same hour by hour, realised in percent, after the calibration ({once}, then
{chosen}); · where nothing benign came."""
OF_INCIDENTS = """An episode is a run of attack flows of one class in one capture, no two further
than 30 minutes apart; it is found when an incident with one of its flows is raised, and the time
runs from its first flow until that incident's third flow at or above the threshold has ended.
Attack-free are the windows of ten minutes that hold no attack flow of the capture. One promised
rate is the threshold of all captures: the highest at which the attack-free hours together have at
most one false incident a sensor and day (a capture is a sensor). Its interval is Garwood's, of a
Poisson count. Peers name no causes: with them host and window make an incident, and beside them
ours stands without causes too. One seed."""
OF_FORMATS = """One model of each set in every number format, beside its float32 on the judged
rows. *Shift*: the largest difference of a score, as a share of it or of the threshold, whichever
is more. *Alike*: both alert, of the rows on which either does, each at its own promised 1 %; in
brackets verdicts that differ, of all. *Gate*: what `train` and `convert` ask before a bundle takes
the format."""


def time(found: Plain) -> str:
    """Another day or network: every rule on every stream, and hour by hour."""
    words = [OLD, *(rule.word for rule in RULES)]
    rows = [[name, *(_rate(each["rules"][w]) for w in words)] for name, each in found.items()]
    for group in dict.fromkeys(each["group"] for each in found.values()):
        rules = [each["rules"] for each in found.values() if each["group"] == group]
        rows.append(
            [f"**mean {group}**", *(_mean_rate([r[word] for r in rules]) for word in words)]
        )
    text = section("Another day, another network", ["stream", *words], rows)
    if not text:
        return ""
    hourly = [
        [name, _hours(each["hourly"][ONCE]), _hours(each["hourly"][CHOSEN])]
        for name, each in found.items()
    ]
    heads = ["stream", ONCE, CHOSEN]
    return "\n\n".join(
        [
            text,
            OF_TIME.format(old=OLD.capitalize(), once=ONCE.capitalize()),
            OF_HOURS.format(once=ONCE, chosen=CHOSEN),
            table(heads, hourly),
        ]
    )


def incidents(found: Plain) -> str:
    """Episodes found and how soon, at a false incident a sensor and day."""
    rows = [
        [
            group,
            f"**{key}**" if key.endswith("causes") else key,
            f"{each['found']} of {each['episodes']}",
            _seconds(each["median_seconds"]),
            _seconds(each["p90_seconds"]),
            f"{each['false_incidents']} in {each['attack_free_hours']:.1f} h",
            f"{each['false_a_day']:.2f} ({each['false_a_day_low']:.2f} to "
            f"{each['false_a_day_high']:.2f})",
        ]
        for group, told in found.items()
        for key, each in told["models"].items()
    ]
    heads = [
        "captures", "model", "episodes found", "median time", "90 %", "false incidents",
        "a sensor and day, 95 %",
    ]  # fmt: skip
    text = section("Incidents at one false one a sensor and day", heads, rows)
    return text and f"{text}\n\n{OF_INCIDENTS}"


def variants(sets: Plain) -> str:
    """Every number format beside float32, and what the gate says."""
    rows = [
        [
            name,
            variant,
            number(each["rank_correlation"], 4),
            percent(each["largest_shift"]),
            f"{percent(each['alerts_alike'])} ({percent(each['verdicts_changed'])})",
            number(each["roc_auc_change"], 4),
            f"{each['file_bytes'] / 1000:.0f}",
            "passes" if each["passed"] else f"**refused**: {'; '.join(each['failures'])}",
        ]
        for name, found in sets.items()
        for variant, each in found["variants"].items()
    ]
    heads = ["set", "format", "Spearman", "shift", "alike", "change of AUC", "kB", "gate"]
    text = section("Every number format beside float32", heads, rows)
    return text and f"{text}\n\n{OF_FORMATS}"


def _rate(found: Plain) -> str:
    text = percent(found["realised"])
    if found["realised"] is not None and found["realised"] > KEPT_WITHIN:
        text = f"**{text}**"
    return f"{text}{' !' if found['breached'] else ''} · {number(found['recall'], 2)}"


def _mean_rate(found: Sequence[Plain]) -> str:
    realised, recalls = _mean(r["realised"] for r in found), _mean(r["recall"] for r in found)
    return _rate({"realised": realised, "recall": recalls, "breached": False})


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _hours(rates: Iterable[float | None]) -> str:
    return " ".join("·" if rate is None else f"{100 * rate:.1f}" for rate in rates)


def _seconds(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.0f} min"
