"""``edgeguard schema``: the schemas that ship, and a check of one's own."""

from pathlib import Path
from typing import Annotated, Any

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import print_json, say, table

app = typer.Typer(
    help="Show the schemas of files, or check your own.",
    epilog="Example: edgeguard schema show flow",
)

NameOrFile = Annotated[
    str, typer.Argument(help="A shipped name or a YAML file.", show_default=False)
]


@app.command("list", epilog="Example: edgeguard schema list")
def list_schemas(json: options.Json = False) -> None:
    """List the schemas that ship."""
    from edgeguard_core.flows.schema import Schema, shipped_schemas

    known = [_summary(Schema.named(name)) for name in shipped_schemas()]
    if json:
        print_json({"schemas": known})
        return
    rows = [(item["name"], item["title"], item["numeric"], item["categorical"]) for item in known]
    table("", ("name", "title", "numeric", "categorical"), rows)


@app.command("show", epilog="Example: edgeguard schema show cicflowmeter > mine.yaml")
def show(name: NameOrFile, json: options.Json = False) -> None:
    """Print a schema as YAML, to read or to edit."""
    schema = options.load_schema(name)
    if json:
        columns = [{"name": c.name, "role": str(c.role), "unit": c.unit} for c in schema.columns]
        print_json({**_summary(schema), "columns": columns})
        return
    say(schema.to_yaml().rstrip())


@app.command("check", epilog="Example: edgeguard schema check mine.yaml")
def check(name: NameOrFile, json: options.Json = False) -> None:
    """Say whether a schema can be used; exit 2 and one sentence where it cannot."""
    summary = _summary(options.load_schema(name))
    if json:
        print_json({**summary, "valid": True})
        return
    say(f"{summary['name']}: {summary['numeric']} numeric and {summary['categorical']} categorical")


@app.command("infer", epilog="Example: edgeguard schema infer flows.csv --out mine.yaml")
def infer(
    file: Annotated[Path, typer.Argument(help="A CSV or Parquet file.", show_default=False)],
    out: Annotated[Path | None, typer.Option("--out", help="Write the draft to this file.")] = None,
    force: options.Force = False,
    json: options.Json = False,
) -> None:
    """Draft a schema for an unknown table; read and mend it before use."""
    from edgeguard_core.errors import SourceError
    from edgeguard_core.files import write_whole
    from edgeguard_core.flows.infer import draft_yaml, infer_schema
    from edgeguard_core.pipeline.room import spare
    from edgeguard_core.sources import sample_table

    if out is not None:
        spare(out, [file])
        if out.exists() and not force:
            raise SourceError(f"{out} is there already; give --force to write over it.")
    schema = infer_schema(sample_table(file), file.name.partition(".")[0] or "mine")
    text = draft_yaml(schema)
    if out is not None:
        write_whole(out, text)
    if json:
        drafted = [
            {
                "name": column.name,
                "role": str(column.role),
                "type": column.type,
                "unit": column.unit,
                "reason": column.description,
            }
            for column in schema.columns
        ]
        print_json({**_summary(schema), "out": out, "columns": drafted})
    elif out is None:
        say(text.rstrip())
    else:
        say(f"{out}: a draft of {len(schema.columns)} columns; read it, then give it as --schema.")


def _summary(schema: Any) -> dict[str, Any]:
    return {
        "name": schema.name,
        "version": schema.version,
        "title": schema.title,
        "numeric": len(schema.numeric),
        "categorical": len(schema.categorical),
        "fingerprint": schema.fingerprint(),
    }
