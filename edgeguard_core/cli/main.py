"""The command itself: its verbs, and how their failures end.

Every verb imports what it needs when it runs, so that ``--help`` answers at once.
"""

import os
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from edgeguard_core import __version__
from edgeguard_core.cli import (
    bench,
    bundle,
    convert,
    dashboard,
    evaluate,
    explain,
    inspect,
    preprocess,
    schema,
    score,
    threshold,
    train,
)
from edgeguard_core.errors import EdgeGuardError, GateRefused

BAD_INPUT, REFUSED, BUG, CANCELLED = 2, 3, 1, 130

app = typer.Typer(
    name="edgeguard",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Learn what is normal on your network, and see what is not.",
    epilog="Start with: edgeguard inspect FILE. Each verb shows an example under --help.",
)
for module in (inspect, preprocess, train, convert, score, evaluate, threshold, explain, bench):
    name = module.__name__.rpartition(".")[2]
    app.command(name, epilog=module.EXAMPLE)(module.command)
app.add_typer(schema.app, name="schema")
app.add_typer(bundle.app, name="bundle")
app.command("dashboard", epilog=dashboard.EXAMPLE)(dashboard.command)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"edgeguard {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Learn what is normal on your network, and see what is not."""


def main() -> int:
    """Run the command; the exit code says how it ended.

    0 done, 2 bad input or usage, 3 a gate refused, 130 cancelled, 1 a bug.
    """
    # A cancelled run unwinds like an interrupted one, so that nothing half-written stays.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app(standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except EdgeGuardError as error:
        _fail(str(error))
        return REFUSED if isinstance(error, GateRefused) else BAD_INPUT
    except KeyboardInterrupt:
        _fail("Cancelled; nothing was written.")
        return CANCELLED
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(sentence: str) -> None:
    print("edgeguard: " + " ".join(sentence.split()), file=sys.stderr)
