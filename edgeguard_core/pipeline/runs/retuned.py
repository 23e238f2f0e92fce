"""The threshold of a registered version, re-tuned by verdicts where the config says so."""

from collections.abc import Callable
from datetime import datetime

from edgeguard_core.detection import Detector
from edgeguard_core.pipeline.account import account_name
from edgeguard_core.pipeline.registry_version import Version
from edgeguard_core.pipeline.retuning import RetunePreview


def retune_version(
    version: Version,
    preview: Callable[[Detector], RetunePreview | None],
    run_id: str,
    now: Callable[[], datetime],
) -> list[str]:
    """What became of the threshold, a sentence; nothing without verdicts.

    The bundle stays as it was registered; what is proposed is kept in the state folder beside it,
    as ``edgeguard threshold`` keeps one. Again it changes nothing: what it spared is gone by then.

    Raises
    ------
    RegistryError, OutputError
        If the version is damaged, or its state folder cannot be written.
    """
    detector = Detector(version.load())
    before, found = detector.threshold.value, preview(detector)
    if found is None:
        return []
    if found.threshold is None:
        return [f"The threshold stays {before:.4g}: {found.why_not}."]
    why = f"run {run_id}: {found.whose}"
    origin = found.apply(detector, who=account_name(), why=why, now=now)
    after = found.threshold.value
    return [f"The threshold of version {version.number} is {after:.4g}, not {before:.4g}, by the "
            f"verdicts ({origin})."]  # fmt: skip
