"""Matrices with orthogonal rows or columns, their entries of variance 1/fan-in.

For square matrices this is the plain orthogonal start, under which deep linear networks learn
in a time that does not depend on depth. The others are scaled so that activations keep the size
of their entries, as `standard` has it; matrices that write to a residual stream start smaller.

Source: Saxe, McClelland & Ganguli 2013, "Exact Solutions to the Nonlinear Dynamics of Learning
in Deep Linear Neural Networks".
"""

from __future__ import annotations

import torch
from torch import Tensor

from forescale.lab.inits import standard
from forescale.lab.inits._contract import Init, Role


def fill(p: Tensor, name: str, role: Role, generator: torch.Generator) -> None:
    """Orthogonal matrices; biases and gains as `standard`."""
    if p.ndim < 2:
        standard.fill(p, name, role, generator)
        return
    gain = (max(p.shape[0], p[0].numel()) / role.fan_in) ** 0.5
    if role.residual:
        gain /= role.depth**0.5
    torch.nn.init.orthogonal_(p, gain, generator=generator)


INIT = Init(
    name="orthogonal",
    what="Orthogonal matrices, entries of variance 1/fan-in.",
    source="Saxe, McClelland & Ganguli 2013, Exact Solutions to the Nonlinear Dynamics of "
    "Learning in Deep Linear Neural Networks",
    fill=fill,
)
