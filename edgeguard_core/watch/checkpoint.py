"""Where a watch stood: what a restart goes on with, in one file that is whole or not there."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.bundle.arrays import load_arrays
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.files import write_whole

FORMAT: Final = 1
FOLDER: Final = "watch"
"""In the state folder: checkpoints and the spool of the watches there."""
_ABOUT = "about"
_WARMING = "warming_"
_NAME_CHARACTERS = 12


@dataclass(frozen=True)
class Checkpoint:
    """All records up to here were accepted; what follows is read again and told again.

    Attributes
    ----------
    source
        Name of the feed.
    position
        Where the feed goes on; None where it cannot go back.
    model_sha256
        Of the model that judged; incidents of another one are not continued.
    incidents
        As ``LiveIncidents.to_json`` wrote them.
    counters
        Flows, alerts and the like since the first start.
    watermark_ms
        Time of the newest flow.
    context
        As ``context_arrays`` wrote it; empty where the model needs none.
    warming
        As ``Warming.to_arrays`` wrote it; empty where the watch is not calibrating.
    """

    source: str
    position: Mapping[str, Any] | None
    model_sha256: str
    incidents: Mapping[str, Any]
    counters: Mapping[str, int]
    watermark_ms: float | None = None
    context: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    warming: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write it over the one before.

        Raises
        ------
        OutputError
            If the folder cannot be written.
        """
        about = {
            "format": FORMAT, "source": self.source, "position": self.position,
            "model_sha256": self.model_sha256, "incidents": self.incidents,
            "counters": dict(self.counters), "watermark_ms": self.watermark_ms,
        }  # fmt: skip
        text = json.dumps(about, allow_nan=False).encode()
        packed = io.BytesIO()
        # Not compressed: it is written often, and no flow shall wait for it.
        arrays: dict[str, Any] = {_ABOUT: np.frombuffer(text, np.uint8), **self.context}
        arrays |= {_WARMING + name: array for name, array in self.warming.items()}
        np.savez(packed, **arrays)
        write_whole(path, packed.getvalue())

    @classmethod
    def load(cls, path: Path) -> "Checkpoint | None":
        """The checkpoint in a file; None where there is none, or it is of another version."""
        try:
            arrays = load_arrays(path.read_bytes())
            about = json.loads(arrays.pop(_ABOUT).tobytes())
            if about["format"] != FORMAT:
                return None
            return cls(
                source=str(about["source"]),
                position=about["position"],
                model_sha256=str(about["model_sha256"]),
                incidents=about["incidents"],
                counters=about["counters"],
                watermark_ms=about["watermark_ms"],
                context={k: v for k, v in arrays.items() if not k.startswith(_WARMING)},
                warming={
                    name.removeprefix(_WARMING): array
                    for name, array in arrays.items()
                    if name.startswith(_WARMING)
                },
            )
        except (OSError, ValueError, KeyError, TypeError, EdgeGuardError):
            return None


def checkpoint_path(state: Path, source: str) -> Path:
    """Where the checkpoint of a source stands; each source has its own.

    >>> checkpoint_path(Path("state"), "conn.log").name
    'checkpoint-462b50c351a7.npz'
    """
    name = hashlib.sha256(source.encode()).hexdigest()[:_NAME_CHARACTERS]
    return state / FOLDER / f"checkpoint-{name}.npz"
