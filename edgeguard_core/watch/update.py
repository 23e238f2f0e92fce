"""Another bundle for a watch that runs."""

from dataclasses import dataclass

from edgeguard_core.bundle import Bundle, StateFolder


@dataclass(frozen=True)
class Update:
    """A bundle that is now the current one, and what a person should know about it.

    Attributes
    ----------
    bundle
        Verified and proved; a watch makes its detector of it.
    previous_id
        What to go back to.
    serial
        Of the index that named it; None when it was gone back to.
    told
        One sentence each for the record: thresholds of this box that no longer apply.
    state
        Where thresholds of this bundle are; None: where those of the one before were.
    """

    id: str
    bundle: Bundle
    previous_id: str | None
    serial: int | None
    told: tuple[str, ...]
    state: StateFolder | None = None
