"""Sign of the momentum.

Source: Bernstein et al. 2018, "signSGD: Compressed Optimisation for Non-Convex Problems".
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from forescale.lab.optimizers._contract import Group, Optimizer, torch_groups


def make(
    groups: Sequence[Group], *, momentum: float, weight_decay: float
) -> list[torch.optim.Optimizer]:
    """Lion with one memory for both of its uses: exactly this method."""
    from pytorch_optimizer import Lion

    return [Lion(torch_groups(groups, weight_decay), betas=(momentum, momentum))]


OPTIMIZER = Optimizer(
    name="signum",
    what="Sign of the momentum.",
    source="Bernstein et al. 2018, signSGD: Compressed Optimisation for Non-Convex Problems",
    make=make,
    lr=1e-3,
    settings={"momentum": 0.9, "weight_decay": 0.3},
    elementwise=True,
)
