"""What a run says of itself: a JSON line for machines and a readable line for people."""

import json
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, Final

from edgeguard_core.bundle import strict_json
from edgeguard_core.clock import Clock
from edgeguard_core.errors import OutputError

JSON_LINES: Final = "log.jsonl"
TEXT: Final = "log.txt"


@dataclass(frozen=True)
class RunLog:
    """The two logs of a run; each line is added whole."""

    folder: Path
    clock: Clock

    def write(self, event: str, stage: str, message: str, **about: Any) -> None:
        """One event in both.

        Raises
        ------
        OutputError
            If the disk is full or the folder cannot be written.
        """
        when = self.clock.now().astimezone(UTC).isoformat(timespec="milliseconds")
        message = " ".join(message.split())
        line = {"when": when, "event": event, "stage": stage, "message": message, **about}
        plain = json.dumps(strict_json.without_nan(line), ensure_ascii=False, allow_nan=False)
        shown = f"{when[:19].replace('T', ' ')}  {stage:<9}  {event:<8}  {message}".rstrip()
        for name, text in ((JSON_LINES, plain), (TEXT, shown)):
            try:
                with (self.folder / name).open("a", encoding="utf-8") as stream:
                    stream.write(text + "\n")
            except OSError as error:
                raise OutputError(
                    f"Cannot write {self.folder / name}: {error.strerror}; make room, and run "
                    "again."
                ) from error
