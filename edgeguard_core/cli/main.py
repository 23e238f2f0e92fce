"""The command itself: its verbs, and how their failures end.

Every verb imports what it needs when it runs, so that ``--help`` answers at once.
"""

import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from edgeguard_core import __version__
from edgeguard_core.cli import (
    bench,
    bundle,
    collect,
    compare,
    convert,
    dashboard,
    demo,
    deploy,
    drift,
    edge,
    evaluate,
    explain,
    feedback,
    inject,
    inspect,
    models,
    pipeline,
    preprocess,
    rehearse,
    report,
    schema,
    score,
    threshold,
    train,
)
from edgeguard_core.cli.output import one_line
from edgeguard_core.errors import EdgeGuardError, GateRefused, ParityError

BAD_INPUT, REFUSED, CANCELLED = 2, 3, 130
# Typer gives no name to what its BadParameter, and every other slip of the typist, derives from.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

_told_to_end: list[bool] = []  # holds something once a signal to end has come

app = typer.Typer(
    name="edgeguard",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Learn what is normal on your network, and see what is not.",
    epilog="Start with: edgeguard demo. Each verb shows an example under --help.",
)
_VERBS = (
    inspect,
    collect,
    inject,
    preprocess,
    train,
    convert,
    deploy,
    score,
    evaluate,
    threshold,
    explain,
    compare,
    drift,
    rehearse,
    report,
    bench,
    demo,
    dashboard,
)
for module in _VERBS:
    name = module.__name__.rpartition(".")[2]
    app.command(name, epilog=module.EXAMPLE, short_help=module.SUMMARY)(module.command)
app.add_typer(schema.app, name="schema")
app.add_typer(bundle.app, name="bundle")
app.add_typer(models.app, name="models")
app.add_typer(pipeline.app, name="pipeline")
app.add_typer(feedback.app, name="feedback")


def _edge_verb(verb: str) -> Callable[[typer.Context], None]:
    """A verb that parses its own arguments, as it must where typer is not installed."""

    def command(context: typer.Context) -> None:
        raise typer.Exit(edge.main([verb, *context.args]))

    return command


for name, summary in edge.SUMMARIES.items():
    app.command(
        name,
        short_help=summary,
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(_edge_verb(name))


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code says how it ended.

    0 done, 2 bad input or usage, 3 a gate refused, 130 cancelled, 1 a bug. A failure is one
    line on stderr, and stdout is empty then.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_streams()
    # A cancelled run unwinds like an interrupted one, so that nothing half-written stays.
    before = {number: signal.signal(number, _interrupt) for number in _endings()}
    try:
        return _run(arguments or ["--help"])
    except EdgeGuardError as error:
        refused = isinstance(error, (GateRefused, ParityError))
        return _fail(str(error), REFUSED if refused else BAD_INPUT)
    except KeyboardInterrupt:
        return _fail("Cancelled; nothing was written.", CANCELLED)
    except Exception:
        # Raised in the midst of foreign code, an interruption may come out as another error.
        if _told_to_end:
            return _fail("Cancelled; nothing was written.", CANCELLED)
        raise
    finally:
        _told_to_end.clear()
        for number, handler in before.items():
            signal.signal(number, handler)


def _prepare_streams() -> None:
    # Started with a stream closed, Python has None there, and would print warnings on the other.
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # A terminal or pipe that is not UTF-8 gets a question mark, not a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _endings() -> list[signal.Signals]:
    """What tells a run to end: a stop, and a terminal that goes away unless nohup ignores it."""
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN:
        return [signal.SIGTERM]
    return [signal.SIGTERM, hangup]


def _run(arguments: list[str]) -> int:
    command = typer.main.get_command(app)
    try:
        with command.make_context("edgeguard", arguments) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as end:
        return end.exit_code
    except _UsageError as error:
        return _fail(_usage(error), BAD_INPUT)
    except BrokenPipeError:
        _forget_output()
    except OSError as error:  # a full disk, a folder that may not be read: no bug of ours
        _forget_output()
        where = error.filename or "its output"
        return _fail(f"Cannot go on with {where}: {error.strerror or error}.", BAD_INPUT)
    return 0


def _usage(error: Exception) -> str:
    """One line about what was typed wrong, with where to read what is right."""
    said = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    where = context.command_path if context else "edgeguard"
    return f"{said.rstrip('. ')}; see {where} --help"


def _forget_output() -> None:
    """Leave what cannot be printed, or Python tries again as it ends, and complains."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    for number in _endings():
        signal.signal(number, signal.SIG_IGN)  # a second one must not stop the cleaning up
    _told_to_end.append(True)
    raise KeyboardInterrupt


def _fail(sentence: str, code: int) -> int:
    print("edgeguard: " + one_line(sentence), file=sys.stderr)
    return code
