"""Gaussian weights of variance 1/fan-in, the same rate for all: what most people run.

Matrices that write to a residual stream start smaller by the root of their number, so that the
stream does not grow with depth (Radford et al. 2019).

Source: LeCun et al. 1998, "Efficient BackProp".
"""

from __future__ import annotations

import torch
from torch import Tensor

from forescale.lab.inits._contract import Init, Role


def fill(p: Tensor, name: str, role: Role, generator: torch.Generator) -> None:
    """Variance 1/fan-in for matrices; zero for biases, one for gains."""
    if p.ndim < 2:
        p.fill_(0.0 if name.endswith("bias") else 1.0)
        return
    std = role.fan_in**-0.5
    if role.residual:
        std /= role.depth**0.5
    p.normal_(0.0, std, generator=generator)


INIT = Init(
    name="standard",
    what="Gaussian, variance 1/fan-in; one learning rate for all.",
    source="LeCun et al. 1998, Efficient BackProp",
    fill=fill,
)
