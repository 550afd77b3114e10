"""Adam with decoupled weight decay.

Source: Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization".
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from forescale.lab.optimizers._contract import Group, Optimizer, torch_groups


def make(
    groups: Sequence[Group],
    *,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    everywhere: bool,
) -> list[torch.optim.Optimizer]:
    """PyTorch's AdamW, its steps fused; `everywhere`, what is not a hidden matrix decays, too."""
    found = torch_groups(groups, weight_decay, everywhere=everywhere)
    return [torch.optim.AdamW(found, betas=(beta1, beta2), eps=eps, fused=True)]


OPTIMIZER = Optimizer(
    name="adamw",
    what="Adam with decoupled weight decay.",
    source="Loshchilov & Hutter 2019, Decoupled Weight Decay Regularization",
    make=make,
    lr=8e-3,
    settings={"beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.1, "everywhere": False},
    elementwise=True,
)
