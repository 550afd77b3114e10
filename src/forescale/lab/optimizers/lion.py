"""Sign of a momentum, found by a search over programs: half of Adam's memory.

A step has the size of the rate in every entry, so rates are some three to ten times smaller
than Adam's and weight decay as much larger.

Source: Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms".
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from forescale.lab.optimizers._contract import Group, Optimizer, torch_groups


def make(
    groups: Sequence[Group], *, beta1: float, beta2: float, weight_decay: float
) -> list[torch.optim.Optimizer]:
    """The package pytorch_optimizer's Lion, with decoupled decay."""
    from pytorch_optimizer import Lion

    return [Lion(torch_groups(groups, weight_decay), betas=(beta1, beta2))]


OPTIMIZER = Optimizer(
    name="lion",
    what="Sign of an interpolated momentum.",
    source="Chen et al. 2023, Symbolic Discovery of Optimization Algorithms",
    make=make,
    lr=1e-3,
    settings={"beta1": 0.9, "beta2": 0.99, "weight_decay": 0.3},
    elementwise=True,
)
