"""Adam in the eigenbasis of Shampoo's preconditioner.

The first step only gathers statistics and moves nothing. Vectors and scalars get Adam.

Source: Vyas et al. 2024, "SOAP: Improving and Stabilizing Shampoo using Adam"; Shampoo is
Gupta, Koren & Singer 2018.
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
    every: int,
    weight_decay: float,
) -> list[torch.optim.Optimizer]:
    """The package pytorch_optimizer's SOAP.

    Args:
        groups: The parameters.
        beta1: Memory of the momentum.
        beta2: Memory of the second moments and of the preconditioner.
        every: Steps between new eigenbases.
        weight_decay: Decoupled decay.
    """
    from pytorch_optimizer import SOAP

    return [
        SOAP(
            torch_groups(groups, weight_decay),
            betas=(beta1, beta2),
            precondition_frequency=every,
        )
    ]


OPTIMIZER = Optimizer(
    name="soap",
    what="Adam in the eigenbasis of Shampoo's preconditioner.",
    source="Vyas et al. 2024, SOAP: Improving and Stabilizing Shampoo using Adam",
    make=make,
    lr=4e-3,
    settings={"beta1": 0.95, "beta2": 0.95, "every": 10, "weight_decay": 0.1},
    whole=True,
)
