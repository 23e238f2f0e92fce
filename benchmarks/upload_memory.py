"""Memory of the dashboard while a large file is uploaded, read, scored and exported.

Repeats a CICFlowMeter CSV until it has 400,000 rows, puts it into a real dashboard by a real
browser, scores it with a bundle and exports the result, while the resident memory of the server
and all its children is watched. Prints one JSON object; exits 1 at the limit.

    python benchmarks/upload_memory.py FILE.csv[.gz] [--bundle B] [--rows 400000] [--limit 2.5]
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import serving
from process_tree import MemoryWatch, family, memory
from score_memory import MB, edgeguard

if TYPE_CHECKING:
    from playwright.sync_api import Page

BYTES_MEANT = 218_000_000  # as large as 400,000 rows of CIC-IDS2017 as it was published
READ_MS = 300_000
_IDENTITY = re.compile(r"\b(?:ID|IP|Port|Protocol|Timestamp|Label)\b")
SETTLE_S = 3.0


def repeated(source: Path, target: Path, rows: int, size: int) -> int:
    """Rows of a CSV under its header, again and again; the bytes written, about ``size``.

    Where the rows are too short for that size, whole numbers of features get decimals, as some
    exporters write them.
    """
    raw = source.read_bytes()
    text = (gzip.decompress(raw) if source.suffix == ".gz" else raw).decode("utf-8", "replace")
    header, *lines = text.splitlines()
    short = size / rows - 1 - sum(map(len, lines)) / len(lines)  # bytes of a row
    features = [not _IDENTITY.search(name) for name in header.split(",")]
    whole = sum(_are_whole(lines[0], features))
    decimals = "." + "0" * (round(short / whole) - 1) if short > whole else ""
    wide = [f"{_with_decimals(line, features, decimals)}\n".encode() for line in lines]
    with target.open("wb") as out:
        out.write(f"{header}\n".encode())
        for start in range(0, rows, len(wide)):
            out.writelines(wide[: min(len(wide), rows - start)])
    return target.stat().st_size


def _are_whole(line: str, features: list[bool]) -> list[bool]:
    cells = line.split(",")
    return [known and cell.isdigit() for cell, known in zip(cells, features, strict=True)]


def _with_decimals(line: str, features: list[bool], decimals: str) -> str:
    cells = zip(line.split(","), _are_whole(line, features), strict=True)
    return ",".join(cell + decimals if whole else cell for cell, whole in cells)


class Phases:
    """The highest memory of each phase above what the idle server held, and its seconds."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.idle_bytes = self.now_bytes()
        self.figures: dict[str, dict[str, float]] = {}

    def now_bytes(self) -> int:
        """Resident memory of the server and all its children."""
        return sum(memory(one)[0] for one in family(self.pid))

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Watch one phase."""
        watch, started = MemoryWatch(self.pid), time.perf_counter()
        watch.start()
        yield
        watch.stop()
        self.figures[name] = {
            "seconds": round(time.perf_counter() - started, 1),
            "grown_mb": round((watch.peak_tree_bytes - self.idle_bytes) / MB),
        }

    @property
    def most_mb(self) -> float:
        """The growth of the worst phase."""
        return max(figures["grown_mb"] for figures in self.figures.values())


def journey(page: Page, phases: Phases, file: Path) -> None:
    """From the choice of the file to its exported scores."""
    with phases.phase("upload"):
        page.locator("input[type=file]").first.set_input_files(file)
        page.locator(".st-key-eg_another_file button").wait_for(timeout=READ_MS)
    with phases.phase("read"):
        page.get_by_role("heading", name="Learn or score").wait_for(timeout=READ_MS)
    with phases.phase("score"):
        page.get_by_role("radio", name="Score with a bundle").click()
        page.locator(".st-key-eg_score button").click()
        page.get_by_role("heading", name="Results").wait_for(timeout=READ_MS)
        page.locator(".st-key-eg_download_csv button").first.wait_for(timeout=READ_MS)
    for kind in ("parquet", "csv"):
        with (
            phases.phase(f"export as {kind}"),
            page.expect_download(timeout=READ_MS) as download,
        ):
            page.locator(f".st-key-eg_download_{kind} button").first.click()
        Path(download.value.path()).unlink()


def measure(source: Path, bundle: Path | None, rows: int, work: Path) -> dict[str, Any]:
    """The figures of one run, with everything it writes under ``work``."""
    if bundle is None:
        trained = edgeguard("train", str(source), "--out", str(work / "bundle"))
        bundle = Path(trained.answer["bundle"])
    file = work / "large.csv"
    size = repeated(source, file, rows, BYTES_MEANT)
    kept = work / "server" / "bundles" / "bench"
    shutil.copytree(bundle, kept)
    with serving.dashboard(work / "server") as server, serving.chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(server.url)
        page.get_by_role("link", name="Data", exact=True).click()
        page.get_by_role("heading", name="Data", exact=True).wait_for()
        time.sleep(SETTLE_S)
        phases = Phases(server.pid)
        started = time.perf_counter()
        journey(page, phases, file)
        seconds = time.perf_counter() - started
        time.sleep(SETTLE_S)
        left = phases.now_bytes() - phases.idle_bytes
    return {
        "file": source.name,
        "rows": rows,
        "file_mb": round(size / MB, 1),
        "idle_mb": round(phases.idle_bytes / MB),
        "phases": phases.figures,
        "seconds": round(seconds, 1),
        "grown_mb": phases.most_mb,
        "left_mb": round(left / MB),
        "multiple": round(phases.most_mb * MB / size, 2),
    }


def main() -> None:
    """Parse, measure, print, judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", type=Path, help="a CICFlowMeter CSV, plain or .gz")
    parser.add_argument("--bundle", type=Path, help="score with this one instead of training")
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--limit", type=float, default=2.5, help="times the size of the file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edgeguard-bench-") as folder:
        figures = measure(options.file, options.bundle, options.rows, Path(folder))
    print(json.dumps(figures, indent=2))
    if figures["multiple"] >= options.limit:
        raise SystemExit(f"{figures['multiple']} times the file is not below {options.limit:g}")


if __name__ == "__main__":
    main()
