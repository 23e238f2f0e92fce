"""Report: what a bundle and a threshold make of some flows, as a page and as a document."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeguard_core.bundle import strict_json
from edgeguard_core.errors import EdgeGuardError, OutputError, SourceError
from edgeguard_core.evaluation.pseudonyms import Pseudonyms
from edgeguard_core.evaluation.report import MOST_BYTES, SECTIONS, page, plain
from edgeguard_core.pipeline.findings import Findings
from edgeguard_core.pipeline.report_sections import document_of
from edgeguard_core.pipeline.room import require_room, spare


@dataclass(frozen=True)
class Report:
    """A report as both of its twins: a page for people and a document for machines."""

    document: dict[str, Any]
    html: str

    @property
    def json(self) -> str:
        """The document as strict JSON."""
        return strict_json.dump(self.document).decode()


def make_report(
    findings: Findings, sections: Sequence[str] = SECTIONS, pseudonyms: str | None = None
) -> Report:
    """The report with the sections asked for; flows and limitations are always told.

    Parameters
    ----------
    pseudonyms
        A key: every address is replaced by a hash with it, in the page and in the document.

    Raises
    ------
    EdgeGuardError
        If there is no such section, or the key is too short.
    """
    names = checked_choices(sections, pseudonyms)
    document = plain(document_of(findings, sections))
    if names is not None:
        document = names.document(document) | {"pseudonyms": True}
    made = Report(document, page(document))
    for twin in (made.html, made.json):
        if len(twin.encode()) > MOST_BYTES:
            raise RuntimeError(f"a report of {len(twin):,} characters: its parts are not bounded")
    return made


def checked_choices(sections: Sequence[str], pseudonyms: str | None) -> Pseudonyms | None:
    """The pseudonyms of a key, None without one, once the sections are known ones.

    Raises
    ------
    EdgeGuardError
        If there is no such section, or the key is too short.
    """
    if unknown := sorted(set(sections) - set(SECTIONS)):
        raise EdgeGuardError(
            f"A report has no section {unknown[0]!r}: choose of {', '.join(SECTIONS)}."
        )
    return None if pseudonyms is None else Pseudonyms(pseudonyms)


def require_places(
    out: Path,
    json_out: Path | None,
    file: Path,
    bundle: Path,
    reviews: Path | None = None,
) -> None:
    """Nothing, when the report can be written and destroys nothing.

    Raises
    ------
    OutputError
        If a target is an input or lies in the bundle, or both are the same file.
    SourceError
        If the reviews are not there.
    """
    if reviews is not None and not reviews.is_file():
        raise SourceError(f"{reviews} is not there: give the reviews.sqlite of a dashboard.")
    targets = [path for path in (out, json_out) if path is not None]
    if len({path.resolve() for path in targets}) < len(targets):
        raise OutputError(f"Cannot write both into {out}: name another file for --json-out.")
    for target in targets:
        spare(target, [file, *([reviews] if reviews else [])], bundle)
        require_room(target)
