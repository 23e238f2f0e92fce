"""Settings of a training run, as one frozen value that is kept in the bundle."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Any, Final

from edgeguard_core.errors import TrainingError

SIZES: Final[Mapping[str, tuple[tuple[int, ...], int]]] = {
    "s": ((32, 16), 4),
    "m": ((64, 32), 8),  # the measured recipe
    "l": ((128, 64), 16),
}
"""Widths of the hidden layers and of the bottleneck, by the name of the size."""


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
    whitened_directions: int = 8  # of the residuals, see ``model.whitening``; 0 whitens none
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
        if self.whitened_directions < 0:
            raise TrainingError(
                f"whitened_directions is {self.whitened_directions}; it must be at least 0."
            )
        if not 0 <= self.seed < 2**31:
            raise TrainingError(f"seed is {self.seed}; it must lie between 0 and 2147483647.")

    @classmethod
    def of_size(cls, size: str, **others: Any) -> "TrainingConfig":
        """The settings of a network that is small, medium or large, and others by name.

        Raises
        ------
        TrainingError
            If there is no such size, or a value cannot be trained with.

        Examples
        --------
        >>> TrainingConfig.of_size("m") == TrainingConfig()
        True
        >>> TrainingConfig.of_size("s", seed=7).hidden
        (32, 16)
        """
        if size.lower() not in SIZES:
            raise TrainingError(f"No size is called {size!r}; use one of {', '.join(SIZES)}.")
        hidden, bottleneck = SIZES[size.lower()]
        return cls(**{"hidden": hidden, "bottleneck": bottleneck, **others})

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


def layer_widths(n_expanded: int, config: TrainingConfig) -> tuple[int, ...]:
    """Widths from the input to the output, which holds m and s side by side.

    >>> layer_widths(40, TrainingConfig())
    (40, 64, 32, 8, 32, 64, 80)
    """
    back = tuple(reversed(config.hidden))
    return (n_expanded, *config.hidden, config.bottleneck, *back, 2 * n_expanded)


def parameter_count(n_expanded: int, config: TrainingConfig) -> int:
    """Weights that are learned: of each layer its kernel and its biases.

    >>> parameter_count(2, TrainingConfig(hidden=(3,), bottleneck=1))  # 9 + 4 + 6 + 16
    35
    """
    return sum((rows + 1) * columns for rows, columns in pairwise(layer_widths(n_expanded, config)))
