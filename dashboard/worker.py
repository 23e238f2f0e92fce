"""The process that carries a job: runs its steps one after another, and notes how it ended.

Started as ``python -m dashboard.worker FOLDER`` by ``jobs.start``. It outlives the
browser and the server, gives way to both, and imports nothing heavy.
"""

import glob
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

LOWER_PRIORITY = 10  # niceness; the page must stay quick while a model is learned


class _Carrier:
    """Runs steps until one fails or a SIGTERM arrives."""

    def __init__(self) -> None:
        self.stopping = False
        self.child: subprocess.Popen[bytes] | None = None

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopping = True
        if self.child is not None and self.child.poll() is None:
            self.child.terminate()

    def run(self, folder: Path, steps: list[list[str]]) -> tuple[int, int]:
        """Exit status and number of the last step that ran."""
        for number, command in enumerate(steps):
            with (
                (folder / f"out-{number}.json").open("wb") as out,
                (folder / "log.txt").open("ab") as log,
            ):
                self.child = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=out, stderr=log
                )
                if self.stopping:
                    self.child.terminate()
                status = self.child.wait()
            if status != 0 or self.stopping:
                return status or 130, number
        return 0, len(steps) - 1


def discard(facts: dict[str, str]) -> None:
    """Delete what a cancelled job had made so far, half-written parts too."""
    if "made" not in facts:
        return
    made = Path(facts["made"])
    for path in (made, *made.parent.glob(f".{glob.escape(made.name)}.*")):
        shutil.rmtree(path, ignore_errors=True)


def main(folder: Path) -> int:
    """Run a job's steps; its end stands in ``finished.json`` when this returns."""
    if hasattr(os, "nice"):
        os.nice(LOWER_PRIORITY)
    carrier = _Carrier()
    signal.signal(signal.SIGTERM, carrier.stop)
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    status, number = carrier.run(folder, job["steps"])
    if status != 0 and carrier.stopping:
        discard(job["facts"])
    part = folder / "finished.json.part"
    part.write_text(json.dumps({"status": status, "step": number}), encoding="utf-8")
    part.replace(folder / "finished.json")
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
