"""Eighty training runs chosen by a Gaussian process tell which claims hold in all four hundred.

Source: Bell et al. 2022, "Modeling the Machine Learning Multiverse".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forescale.lab.config import Config

#: The grid: peak rates in units of each optimizer's largest, and the name of its momentum.
OPTIMIZERS = {"sgd": (0.3, "momentum"), "adamw": (0.01, "beta1")}
RATES = tuple(3.0**-k for k in range(5))
BATCHES = (16, 32, 64, 128)
MOMENTA = (0.0, 0.5, 0.8, 0.9, 0.95)
SEEDS = 2
#: Examples that every run sees, with repetition: nine passes.
EXAMPLES = 12_800
COLUMNS = (
    "optimizer", "lr_peak", "batch", "optimizer.momentum", "optimizer.beta1", "seed", "loss",
    "accuracy",
)  # fmt: skip


def configs(seed: int) -> list[Config]:
    """The runs of the grid."""
    from forescale.lab.config import Config

    return [
        Config(
            task="digits",
            model="mlp",
            steps=EXAMPLES // batch,
            batch=batch,
            lr=largest * rate,
            optimizer=optimizer,
            init="standard",
            marks=1,
            seed=seed + s,
            optimizer_settings={momentum_name: momentum},
        )
        for optimizer, (largest, momentum_name) in OPTIMIZERS.items()
        for rate in RATES
        for batch in BATCHES
        for momentum in MOMENTA
        for s in range(SEEDS)
    ]
