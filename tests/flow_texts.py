"""Small files of each family, written by hand, for tests of reading."""

import csv
import gzip
from pathlib import Path

from edgeguard_core.flows import Schema

ZEEK_FIELDS = (
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service",
    "duration", "orig_bytes", "resp_bytes", "conn_state", "orig_pkts", "orig_ip_bytes",
    "resp_pkts", "resp_ip_bytes",
)  # fmt: skip

ZEEK_ROWS = (
    "1.5 C1 192.168.1.2 40000 8.8.8.8 53 udp dns 0.5 40 60 SF 2 96 1 104",
    "2.5 C2 10.0.0.1 40001 10.0.0.2 2323 tcp - - - - S0 1 60 0 0",
    "3.5 C3 8.8.4.4 8 10.0.0.2 0 icmp - 2 64 64 OTH 4 400 0 0",
)
"""Rows of a conn.log, fields parted by one blank."""

KDD_ROW = "0,tcp,http,SF,181,5450" + ",0" * 16 + ",8,8" + ",0" * 7 + ",9,9" + ",0" * 8


def zeek_tsv(rows: tuple[str, ...] = ZEEK_ROWS, fields: tuple[str, ...] = ZEEK_FIELDS) -> str:
    head = "#separator \\x09\n#set_separator\t,\n#path\tconn\n#fields\t" + "\t".join(fields)
    return head + "\n" + "".join("\t".join(row.split()) + "\n" for row in rows) + "#close\tx\n"


def zeek_csv(rows: tuple[str, ...] = ZEEK_ROWS) -> str:
    return "".join(",".join(row) + "\n" for row in (ZEEK_FIELDS, *(r.split() for r in rows)))


def cic_header(spelling: int = 0) -> list[str]:
    """The numeric columns and the port of CICFlowMeter, by the n-th alias that each has."""
    schema = Schema.named("cicflowmeter")
    columns = [schema.column("dst_port"), *map(schema.column, schema.numeric)]
    return [(c.aliases or (c.name,))[min(spelling, len(c.aliases) - 1)] for c in columns]


def cic_csv(rows: list[list[str]], header: list[str] | None = None) -> str:
    lines = [header or [*cic_header(), "Label"], *rows]
    return "".join(",".join(line) + "\n" for line in lines)


def cic_row(port: int = 80, label: str = "BENIGN", **cells: str) -> list[str]:
    """A row of ones, but for the cells named by their schema column."""
    names = Schema.named("cicflowmeter").numeric
    return [str(port), *(cells.get(name, "1") for name in names), label]


def written(folder: Path, name: str, content: str | bytes) -> Path:
    """A file of that content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def unlabelled(source: Path, out: Path) -> Path:
    """The same rows without what tells an attack from the others."""
    opened = gzip.open if source.suffix == ".gz" else open
    with opened(source, "rt", newline="") as stream:
        titles, *rows = list(csv.reader(stream))
    kept = [
        at for at, title in enumerate(titles) if title not in ("label", "class", "detailed-label")
    ]
    with out.open("w", newline="") as stream:
        csv.writer(stream).writerows([row[at] for at in kept] for row in (titles, *rows))
    return out


def in_order(source: Path, out: Path) -> Path:
    """A Zeek log as CSV in the order of the begins, as a file is judged."""
    titles, *rows = source.read_text().splitlines()
    out.write_text("\n".join([titles, *sorted(rows, key=lambda r: float(r.split(",")[0])), ""]))
    return out
