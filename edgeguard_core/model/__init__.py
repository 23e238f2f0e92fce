"""The autoencoder: training, conversion to TFLite, and the parity gate.

The only folder that may import TensorFlow, and it does so at the first call that needs it.
"""

from edgeguard_core.model.conversion import VARIANTS, convert, parse_variant, synthetic_rows
from edgeguard_core.model.parity import ParityLimits, ParityReport, check_parity
from edgeguard_core.model.training import TrainedWeights, TrainingProgress, train_weights

__all__ = [
    "VARIANTS",
    "ParityLimits",
    "ParityReport",
    "TrainedWeights",
    "TrainingProgress",
    "check_parity",
    "convert",
    "parse_variant",
    "synthetic_rows",
    "train_weights",
]
