"""Newer bundles for a box: only signed ones, proved here first, switched in one step.

What a box never does, whatever it is offered: run a bundle that no trusted key signed, go back
to an older one because an old index is shown to it, or lose the one it has.
"""

import random
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from edgeguard_core.bundle import Bundle, StateFolder, TrustedKeys
from edgeguard_core.clock import Clock
from edgeguard_core.errors import (
    BundleError,
    EdgeGuardError,
    OutputError,
)
from edgeguard_core.files import sha256_hex
from edgeguard_core.outputs.records import Kind
from edgeguard_core.watch.bundle_folder import BundleFolder, History, Trial, bundle_id
from edgeguard_core.watch.download import Source
from edgeguard_core.watch.proving import Prove, prove_in_child
from edgeguard_core.watch.update import Update
from edgeguard_core.watch.update_index import INDEX, MAX_INDEX_BYTES, UpdateIndex, read_index

EVERY_S: Final = 3600.0
HEALTHY_S: Final = 600.0
MOST_STARTS: Final = 3


class Updater:
    """Looks for newer bundles, and keeps the box on one that works.

    Parameters
    ----------
    source
        Folder or URL that ``edgeguard bundle publish`` wrote; None looks nowhere, and only
        guards what was installed.
    keys
        Public keys, one of which must have signed index and bundle.
    folder
        Where bundles of this box lie; see ``BundleFolder``.
    first
        A bundle to begin with while the folder has none.
    state
        State folder of the watch, to say which of its thresholds no longer apply.
    allow_older
        Follow the index also to a bundle that was made before the one in use.
    healthy_s
        How long a new bundle must run before it counts as kept.
    """

    kind, reason = Kind.SENSOR, "update"

    def __init__(
        self,
        source: Path | str | None,
        keys: TrustedKeys | Path | str,
        folder: Path,
        clock: Clock,
        *,
        first: Path | None = None,
        state: Path | str | None = None,
        every_s: float = EVERY_S,
        healthy_s: float = HEALTHY_S,
        allow_older: bool = False,
        seed: int = 0,
        prove: Prove = prove_in_child,
    ) -> None:
        self.folder = BundleFolder(folder)
        self.problem: str | None = None
        """The sentence for why the last look brought nothing; None where nothing was wrong."""
        self._source = None if source is None else Source.of(source, clock)
        self._keys = TrustedKeys.of(keys)
        self._clock = clock
        self._first = first
        self._state = state
        self._every_s = every_s
        self._healthy_s = healthy_s
        self._allow_older = allow_older
        self._random = random.Random(seed)
        self._prove = prove
        self._began = clock.monotonic()
        # The boxes of a site start together, and shall not all ask together.
        self._next_look = self._began + self._random.uniform(0.0, 0.1) * every_s
        self._changing = threading.RLock()  # a look runs in a thread of its own
        self._looking: threading.Thread | None = None
        self._found: Update | None = None

    # -- at the start ------------------------------------------------------------------------

    def start(self) -> Bundle:
        """The bundle to run; call it once, when the watch begins.

        One on trial that has been started too often without lasting, or that no longer loads,
        is given up for the one before it.

        Raises
        ------
        BundleError
            If there is none, or neither it nor the one before can be used.
        """
        self.folder.prepare()
        current = self.folder.current_id()
        if current is None and self._first is not None:
            return Bundle.load(self._first, require_signature=self._keys)
        if current is None:
            raise BundleError(
                f"There is no bundle in {self.folder.path}: install one with install.sh, or name "
                "a bundle to watch with."
            )
        self.folder.sweep()
        history = self.folder.history()
        trial = history.trial
        if trial is not None and trial.id != current:
            history = replace(history, trial=None)  # power was lost before the switch
            self.folder.remember(history)
        elif trial is not None and trial.starts >= MOST_STARTS:
            why = f"it was started {trial.starts} times and never ran {self._healthy_s:g} s"
            if (back := self.roll_back(why)) is not None:
                return back.bundle
        elif trial is not None:
            history = replace(history, trial=replace(trial, starts=trial.starts + 1))
            self.folder.remember(history)
        try:
            return self.folder.load(current, self._keys)
        except BundleError as error:
            if (back := self.roll_back(str(error))) is not None:
                return back.bundle
            raise

    # -- while running -----------------------------------------------------------------------

    def poll(self) -> Update | None:
        """The update that a look in the background brought; returns at once.

        A look begins when one is due, in a thread of its own, so that no flow waits for a
        download.
        """
        if self._looking is not None:
            if self._looking.is_alive():
                return None
            self._looking.join()
            self._looking = None
            found, self._found = self._found, None
            return found
        self._keep_if_healthy()
        if self._source is not None and self._clock.monotonic() >= self._next_look:
            self._looking = threading.Thread(target=self._look, name="updates", daemon=True)
            self._looking.start()
        return None

    def close(self, within_s: float = 5.0) -> None:
        """End; a look that is under way is waited for so long, and lost if it takes longer."""
        if self._looking is not None:
            self._looking.join(within_s)

    def _look(self) -> None:
        self._found = self.check()

    def check(self) -> Update | None:
        """The newer bundle, now the current one; None where there is none or it was refused.

        Looks at once and waits for it. Never raises what a person can mend: ``problem`` holds
        the sentence then, and the history of the folder too.
        """
        self._next_look = self._clock.monotonic() + self._every_s * self._random.uniform(0.9, 1.1)
        with self._changing:
            self._keep_if_healthy()
            try:
                update = self._take_newer()
            except (EdgeGuardError, OSError) as error:
                self._tell(_sentence(error))
                return None
            self.problem = None
            return update

    def _take_newer(self) -> Update | None:
        if self._source is None:
            return None
        self.folder.prepare()
        index = read_index(
            self._source.read(INDEX, MAX_INDEX_BYTES), self._keys, self._source.place
        )
        current, history = self.folder.current_id(), self.folder.history()
        id = bundle_id(index.sums_sha256)
        self._refuse_old_index(index, history)
        if id == current:
            if index.serial > history.serial:
                self.folder.remember(replace(history, serial=index.serial))
            return None
        if (why := history.refused.get(_refusal_key(index))) is not None:
            raise BundleError(why)  # as before; nothing is fetched again
        self._refuse_older_bundle(index, current)
        file = self._bring(index, id)
        return self._take(file, index, current)

    def _refuse_old_index(self, index: UpdateIndex, history: History) -> None:
        if index.serial < history.serial and not self._allow_older:
            raise BundleError(
                f"The index of {self._place} has serial {index.serial}, and this box followed "
                f"{history.serial} already: somebody shows an old one; publish again to go on."
            )

    def _refuse_older_bundle(self, index: UpdateIndex, current: str | None) -> None:
        """One made before that in use, which the index does not ask to go back to."""
        if index.allow_older or self._allow_older:
            return
        if current is not None:
            mine = self.folder.load(current, self._keys).manifest.created
        elif self._first is not None:
            mine = Bundle.load(self._first, require_signature=self._keys).manifest.created
        else:
            return
        if datetime.fromisoformat(index.created) < datetime.fromisoformat(mine):
            raise BundleError(
                f"The bundle that {self._place} offers was made {index.created}, before the one "
                f"in use ({mine}): publish it with --allow-older to go back to it."
            )

    def _bring(self, index: UpdateIndex, id: str) -> Path:
        """The bundle on this disk, whole: as many bytes as signed, with the hash that is signed."""
        assert self._source is not None
        file, part = self.folder.file(id), self.folder.part(index.sha256)
        if file.exists() and sha256_hex(file) == index.sha256:
            return file
        self.folder.tidy([self.folder.current_id(), self.folder.history().previous], part)
        self.folder.require_room(index.size_bytes)
        self._source.fetch(index.file, index.size_bytes, part)
        if sha256_hex(part) != index.sha256:
            part.unlink()
            raise BundleError(
                f"{index.file} of {self._place} is not what its index names (other sha256): it is "
                "fetched again at the next look; publish it again if this stays."
            )
        part.replace(file)
        return file

    def _take(self, file: Path, index: UpdateIndex, current: str | None) -> Update:
        """Prove, load and switch; what fails here is not tried again."""
        try:
            proved = self._prove(file, self._keys)
            bundle = Bundle.load(file, require_signature=self._keys)
            if not (proved.sums_sha256 == bundle.sums_sha256 == index.sums_sha256):
                raise BundleError(
                    f"{file.name} is another bundle than the index of {self._place} names: "
                    "publish it again."
                )
            if datetime.fromisoformat(bundle.manifest.created) != datetime.fromisoformat(
                index.created
            ):
                raise BundleError(
                    f"The index of {self._place} gives another date than its bundle: publish it "
                    "again."
                )
        except EdgeGuardError as error:
            history = self.folder.history().with_refusal(_refusal_key(index), _sentence(error))
            self.folder.remember(history)
            file.unlink(missing_ok=True)
            raise
        return self._switch(bundle, current, index.serial)

    def _switch(self, bundle: Bundle, current: str | None, serial: int) -> Update:
        id = bundle_id(bundle.sums_sha256)
        when = self._clock.now()
        history = self.folder.history()
        trial = Trial(id, when.astimezone(UTC).isoformat(timespec="seconds"))
        # The note first: should power fail in between, the trial of a bundle that is not the
        # current one means nothing, and the next look does it again.
        self.folder.remember(replace(history, previous=current, trial=trial if current else None))
        self.folder.switch(id)
        history = replace(self.folder.history(), serial=max(serial, history.serial))
        told = self._no_longer_apply(bundle)
        self.folder.remember(history.with_event(when, "switched", id, " ".join(told)))
        self.folder.tidy([id, current])
        self._began = self._clock.monotonic()
        return Update(id, bundle, current, serial, told)

    # -- back --------------------------------------------------------------------------------

    def roll_back(self, why: str) -> Update | None:
        """The bundle before, now the current one again; None where there is none that loads.

        The one given up is not taken again until it is published again.
        """
        with self._changing:
            return self._roll_back(why)

    def _roll_back(self, why: str) -> Update | None:
        history, failed = self.folder.history(), self.folder.current_id()
        if failed is None or history.previous == failed:
            return None
        try:
            bundle = self._before(history.previous)
        except BundleError as error:
            self._tell(_sentence(error))
            return None
        if bundle is None:
            return None
        self.folder.switch(history.previous)
        refused = history.with_refusal(f"{history.serial} {failed}", why)
        gone_back = replace(refused, previous=None, trial=None)
        self.folder.remember(gone_back.with_event(self._clock.now(), "rolled_back", failed, why))
        self._began = self._clock.monotonic()
        self.folder.tidy([history.previous])
        id = history.previous or bundle_id(bundle.sums_sha256)
        told = (f"Bundle {failed} was given up for {id}: {why}.",)
        return Update(id, bundle, None, None, told + self._no_longer_apply(bundle))

    def _before(self, id: str | None) -> Bundle | None:
        """The bundle before; what the box began with where the folder held none."""
        if id is not None:
            return self.folder.load(id, self._keys)
        if self._first is None:
            return None
        return Bundle.load(self._first, require_signature=self._keys)

    def _keep_if_healthy(self) -> None:
        """End the trial of a bundle that has run long enough."""
        if self._clock.monotonic() - self._began < self._healthy_s:
            return
        history = self.folder.history()
        if history.trial is None or history.trial.id != self.folder.current_id():
            return
        kept = replace(history, trial=None)
        try:
            self.folder.remember(
                kept.with_event(self._clock.now(), "kept", history.trial.id, "it ran well")
            )
        except OutputError as error:
            self.problem = str(error)

    # -- saying ------------------------------------------------------------------------------

    def _no_longer_apply(self, bundle: Bundle) -> tuple[str, ...]:
        """What becomes of thresholds set on this box: those of another model do not count."""
        folder = StateFolder.of(bundle, self._state)
        valid, skipped = folder.versions(bundle)
        if valid or not skipped:
            return ()
        return (
            f"{len(skipped)} threshold{'s' if len(skipped) > 1 else ''} in {folder.path} "
            f"{'were' if len(skipped) > 1 else 'was'} made for another model, so that of the new "
            f"bundle, {bundle.threshold.value:.6g}, is in force: calibrate again with edgeguard "
            "threshold.",
        )

    def _tell(self, sentence: str) -> None:
        """Keep a problem in the history, once and not at every look."""
        if sentence == self.problem:
            return
        self.problem = sentence
        try:
            history = self.folder.history()
            last = history.events[-1] if history.events else {}
            if last.get("why") != sentence:
                self.folder.remember(
                    history.with_event(self._clock.now(), "refused", None, sentence)
                )
        except (OutputError, OSError):
            return  # a full disk is told by the sentence itself

    @property
    def _place(self) -> str:
        return "" if self._source is None else self._source.place


def _refusal_key(index: UpdateIndex) -> str:
    return f"{index.serial} {bundle_id(index.sums_sha256)}"


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, EdgeGuardError):
        where = f" ({error.filename})" if error.filename else ""
        return f"The update cannot be written: {error.strerror or error}{where}; make room."
    return " ".join(str(error).split())
