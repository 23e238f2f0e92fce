"""Which schema or meter a table is of, by the names of its columns."""

from pathlib import Path

from edgeguard_core.errors import SchemaError
from edgeguard_core.flows.schema import RECOGNISED_SHARE, Schema, shipped_schemas
from edgeguard_core.sources.base import ReadOptions
from edgeguard_core.sources.interpret import Interpreter, MeterInterpreter, NativeInterpreter
from edgeguard_core.sources.meters import METERS, Meter, meter_of

_LEAST_SHARE = 0.1  # of a schema's features, even where the person chose it
_MOST_COLUMNS_NAMED = 6
_MOST_OF_A_TITLE = 40


def interpreter_of(path: Path, header: list[str], options: ReadOptions) -> tuple[str, Interpreter]:
    """The name of the format and what reads it, by the columns' names."""
    if (meter := asked_meter(header, options)) is not None:
        return meter.name, MeterInterpreter(meter, header, options)
    if options.schema is not None:
        chosen = options.schema
        present = chosen.match(header)
        if not chosen.coverage(present):
            raise SchemaError(
                f"{path} has no column of schema {chosen.name!r} "
                f"(it has {some_of(header)}); add its spellings as aliases."
            )
        if chosen.coverage(present) < _LEAST_SHARE:
            n = sum(name in present for name in chosen.features)
            raise SchemaError(
                f"{path} has only {n} of the {len(chosen.measured)} feature columns of schema "
                f"{chosen.name!r} (it has {some_of(header)}); give the --schema that it is of, or "
                "add its spellings as aliases."
            )
        return chosen.name, NativeInterpreter(chosen, header, options)
    schema, coverage = nearest_schema(header, ReadOptions())
    if coverage < RECOGNISED_SHARE:
        near = f"nearest is {schema.name} with {coverage:.0%} of its features; " if coverage else ""
        raise SchemaError(
            f"{path} has {len(header)} columns of no known kind ({some_of(header)}); {near}"
            "give --schema FILE that says what they are."
        )
    return schema.name, NativeInterpreter(schema, header, options)


def asked_meter(header: list[str], options: ReadOptions) -> Meter | None:
    """The meter whose table a header is, if canonical flows are what is wanted."""
    if not wants_canonical(options):
        return None
    meter = meter_of(header)
    if meter is None or meter.name != "zeek":
        return meter
    coverage = meter.schema.coverage(meter.schema.match(header))
    return meter if coverage >= RECOGNISED_SHARE else None


def wants_canonical(options: ReadOptions) -> bool:
    return options.schema is None or options.schema.name == "flow"


def nearest_schema(header: list[str], options: ReadOptions) -> tuple[Schema, float]:
    """The schema of whose features a header has the largest share, and that share."""
    known = [METERS["zeek"].schema, *(Schema.named(name) for name in shipped_schemas())]
    if options.schema is not None:
        known = [options.schema]
    shares = [(schema, schema.coverage(schema.match(header))) for schema in known]
    return max(shares, key=lambda pair: pair[1])


def some_of(header: list[str]) -> str:
    named = (title.strip()[:_MOST_OF_A_TITLE] for title in header[:_MOST_COLUMNS_NAMED])
    names = ", ".join(" ".join(title.split()) for title in named)
    return names + (", …" if len(header) > _MOST_COLUMNS_NAMED else "")
