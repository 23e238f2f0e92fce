"""What ships: a model and all it needs, saved whole and verified before use."""

from edgeguard_core.bundle.bundle import Bundle, VerifyReport, verify_bundle
from edgeguard_core.bundle.files import DRIFT, PARITY, WEIGHTS
from edgeguard_core.bundle.keys import KeyPair, SigningKey, TrustedKeys, generate_key
from edgeguard_core.bundle.manifest import FORMAT, Manifest, Meter
from edgeguard_core.bundle.probe import probe_model
from edgeguard_core.bundle.saving import BundleParts, check_target, save_bundle
from edgeguard_core.bundle.signing import Signature, SignatureReport, sign_bundle
from edgeguard_core.bundle.state import Current, StateFolder, ThresholdVersion

__all__ = [
    "DRIFT",
    "FORMAT",
    "PARITY",
    "WEIGHTS",
    "Bundle",
    "BundleParts",
    "Current",
    "KeyPair",
    "Manifest",
    "Meter",
    "Signature",
    "SignatureReport",
    "SigningKey",
    "StateFolder",
    "ThresholdVersion",
    "TrustedKeys",
    "VerifyReport",
    "check_target",
    "generate_key",
    "probe_model",
    "save_bundle",
    "sign_bundle",
    "verify_bundle",
]
