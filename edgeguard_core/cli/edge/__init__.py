"""The verbs of a box: parsed by the standard library alone, for where nothing else is installed."""

import sys
from collections.abc import Callable, Sequence
from typing import Final

from edgeguard_core.cli.output import one_line

SUMMARIES: Final = {
    "watch": "Judge flows as they come, and tell what is odd.",
    "config": "Check the settings of a box.",
}
VERBS: Final = tuple(SUMMARIES)
BAD_INPUT: Final = 2


def main(arguments: Sequence[str]) -> int:
    """Run a verb of a box; the exit code says how it ended.

    0 done, 2 bad input or usage, with one line on stderr.
    """
    from edgeguard_core.errors import EdgeGuardError

    command: Callable[[Sequence[str]], int]
    if arguments[0] == "watch":
        from edgeguard_core.cli.edge.watch import command
    else:
        from edgeguard_core.cli.edge.config import command
    try:
        return command(arguments[1:])
    except EdgeGuardError as error:
        return fail(str(error))
    except BrokenPipeError:
        return 0
    except OSError as error:
        where = error.filename or "its output"
        return fail(f"Cannot go on with {where}: {error.strerror or error}.")


def fail(sentence: str, code: int = BAD_INPUT) -> int:
    """The one line of a failure on stderr."""
    print("edgeguard: " + one_line(sentence), file=sys.stderr)
    return code
