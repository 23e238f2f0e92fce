"""From a validated flow table to what a model reads."""

from edgeguard_core.features.preprocessing import (
    CategoricalFeature,
    ModelInput,
    NumericFeature,
    Preprocessor,
)

__all__ = ["CategoricalFeature", "ModelInput", "NumericFeature", "Preprocessor"]
