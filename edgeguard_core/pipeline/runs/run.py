"""A run that is open: begun or gone on with, and what somebody accepted in it."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from edgeguard_core.clock import Clock, SystemClock
from edgeguard_core.errors import OutputError
from edgeguard_core.files import write_whole
from edgeguard_core.pipeline.account import account_name
from edgeguard_core.pipeline.runs.config import PipelineConfig
from edgeguard_core.pipeline.runs.folder import CONFIG, RUN, RunFolder, require_run_id
from edgeguard_core.pipeline.runs.gates import Acceptance, require_gate
from edgeguard_core.pipeline.runs.log import RunLog


@dataclass(frozen=True)
class Run:
    """A run that is open: its config, its folder, and what was accepted in it."""

    config: PipelineConfig
    folder: RunFolder
    clock: Clock = field(default_factory=SystemClock)

    @property
    def run_id(self) -> str:
        """Its name."""
        return self.folder.run_id

    @property
    def accepted(self) -> dict[str, Acceptance]:
        """What was accepted, by gate; the latest word counts."""
        listed = self.folder.about().get("accepted", [])
        return {each["gate"]: Acceptance(**each) for each in listed}

    def accept(self, gate: str, because: str, who: str | None = None) -> None:
        """Let the run go on where this gate refuses; kept in the run and the registry's history.

        Raises
        ------
        EdgeGuardError
            If there is no such gate, it cannot be accepted, or nobody said why.
        """
        require_gate(gate, because)
        when = self.clock.now().astimezone(UTC).isoformat(timespec="seconds")
        said = Acceptance(gate, " ".join(because.split()), who or account_name(), when)
        about = self.folder.about()
        about["accepted"] = [*about.get("accepted", []), said.to_json()]
        self.folder.write(RUN, about)
        self.log.write("accepted", "", f"{gate}: {said.because}", who=said.who, gate=gate)

    def keep_config(self) -> None:
        """Keep the config as it was read; for whoever works on the run, and no one beside them."""
        write_whole(self.folder.path / CONFIG, self.config.text)

    @property
    def log(self) -> RunLog:
        """Where it says what happens."""
        return RunLog(self.folder.path, self.clock)


def open_run(
    config: PipelineConfig, run_id: str | None = None, *, clock: Clock | None = None
) -> Run:
    """A new run, or the one of this id where there is one already, to go on with.

    Raises
    ------
    OutputError
        If its folder cannot be made or written.
    """
    clock = clock or SystemClock()
    now = clock.now().astimezone(UTC)
    try:
        config.artifacts.mkdir(parents=True, exist_ok=True)
        made = _new_folder(config, now) if run_id is None else _folder(config, run_id)
        made.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"Cannot write {config.artifacts}: {error.strerror}; choose another folder for "
            "artifacts."
        ) from error
    run = Run(config, RunFolder(made), clock)
    if not (made / RUN).exists():
        run.folder.write(
            RUN,
            {
                "run_id": run.run_id,
                "created": now.isoformat(timespec="milliseconds"),
                "who": account_name(),
                "config": str(config.file.absolute()),
                "accepted": [],
            },
        )
    return run


def _folder(config: PipelineConfig, run_id: str) -> Path:
    return config.artifacts / require_run_id(run_id)


def _new_folder(config: PipelineConfig, now: datetime) -> Path:
    """A folder called by the time, and a few digits that tell runs of one moment apart."""
    for attempt in count():
        told = f"{now.isoformat()} {config.sha256} {attempt}"
        digest = hashlib.sha256(told.encode()).hexdigest()
        folder = _folder(config, f"{now:%Y%m%dT%H%M%SZ}-{digest[:6]}")
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise AssertionError("unreachable")
