"""What ships: a model and all it needs, saved whole and verified before use."""

from edgeguard_core.bundle.bundle import Bundle, VerifyReport, verify_bundle
from edgeguard_core.bundle.files import PARITY, WEIGHTS
from edgeguard_core.bundle.manifest import FORMAT, Manifest, Meter
from edgeguard_core.bundle.probe import probe_model
from edgeguard_core.bundle.saving import BundleParts, check_target, save_bundle
from edgeguard_core.bundle.state import Current, StateFolder, ThresholdVersion

__all__ = [
    "FORMAT",
    "PARITY",
    "WEIGHTS",
    "Bundle",
    "BundleParts",
    "Current",
    "Manifest",
    "Meter",
    "StateFolder",
    "ThresholdVersion",
    "VerifyReport",
    "check_target",
    "probe_model",
    "save_bundle",
    "verify_bundle",
]
