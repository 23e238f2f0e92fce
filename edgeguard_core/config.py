"""Settings of a training run, as one frozen value that is kept in the bundle."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from edgeguard_core.errors import TrainingError


@dataclass(frozen=True)
class TrainingConfig:
    """How an autoencoder is trained; the defaults are the measured recipe.

    Raises
    ------
    TrainingError
        If a value cannot be trained with; the message names it.

    Examples
    --------
    >>> TrainingConfig(seed=7).to_json()["seed"]
    7
    >>> TrainingConfig.from_json({"steps": 100}).steps
    100
    """

    steps: int = 4_000
    batch_rows: int = 256
    learning_rate: float = 3e-3
    weight_decay: float = 1e-5
    warmup_share: float = 0.1
    hidden: tuple[int, ...] = (64, 32)
    bottleneck: int = 8
    log_sigma_limit: float = 2.0
    beta: float = 0.5  # of the beta-NLL loss, Seitzer et al. 2022
    mse_weight: float = 0.5
    z_limit: float = 10.0  # standardised inputs are clipped to ± this
    scale_floor: float = 0.1  # a column constant in training still has this scale
    context_scale_floor: float = 0.5  # of context, which a small network hardly varies
    rare_below: int = 5  # a category seen fewer times shares the "rare or unseen" bin
    one_hot_weight: float = 3.0
    seed: int = 0

    def __post_init__(self) -> None:
        positive = (
            "steps",
            "batch_rows",
            "learning_rate",
            "bottleneck",
            "z_limit",
            "scale_floor",
            "context_scale_floor",
        )
        for name in positive:
            if not getattr(self, name) > 0:
                raise TrainingError(f"{name} is {getattr(self, name)}; it must be above 0.")
        if not self.hidden or min(self.hidden) < 1:
            raise TrainingError(f"hidden is {self.hidden}; give at least one layer width above 0.")
        if not 0 <= self.seed < 2**31:
            raise TrainingError(f"seed is {self.seed}; it must lie between 0 and 2147483647.")

    def to_json(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return asdict(self) | {"hidden": list(self.hidden)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "TrainingConfig":
        """The settings that ``to_json`` wrote; absent ones take their default."""
        known = {field.name for field in fields(cls)}
        chosen = {name: value for name, value in values.items() if name in known}
        if "hidden" in chosen:
            chosen["hidden"] = tuple(chosen["hidden"])
        return cls(**chosen)
