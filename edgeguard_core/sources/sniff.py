"""What a file is, by its content: never by its name alone."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeguard_core.errors import SchemaError, SourceError
from edgeguard_core.flows.schema import CONTEXT_VERSION, RECOGNISED_SHARE, Schema
from edgeguard_core.sources.base import ReadOptions, Source
from edgeguard_core.sources.eve import EVENT_TYPE, FLOW, EveSource, flattened
from edgeguard_core.sources.files import (
    METER_COLUMN,
    PARQUET_KEY,
    ZEEK_QUIRK,
    DelimitedSource,
    JsonLinesSource,
    ParquetSource,
    ZeekLogSource,
    json_object,
    zeek_fields,
)
from edgeguard_core.sources.foreign import refuse_by_magic, text_lines
from edgeguard_core.sources.interpret import Interpreter, MeterInterpreter, NativeInterpreter
from edgeguard_core.sources.meters import METERS
from edgeguard_core.sources.nfdump import (
    BINARY_COLUMNS,
    LISTING,
    NFDUMP_MAGICS,
    NfdumpBinary,
    NfdumpCsv,
    NfdumpListing,
    columns_without_header,
    listing_columns,
    require_program,
)
from edgeguard_core.sources.packets.capture_file import is_capture
from edgeguard_core.sources.packets.capture_source import open_capture
from edgeguard_core.sources.recognise import (
    asked_meter,
    interpreter_of,
    nearest_schema,
    wants_canonical,
)
from edgeguard_core.sources.streams import read_head

_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_KDD_FIELDS = (41, 42, 43)  # features alone, with the label, with the difficulty too
_KDD_PROTOCOL_AT, _KDD_FLAG_AT = 1, 3
_KDD_PROTOCOLS = {"tcp", "udp", "icmp"}


def open_source(path: str | Path, options: ReadOptions | None = None) -> Source:
    """The flows of a file, recognised by its content.

    Parameters
    ----------
    path
        Plain, gzip or zstd: a CICFlowMeter, UNSW-NB15 or NSL-KDD table, a Zeek conn.log as
        TSV, JSON or comma CSV, an Argus binetflow, what nfdump lists or keeps, a Suricata EVE
        log, an NFStream table, canonical flows, a Parquet file of any table of these, or a
        packet capture (pcap, pcapng), of which NFStream makes canonical flows.
    options
        Schema, label words, time zone.

    Returns
    -------
    A ``Source``; nothing but the head of the file is read until its batches are.

    Raises
    ------
    SourceError
        If the file is missing, empty, damaged, or of a kind that cannot be read.
    SchemaError
        If it is a table whose columns are not known.
    """
    path, options = Path(path), options or ReadOptions()
    if is_capture(path):
        return open_capture(path, options)
    refuse_by_magic(path, head := read_head(path))
    if head.startswith(b"PAR1"):
        return _open_parquet(path, options)
    if head.startswith(NFDUMP_MAGICS):
        return _open_nfdump_file(path, options)
    return open_lines(path, text_lines(path, head), options)


def open_lines(path: Path, lines: list[str], options: ReadOptions) -> Source:
    """The source of a text by its first lines; ``path`` is named in errors.

    Raises
    ------
    SourceError, SchemaError
        As ``open_source`` does.
    """
    if lines[0].startswith("#"):
        return _open_zeek_tsv(path, lines, options)
    if lines[0].lstrip().startswith(("{", "[")):
        return _open_json(path, lines, options)
    return _open_delimited(path, lines, options)


def _open_parquet(path: Path, options: ReadOptions) -> Source:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:  # an edge box has neither
        raise SourceError(
            f"{path} is a Parquet file and pyarrow is not installed; give CSV instead."
        ) from error
    try:
        with pq.ParquetFile(path) as file:
            header = [str(name) for name in file.schema_arrow.names]
            note = (file.schema_arrow.metadata or {}).get(PARQUET_KEY, b"{}")
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            f"{path} is a damaged or packed Parquet file; unpack it or export it again."
        ) from error
    name, interpreter = interpreter_of(path, header, options)
    written = json_object(note.decode(errors="replace")) or {}
    if written.get("context") == CONTEXT_VERSION:
        known = interpreter.schema.match(header)
        interpreter.positions |= {n: known[n] for n in interpreter.schema.context if n in known}
    meter = str(written.get("meter", ""))
    return ParquetSource(path, f"{name}-parquet", interpreter, header, options, meter=meter)


def _open_zeek_tsv(path: Path, lines: list[str], options: ReadOptions) -> Source:
    directives: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition("\t") if "\t" in line else line.partition(" ")
        if not line.startswith("#"):
            break
        directives.setdefault(name, value)
    if not directives.keys() & {"#separator", "#path", "#fields"}:
        raise _no_header(path, lines[0])
    if "#fields" not in directives:
        raise SourceError(f"{path} begins like a Zeek log and has no #fields line; add it.")
    log = directives.get("#path", "conn").strip()
    if log != "conn":
        raise SourceError(f"{path} is Zeek's {log}.log; give its conn.log.")
    fields = zeek_fields(directives["#fields"])
    if wants_canonical(options):
        _require_zeek(path, fields)
    return ZeekLogSource(
        path,
        "zeek-tsv",
        interpreter_of(path, fields, options)[1],
        fields,
        options,
        n_fields=len(fields),
        delimiter="\t",
        quoted=False,
        skip_lines=0,
        comment=b"#",
        quirk=ZEEK_QUIRK in directives["#fields"],
    )


def _open_json(path: Path, lines: list[str], options: ReadOptions) -> Source:
    keys = list(dict.fromkeys(key for record in _records(lines) for key in record))
    if not any(True for _ in _records(lines)):
        raise SourceError(f"{path} is not one JSON object a line; export it as JSON lines.")
    if EVENT_TYPE in keys and wants_canonical(options):
        return _open_eve(path, lines, options)
    if options.schema is None or asked_meter(keys, options) is METERS["zeek"]:
        _require_zeek(path, keys)
        # Zeek leaves unset fields out, so the first records need not show them all.
        header = [*keys, *(name for name in METERS["zeek"].unset if name not in keys)]
        interpreter = MeterInterpreter(METERS["zeek"], header, options)
        return JsonLinesSource(path, "zeek-json", interpreter, header, options)
    name, known = interpreter_of(path, keys, options)
    return JsonLinesSource(path, f"{name}-json", known, keys, options)


def _records(lines: list[str]) -> Iterator[dict[str, Any]]:
    return (record for record in map(json_object, lines) if record is not None)


def _open_eve(path: Path, lines: list[str], options: ReadOptions) -> Source:
    suricata = METERS["suricata"]
    of_any, of_flows = set[str](), set[str]()
    for record in _records(lines):
        keys = flattened(record).keys()
        of_any |= keys
        of_flows |= keys if record.get(EVENT_TYPE) == FLOW else set()
    usual = {column.name for column in suricata.schema.columns} - {"community_id"}
    if suricata.knows(of_flows):  # else the first events are all of other types
        usual &= of_flows | set(suricata.unset)
    # Where there is a community id, each event has it.
    known = usual | (of_any & {"community_id"})
    header = [column.name for column in suricata.schema.columns if column.name in known]
    interpreter = MeterInterpreter(suricata, header, options)
    return EveSource(path, "suricata-eve", interpreter, header, options)


def _require_zeek(path: Path, fields: list[str]) -> None:
    schema = METERS["zeek"].schema
    present = schema.match(fields)
    if missing := [name for name in ("id.orig_h", "id.resp_h", "proto") if name not in present]:
        raise SchemaError(
            f"{path} is no Zeek conn.log: it lacks {', '.join(missing)}; give the conn.log as "
            "Zeek wrote it, tabs between its fields, or as JSON."
        )
    if schema.coverage(present) < RECOGNISED_SHARE:
        lacking = [name for name in schema.features if name not in present]
        raise SchemaError(
            f"{path} is no whole Zeek conn.log: it lacks {', '.join(lacking)}; "
            "give a conn.log that has them."
        )


def _open_nfdump_file(path: Path, options: ReadOptions) -> Source:
    require_program(path)
    header = list(BINARY_COLUMNS)
    # The program is asked for UTC, whatever the zone of other stamps.
    interpreter = MeterInterpreter(METERS["nfdump"], header, replace(options, tz="UTC"))
    return NfdumpBinary(
        path, "nfdump-binary", interpreter, header, options, n_fields=len(header), skip_lines=0
    )


def _open_listing(path: Path, line: str, options: ReadOptions) -> Source:
    header = listing_columns(line)
    if header is None or not METERS["nfdump"].knows(header):
        raise SourceError(
            f"{path} is an nfdump listing of other things than flows; "
            "list it with `nfdump -o long` or `nfdump -o csv`."
        )
    return _nfdump_text(path, header, "text", options, skip_lines=1)


def _nfdump_text(
    path: Path, header: list[str], kind: str, options: ReadOptions, skip_lines: int
) -> Source:
    return (NfdumpListing if kind == "text" else NfdumpCsv)(
        path,
        f"nfdump-{kind}",
        MeterInterpreter(METERS["nfdump"], header, options),
        header,
        options,
        n_fields=len(header),
        delimiter="\t" if kind == "text" else ",",
        quoted=False,
        skip_lines=skip_lines,
    )


def _open_delimited(path: Path, lines: list[str], options: ReadOptions) -> Source:
    if LISTING.match(lines[0]):
        return _open_listing(path, lines[0], options)
    if (nfdump := columns_without_header(lines[0])) is not None:
        return _nfdump_text(path, *nfdump, options, skip_lines=0)
    tabbed = _split(lines[0], "\t")
    if (meter := asked_meter(tabbed, options)) is not None:  # as Argus may write it
        interpreter = MeterInterpreter(meter, tabbed, options)
        return _open_table(path, tabbed, (meter.name, interpreter), options, "\t")
    header = _split(lines[0])
    if _is_kdd_row(header) and (options.schema or _kdd_schema()) == _kdd_schema():
        return _open_kdd(path, len(header), options)
    _refuse_other_delimiters(path, lines[0], options)
    if len(header) < 2:
        raise _no_header(path, lines[0])
    source = _open_table(path, header, interpreter_of(path, header, options), options)
    source.meter = _written_meter(source, header, lines) or source.meter
    return source


def _no_header(path: Path, line: str) -> SourceError:
    return SourceError(
        f"{path} begins with {line[:60]!r}, which is no header of a table; "
        "give a CSV, a Zeek log or a Parquet file."
    )


def _written_meter(source: Source, header: list[str], lines: list[str]) -> str:
    """The meter that a CSV of canonical flows names in its first row, "" where it names none."""
    titles = [title.strip() for title in header]
    if source.schema.name != "flow" or METER_COLUMN not in titles or len(lines) < 2:
        return ""
    cells = _split(lines[1])
    return cells[titles.index(METER_COLUMN)].strip() if len(cells) == len(titles) else ""


def _open_table(
    path: Path,
    header: list[str],
    known: tuple[str, Interpreter],
    options: ReadOptions,
    delimiter: str = ",",
) -> Source:
    name, interpreter = known
    kind = {",": "csv", "\t": "tsv"}[delimiter]
    return (NfdumpCsv if name == "nfdump" else DelimitedSource)(
        path,
        f"{name}-{kind}" if name in METERS else name,
        interpreter,
        header,
        options,
        _repeated(header),
        n_fields=len(header),
        delimiter=delimiter,
    )


def _open_kdd(path: Path, n_fields: int, options: ReadOptions) -> Source:
    schema = _kdd_schema()
    names = [*(c.name for c in schema.columns if c.is_feature), "label", "difficulty"][:n_fields]
    return DelimitedSource(
        path,
        schema.name,
        NativeInterpreter(schema, names, options),
        names,
        options,
        n_fields=n_fields,
        skip_lines=0,
    )


def _kdd_schema() -> Schema:
    return Schema.named("nsl-kdd")


def _is_kdd_row(fields: list[str]) -> bool:
    """Whether a first line is a row of KDD already, the files having no header."""
    return (
        len(fields) in _KDD_FIELDS
        and fields[_KDD_PROTOCOL_AT].strip().lower() in _KDD_PROTOCOLS
        and fields[_KDD_FLAG_AT].strip().isalnum()
        and fields[0].strip().replace(".", "").isdigit()
    )


def _refuse_other_delimiters(path: Path, line: str, options: ReadOptions) -> None:
    for delimiter, word in _OTHER_DELIMITERS.items():
        fields = _split(line, delimiter)
        if len(fields) > len(_split(line)) and (
            nearest_schema(fields, options)[1] >= RECOGNISED_SHARE
            or _is_kdd_row(fields)
            or asked_meter(fields, options)
        ):
            raise SourceError(
                f"{path} has {word} between its fields where commas belong; save it with commas."
            )


def _repeated(header: list[str]) -> list[str]:
    """A note on columns that stand twice, the first of which counts."""
    titles = Counter(title.strip() for title in header)
    twice = sorted(title for title, n in titles.items() if n > 1 and title)
    return [f"Column {title!r} stands twice; the first one counts." for title in twice]


def _split(line: str, delimiter: str = ",") -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a bare carriage return, or a field of more than 128 KiB
        return line.split(delimiter)
