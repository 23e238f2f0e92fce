"""``edgeguard pipeline``: from files to a registered bundle, stage by stage, with gates."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, print_json, print_warnings, say, table
from edgeguard_core.cli.progress import watched

if TYPE_CHECKING:
    from edgeguard_core.pipeline.runs import PipelineResult, RunReport

app = typer.Typer(
    help="Run every stage from files to a registered bundle.",
    epilog="Example: edgeguard pipeline run pipeline.yaml",
)
ARTIFACTS = Path("artifacts")
ArtifactsFolder = Annotated[
    Path, typer.Option("--artifacts", help="The folder of the runs.", show_default=True)
]


@app.command("run", epilog="Example: edgeguard pipeline run pipeline.yaml --run-id monday")
def run(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="A YAML file.", show_default=False)
    ],
    run_id: Annotated[
        str | None,
        typer.Option("--run-id", help="A run to go on with, or the name of a new one."),
    ] = None,
    stage: Annotated[
        list[str] | None,
        typer.Option("--stage", help="Only this stage of the run; may be repeated."),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", help="A gate whose refusal is all right; may be repeated."),
    ] = None,
    because: Annotated[
        str, typer.Option("--because", help="Why, kept in the run and the registry.")
    ] = "",
    who: options.Who = None,
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Run the stages of a config until the bundle is registered or a gate refuses.

    Ends with 3 and a sentence for each gate that refused; nothing is registered then. What was
    done stays: the same --run-id goes on with it, and a new run takes over what is unchanged.
    """
    from edgeguard_core.pipeline.runs import STAGES, run_pipeline

    if accept and not because.strip():
        raise typer.BadParameter("--accept needs --because TEXT: say why it is all right")
    if stage and run_id is None:
        raise typer.BadParameter("--stage needs --run-id: say of which run")
    with watched(json, progress) as on_progress:
        done = run_pipeline(
            config,
            run_id,
            names=tuple(stage or STAGES),
            accept=dict.fromkeys(accept or [], because),
            who=who,
            on_progress=on_progress,
        )
        print_warnings(warning for each in done.outcomes for warning in each.warnings)
        done.require()
    if json:
        print_json(_told(done))
    else:
        _say_end(done)


@app.command("list", epilog="Example: edgeguard pipeline list")
def list_all(artifacts: ArtifactsFolder = ARTIFACTS, json: options.Json = False) -> None:
    """List the runs, the latest first."""
    from edgeguard_core.pipeline.runs import list_runs

    runs = list_runs(artifacts)
    if json:
        print_json({"artifacts": artifacts, "runs": [each.to_json() for each in runs]})
        return
    if not runs:
        say(f"No run in {artifacts} yet; edgeguard pipeline run CONFIG begins one.")
        return
    table(
        "",
        ("run", "begun", "by", "is", "stage", "refused by", "version"),
        [
            (
                each.run_id, each.created[:19], each.who, each.status, each.stage or "",
                ", ".join(dict.fromkeys(refusal.gate for refusal in each.refusals)),
                f"{each.version:04d}" if each.version else None,
            )
            for each in runs
        ],
    )  # fmt: skip


@app.command("show", epilog="Example: edgeguard pipeline show monday")
def show(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Its id.", show_default=False)],
    artifacts: ArtifactsFolder = ARTIFACTS,
    json: options.Json = False,
) -> None:
    """Show a run: its stages, what gates said, and the figures of its model."""
    from edgeguard_core.pipeline.runs import read_run

    found = read_run(artifacts, run_id)
    if json:
        print_json(_as_json(found))
        return
    _show(found)


def _say_end(done: "PipelineResult") -> None:
    from edgeguard_core.pipeline.runs import read_run

    for outcome in done.outcomes:
        print_warnings(f"accepted [{one.gate}]: {one.sentence}" for one in outcome.accepted)
    _show(read_run(done.run.config.artifacts, done.run.run_id))


def _told(done: "PipelineResult") -> dict[str, Any]:
    from edgeguard_core.pipeline.runs import read_run

    return _as_json(read_run(done.run.config.artifacts, done.run.run_id))


def _as_json(found: "RunReport") -> dict[str, Any]:
    return {**found.to_json(), "figures": found.figures, "feedback": found.feedback}


def _show(found: "RunReport") -> None:
    pairs(
        [
            ("run", found.run_id),
            ("begun", f"{found.created[:19]} by {found.who}"),
            ("config", found.config),
            ("is", found.status),
            ("version", found.version),
            ("champion", found.is_champion),
            ("folder", found.folder),
        ]
    )
    for said in found.accepted:
        say(f"{said.who} accepted {said.gate} on {said.when}: {said.because}")
    table(
        "Stages",
        ("stage", "ended", "seconds"),
        [(each.stage, each.status, each.seconds) for each in found.outcomes],
    )
    for refusal in found.refusals:
        say(f"[{refusal.gate}] {refusal.sentence}")
    for stage, sentence in found.told():
        say(f"{stage}: {sentence}")
    figures = found.figures
    shown = [
        (name.replace("_", " "), value)
        for name, value in figures.items()
        if isinstance(value, int | float)
    ]
    if shown:
        pairs(shown)
