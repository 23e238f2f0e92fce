"""What a capture comes to; run with the folder of captures it writes outcomes.csv anew."""

import csv
import sys
from pathlib import Path

from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.sources import ReadOptions, ReadReport, read_batches
from edgeguard_core.sources.packets.survey import survey

TABLE = Path(__file__).parent / "sources/packets/outcomes.csv"
TITLES = ("file", "outcome", "packets", "flows", "reason")


def outcome_of(folder: Path, name: str) -> tuple[str, ...]:
    """One row: flows, warning, none or error; packets that are there; flows; and the sentence."""
    path, report = folder / name, ReadReport()

    def told(sentence: str) -> str:
        return sentence.replace(str(path), "FILE")

    packets = str(survey(path).packets)
    try:
        for _ in read_batches([path], ReadOptions(), report):
            pass
    except EdgeGuardError as error:
        return name, "error", packets, "", told(str(error))
    kind = "none" if not report.rows else "warning" if report.warnings else "flows"
    return name, kind, packets, str(report.rows), told(" ".join(report.warnings))


def main(folder: Path) -> None:
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    with TABLE.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(TITLES)
        writer.writerows(outcome_of(folder, name) for name in names)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
