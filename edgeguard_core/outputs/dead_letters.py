"""Records that a receiver refuses for good, kept with the reason for a person to look at."""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from edgeguard_core.clock import Clock, now_ms
from edgeguard_core.errors import OutputError
from edgeguard_core.outputs.records import Record, iso_time
from edgeguard_core.outputs.wire import body_json

_MOST_BYTES = 4 << 20


class DeadLetters:
    """A file of refused records, a JSON object a line: ``at``, ``sink``, ``reason``, ``record``.

    At half its bound it becomes ``NAME.1`` and the older half goes, so that it never fills a
    small disk.
    """

    def __init__(self, path: Path, clock: Clock, most_bytes: int = _MOST_BYTES) -> None:
        self.path = path
        self.count = 0  # since the start
        self._clock = clock
        self._most_bytes = most_bytes

    def keep(self, records: Sequence[Record], sink: str, reason: str) -> None:
        """Write the records down, on disk when this returns.

        Raises
        ------
        OutputError
            If the file cannot be written; the records are then to be sent again.
        """
        at = iso_time(now_ms(self._clock))
        text = "".join(
            f'{{"at":{json.dumps(at)},"sink":{json.dumps(sink)},"reason":{json.dumps(reason)},'
            f'"record":{body_json(record.body)}}}\n'
            for record in records
        )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                if self.path.stat().st_size >= self._most_bytes // 2:
                    self.path.replace(self.path.with_name(self.path.name + ".1"))
            with self.path.open("ab") as stream:
                stream.write(text.encode())
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise OutputError(
                f"Cannot keep what {sink} refused in {self.path}: {error.strerror or error}; "
                "make room there, or the folder writable."
            ) from error
        self.count += len(records)
