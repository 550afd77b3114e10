"""Stochastic gradient descent with momentum.

Weight decay is a part of the gradient here, as it always was, and gathers in the momentum.

Source: Robbins & Monro 1951, "A Stochastic Approximation Method"; momentum from Polyak 1964.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from forescale.lab.optimizers._contract import Group, Optimizer, torch_groups


def make(
    groups: Sequence[Group], *, momentum: float, nesterov: bool, weight_decay: float
) -> list[torch.optim.Optimizer]:
    """PyTorch's SGD."""
    return [
        torch.optim.SGD(
            torch_groups(groups, weight_decay),
            momentum=momentum,
            nesterov=bool(nesterov) and momentum > 0,
        )
    ]


OPTIMIZER = Optimizer(
    name="sgd",
    what="Stochastic gradient descent with momentum.",
    source="Robbins & Monro 1951, A Stochastic Approximation Method",
    make=make,
    lr=0.1,
    settings={"momentum": 0.9, "nesterov": False, "weight_decay": 0.0},
    family="gradient",
    elementwise=True,
)
