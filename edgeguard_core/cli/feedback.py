"""``edgeguard feedback``: verdicts on flows as files, and what they would change."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, print_json, print_warnings, say, table
from edgeguard_core.cli.progress import watched

if TYPE_CHECKING:
    from edgeguard_core.detection.feedback import Feedback

app = typer.Typer(
    help="Turn verdicts on flows into data.",
    epilog="Example: edgeguard feedback retune office.bundle monday.feedback.jsonl",
)
VERDICTS = ("true", "false", "known-benign")
Flows = Annotated[Path, typer.Argument(help="The judged file of flows.", show_default=False)]
FeedbackFiles = Annotated[
    list[Path],
    typer.Argument(metavar="FEEDBACK...", help="Feedback files.", show_default=False),
]
Out = Annotated[Path, typer.Option("--out", help="The feedback file to write.")]


@app.command(
    "judge",
    epilog="Example: edgeguard feedback judge conn.log --rows 7,9-12 --verdict known-benign "
    "--why backup --out conn.feedback.jsonl",
)
def judge(
    flows: Flows,
    rows: Annotated[str, typer.Option("--rows", help="Lines of the file, such as 7,9-12.")],
    verdict: Annotated[str, typer.Option("--verdict", help=" or ".join(VERDICTS) + ".")],
    out: Out,
    who: options.Who = None,
    why: Annotated[str, typer.Option("--why", help="The reason, kept with the verdict.")] = "",
    schema: options.SchemaOption = None,
    benign: options.Benign = None,
    tz: options.TimeZone = "UTC",
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Give some lines of a file a verdict, and keep it in a feedback file.

    An existing one about the same file is added to; of two verdicts on a flow the later counts.
    """
    from edgeguard_core.detection.feedback import write_feedback
    from edgeguard_core.detection.review import Verdict
    from edgeguard_core.pipeline.account import account_name
    from edgeguard_core.pipeline.judge_rows import judge_rows, parse_rows
    from edgeguard_core.pipeline.room import spare

    if verdict not in VERDICTS:
        raise typer.BadParameter(f"--verdict is {' or '.join(VERDICTS)}, not {verdict!r}")
    listed = parse_rows(rows)
    spare(out, [flows])
    with watched(json, progress) as on_progress:
        said = judge_rows(
            flows,
            listed,
            Verdict(verdict.replace("-", " ")),
            who=who or account_name(),
            why=why,
            now=datetime.now(UTC),
            before=out if out.exists() else None,
            read=options.read_options(schema, benign, tz),
            on_progress=on_progress,
        )
        write_feedback(out, said)
    _print(out, said, json)


@app.command(
    "export",
    epilog="Example: edgeguard feedback export ~/.cache/edgeguard/reviews.sqlite conn.log "
    "--out conn.feedback.jsonl",
)
def export(
    reviews: Annotated[
        Path, typer.Argument(help="reviews.sqlite of the dashboard's folder.", show_default=False)
    ],
    flows: Flows,
    out: Out,
    json: options.Json = False,
) -> None:
    """Write the verdicts that the dashboard keeps about a file into a feedback file."""
    from edgeguard_core.detection.feedback import feedback_of, write_feedback
    from edgeguard_core.detection.review import Reviews
    from edgeguard_core.errors import SourceError
    from edgeguard_core.files import sha256_hex
    from edgeguard_core.pipeline.room import spare

    for path in (reviews, flows):
        if not path.is_file():
            raise SourceError(f"There is no file {path}; check the path.")
    spare(out, [flows, reviews])
    said = feedback_of(Reviews(reviews), sha256_hex(flows), flows.name, datetime.now(UTC))
    write_feedback(out, said)
    _print(out, said, json)


@app.command("show", epilog="Example: edgeguard feedback show conn.feedback.jsonl")
def show(files: FeedbackFiles, json: options.Json = False) -> None:
    """Show which file each feedback is about, and who judged how many flows of it."""
    from edgeguard_core.detection.feedback import read_feedback

    told = [_told(path, read_feedback(path)) for path in files]
    if json:
        print_json({"feedback": told})
        return
    words = ("true", "false", "known benign")
    rows = [
        (
            Path(one["file"]).name,
            one["judged"],
            *(one["verdicts"][word] for word in words),
            ", ".join(one["by"]),
        )
        for one in told
    ]
    table("", ("feedback", "about", *words, "by"), rows)


@app.command(
    "retune", epilog="Example: edgeguard feedback retune office.bundle monday.feedback.jsonl"
)
def retune(
    bundle: options.BundlePath,
    files: FeedbackFiles,
    flows: Annotated[
        list[Path] | None,
        typer.Option(
            "--flows",
            help="The judged file; may be repeated. Default: it lies beside its feedback.",
        ),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Put the proposed threshold in force.")
    ] = False,
    who: options.Who = None,
    why: Annotated[str, typer.Option("--why", help="The reason, kept with the version.")] = "",
    state: options.State = None,
    schema: options.SchemaOption = None,
    benign: options.Benign = None,
    tz: options.TimeZone = "UTC",
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Show what verdicts would change about the threshold; nothing changes without --apply.

    With it the proposed threshold becomes a new version in the state folder, with its reason; the
    versions before stay.
    """
    from edgeguard_core.bundle import Bundle
    from edgeguard_core.detection import Detector
    from edgeguard_core.detection.feedback import read_feedback
    from edgeguard_core.pipeline.account import account_name
    from edgeguard_core.pipeline.retuning import judged_files, preview_retune
    from edgeguard_core.pipeline.verdicts import Verdicts

    with watched(json, progress) as on_progress:
        detector = Detector(Bundle.load(bundle), state)
        feedback = [(path, read_feedback(path)) for path in files]
        found = preview_retune(
            detector,
            Verdicts.of(said for _, said in feedback),
            judged_files(feedback, flows or []),
            read=options.read_options(schema, benign, tz),
            on_progress=on_progress,
        )
        applied = None
        if apply:
            reason = "; ".join(filter(None, [why, found.whose]))
            applied = found.apply(
                detector, who=who or account_name(), why=reason, now=lambda: datetime.now(UTC)
            )
    if json:
        print_json({**found.to_json(), "applied": applied})
        return
    print_warnings(found.warnings)
    for sentence in found.told():
        say(sentence)
    say(
        f"Applied: {applied} is in force."
        if applied
        else "Nothing was changed."
        + (" Put it in force with --apply." if found.threshold is not None else "")
    )


def _told(path: Path, said: "Feedback") -> dict[str, Any]:
    return {
        "file": path,
        "judged": said.judged,
        "sha256": said.sha256,
        "verdicts": said.by_verdict,
        "by": said.counts,
    }


def _print(path: Path, said: "Feedback", json: bool) -> None:
    told = _told(path, said)
    if json:
        print_json(told)
        return
    counted = ", ".join(f"{count:,} {word}" for word, count in told["verdicts"].items())
    pairs([("written", path), ("about", said.judged), ("verdicts", counted)])
