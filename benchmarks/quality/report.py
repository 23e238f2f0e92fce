"""The report as a page of Markdown, from the JSON object that lies beside it."""

from collections.abc import Mapping
from typing import Any

from edgeguard_core.evaluation import peers
from quality import ours, sections
from quality.figures import PROMISES
from quality.goals import WORDS
from quality.tables import number, percent, section

Plain = Mapping[str, Any]

HEAD = (
    "roc_auc", "average_precision", "best_f1", "f1_at_0.01",
    "realised_fpr_at_0.01", "tpr_at_1e_2", "tpr_at_1e_3",
)  # fmt: skip
SHORT = {
    "roc_auc": "AUC",
    "average_precision": "AP",
    "best_f1": "best F1",
    "f1_at_0.01": "F1 at 1 %",
    "realised_fpr_at_0.01": "realised at 1 %",
    "tpr_at_1e_2": "TPR at 1e-2",
    "tpr_at_1e_3": "TPR at 1e-3",
}
SIGNS = {"ahead": "▲ ahead", "level": "= level", "behind": "▼ **behind**"}


OPENING = """# How well attacks are found, beside every peer

Made by `python benchmarks/bench_quality.py`; the same figures stand in `quality.json`. Every
model is fitted on benign rows alone, a fifth of which is held out and gives the *blind*
thresholds; the judged rows choose nothing. Ours is one recipe with one setting for all sets, the
median of {seeds} seeds. Each peer runs at its library's defaults, once on min-max and once on our
own matrix. TPR at a true 1e-2 is the share of attacks found by the threshold that alerts 1 % of
the *judged* benign rows: nobody knows it in advance, and it is the same for all. "Realised" is
the false-alarm rate that a promise of 1 % came to."""

FEW_ROWS = "A promise needs 1/rate − 1 calibration rows; with fewer the threshold is the largest."
SLOW = "One thread each, on a shared machine. Slow peers learn a random draw of at most: {} rows."
OWN_WAY = "ECOD and COPOD rank every row among all rows scored with it, judged ones included."
SOURCES = (
    "Data: NSL-KDD (Tavallaee et al., CISDA 2009), UNSW-NB15 (Moustafa and Slay 2015), "
    "CIC-IDS2017 (Sharafaldin et al., ICISSP 2018), IoT-23 (Garcia, Parmisano, Erquiaga 2020), "
    "Stratosphere Laboratory."
)


def markdown(plain: Plain) -> str:
    """The whole page."""
    parts = [
        _opening(plain),
        _goals(plain),
        *(_group(name, group) for name, group in plain["groups"].items()),
        _leads(plain),
        _promises(plain),
        sections.time(plain["time"]),
        sections.incidents(plain["incidents"]),
        sections.variants(plain["sets"]),
        *(_set(name, found) for name, found in plain["sets"].items()),
        _cost(plain),
        _protocols(plain),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _opening(plain: Plain) -> str:
    return OPENING.format(seeds=plain["seeds"])


def _goals(plain: Plain) -> str:
    rows = [
        [
            "yes" if goal["reached"] else "**no**",
            goal["goal"],
            goal["wanted"],
            number(goal["measured"]),
        ]
        for goal in plain["goals"]
    ]
    tried = (
        "What was tried on the way: [the score](../decisions/0015-residuals-are-whitened.md), "
        "[what is fitted](../decisions/0018-signs-of-attack-are-left-out.md)."
    )
    told = section("Goals", ["reached", "goal", "wanted", "measured"], rows)
    return f"{told}\n\n{tried}" if told else ""


def _group(name: str, group: Plain) -> str:
    models = sorted(
        group["models"].items(), key=lambda item: -(item[1]["figures"]["roc_auc"] or 0.0)
    )
    best = {figure: _best(group["models"], figure) for figure in HEAD}
    rows = [
        [
            f"**{key}**" if key == ours.NAME else key,
            *(_marked(model["figures"][figure], best[figure]) for figure in HEAD),
            number(model["average_rank"], 1),
        ]
        for key, model in models
    ]
    heading = f"Means over {len(group['sets'])} sets: {name}"
    lines = section(heading, ["model", *(SHORT[f] for f in HEAD), "average rank"], rows)
    return f"{lines}\n\nSets: {', '.join(group['sets'])}. The best figure of each column is bold."


def _set(name: str, found: Plain) -> str:
    best = {figure: _best(found["models"], figure) for figure in HEAD}
    rows = [
        [
            f"**{key}**" if key == ours.NAME else key,
            *(_with_spread(model, figure, best[figure]) for figure in HEAD),
        ]
        for key, model in found["models"].items()
    ]
    return section(name, ["model", *(SHORT[figure] for figure in HEAD)], rows)


def _leads(plain: Plain) -> str:
    rows = [
        [
            name,
            WORDS[metric],
            lead["peer"],
            f"{lead['difference']:+.3f} ({lead['low']:+.3f} to {lead['high']:+.3f})",
            SIGNS[lead["verdict"]],
        ]
        for name, found in plain["sets"].items()
        for metric, lead in found["leads"].items()
    ]
    heads = ["set", "figure", "best peer of that figure", "ours minus it, 95 % paired", ""]
    return section("Against the best peer of each set", heads, rows)


def _promises(plain: Plain) -> str:
    rows = []
    for name, found in plain["sets"].items():
        mine = found["models"].get(ours.NAME)
        if mine is None:
            continue
        row = [name]
        for rate in PROMISES:
            of = [
                mine["figures"][f"{word}_at_{rate:g}"] for word in ("realised_fpr", "recall", "f1")
            ]
            row.append(" · ".join([percent(of[0]), number(of[1]), number(of[2])]))
        rows.append(row)
    heads = ["set", *(f"promised {percent(rate)}" for rate in PROMISES)]
    text = section("Ours at blind thresholds: realised FPR · recall · F1", heads, rows)
    return text and f"{text}\n\n{FEW_ROWS}"


def _cost(plain: Plain) -> str:
    rows = []
    for name, found in plain["sets"].items():
        for key, model in found["models"].items():
            rows.append(
                [
                    name,
                    key,
                    f"{model['fitted_rows']:,}",
                    f"{model['fit_seconds']:.1f}",
                    f"{model['rows_per_second']:,.0f}",
                ]
            )
    heads = ["set", "model", "rows fitted", "seconds to fit", "rows scored a second"]
    slow = [f"{peer.name} {peer.most_rows:,}" for peer in peers.listed() if peer.most_rows]
    text = section("What it costs", heads, rows)
    return f"{text}\n\n{SLOW.format(', '.join(slow))}"


def _protocols(plain: Plain) -> str:
    rows = [
        [
            name,
            found["protocol"],
            *(
                f"{found['rows'][part]:,}"
                for part in ("fitted", "calibration", "benign", "attacks")
            ),
        ]
        for name, found in plain["sets"].items()
    ]
    heads = ["set", "learned → judged", "fitted", "calibration", "benign", "attacks"]
    text = section("Protocols", heads, rows)
    versions = ", ".join(f"{name} {number}" for name, number in plain.get("versions", {}).items())
    return f"{text}\n\n{OWN_WAY} Libraries: {versions}.\n\n{SOURCES}"


def _best(models: Mapping[str, Plain], figure: str) -> float | None:
    """The best value of a column; of a realised rate none is best, the promised one is."""
    if figure.startswith("realised"):
        return None
    values = [model["figures"][figure] for model in models.values()]
    return max((value for value in values if value is not None), default=None)


def _marked(value: float | None, best: float | None) -> str:
    text = number(value)
    return f"**{text}**" if best is not None and text == number(best) else text


def _with_spread(model: Plain, figure: str, best: float | None) -> str:
    """The value; of several seeds also how far the lowest and the highest lie apart."""
    text = _marked(model["figures"][figure], best)
    return f"{text} ({number(model['spread'][figure])})" if model["runs"] > 1 else text
