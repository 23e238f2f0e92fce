"""The table of the README: every set, ours beside the best peer, wins and losses alike."""

import re
from collections.abc import Mapping
from typing import Any

from quality import ours
from quality.report import SIGNS
from quality.tables import number, percent, table

Plain = Mapping[str, Any]

BEGIN, END = "<!-- quality: made by benchmarks/readme_table.py -->", "<!-- /quality -->"
SHOWN = {"roc_auc": "ROC AUC", "average_precision": "AP", "tpr_at_1e_2": "TPR at 1e-2"}


def quality_table(plain: Plain) -> str:
    """Of the report's JSON object; sets that ours was not run on are left out.

    A cell is ours, then the best peer of that figure; the sign is the paired verdict on the set.
    """
    rows = []
    for name, found in plain["sets"].items():
        mine = found["models"].get(ours.NAME)
        if mine is None:
            continue
        cells = [_cell(found, mine, figure) for figure in SHOWN]
        realised = percent(mine["figures"]["realised_fpr_at_0.01"])
        rows.append([name, *cells, number(mine["figures"]["f1_at_0.01"], 3), realised])
    heads = ["set", *SHOWN.values(), "F1 at a promised 1 %", "realised"]
    return table(heads, rows)


def with_table(readme: str, plain: Plain) -> str:
    """The text of the README with the table between its marks.

    Raises
    ------
    ValueError
        If it has no such marks.
    """
    between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not between.search(readme):
        raise ValueError(f"there is no {BEGIN} … {END} to write between")
    written = f"{BEGIN}\n{quality_table(plain)}\n{END}"
    return between.sub(lambda _: written, readme)


def _cell(found: Plain, mine: Plain, figure: str) -> str:
    value = number(mine["figures"][figure])
    peers = {
        key: model["figures"][figure]
        for key, model in found["models"].items()
        if not key.startswith(ours.NAME) and model["figures"][figure] is not None
    }
    if not peers:
        return value
    best = max(peers, key=lambda key: float(peers[key]))
    lead = found["leads"].get(figure)
    sign = SIGNS[lead["verdict"]].split()[0] + " " if lead and lead["peer"] == best else ""
    return f"{value} {sign}{number(peers[best])} ({best.partition(',')[0]})"
