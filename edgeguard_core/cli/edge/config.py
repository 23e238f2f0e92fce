"""``edgeguard config check``: what a settings file says, and whether it can be."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeguard_core.cli.edge import SUMMARIES
from edgeguard_core.cli.edge.arguments import Parser
from edgeguard_core.cli.output import one_line, pairs, print_json

EXAMPLE = "Example: edgeguard config check /etc/edgeguard/edgeguard.yaml"


def command(arguments: Sequence[str]) -> int:
    """Say everything that would be used, or a line for each problem."""
    parser = Parser(prog="edgeguard config", description=SUMMARIES["config"], epilog=EXAMPLE)
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=Parser)
    check = verbs.add_parser("check", help="everything that would be used, and from where")
    check.add_argument("file", type=Path)
    check.add_argument("--json", action="store_true", help="print one JSON object")
    try:
        asked = parser.parse_args(list(arguments))
    except SystemExit as end:
        return int(end.code or 0)
    from edgeguard_core.watch.settings import KEYS, SettingsError, load_settings
    from edgeguard_core.watch.settings_check import implausible

    try:
        settings = load_settings(asked.file)
        problems = implausible(settings)
    except SettingsError as error:
        problems = list(error.problems)
    if problems:
        for problem in problems:
            print("edgeguard: " + one_line(problem), file=sys.stderr)
        return 2
    found = {key: (shown(settings.value(key)), settings.origin(key)) for key in KEYS}
    if asked.json:
        print_json(
            {"settings": {k: {"value": value, "from": w} for k, (value, w) in found.items()}}
        )
        return 0
    pairs((key, f"{_told(value)}  ({where})") for key, (value, where) in found.items())
    return 0


def shown(value: Any) -> Any:
    """A setting as JSON has it, passwords in addresses left out."""
    from edgeguard_core.watch.settings_check import without_passwords

    if isinstance(value, tuple):
        return [shown(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "conditions"):
        return {
            **value.conditions.given,
            "reason": value.reason,
            "until": value.expires.isoformat(),
        }
    return without_passwords(value)


def _told(value: Any) -> str:
    return "–" if value is None or value == [] else json.dumps(value, ensure_ascii=False)
