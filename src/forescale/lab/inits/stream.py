"""Gaussian weights sized by the stream, not by what each layer sums: a start for grokking.

A matrix inside the network has variance one over the width of the stream at its narrower end,
whether it reads from the stream or writes to it; embeddings and heads one over their outputs.

Source: Nanda et al. 2023, "Progress measures for grokking via mechanistic interpretability",
whose start of a one-layer transformer this is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from forescale.lab.inits._contract import Init, Role


def fill(p: Tensor, name: str, role: Role, generator: torch.Generator) -> None:
    """Variance 1/stream inside, 1/outputs at both ends; zero for biases, one for gains."""
    if p.ndim < 2:
        p.fill_(0.0 if name.endswith("bias") else 1.0)
        return
    fan = min(role.fan_in, role.fan_out) if role.kind == "hidden" else role.fan_out
    p.normal_(0.0, fan**-0.5, generator=generator)


INIT = Init(
    name="stream",
    what="Gaussian, variance 1/width of the stream, whatever a layer sums.",
    source="Nanda et al. 2023, Progress measures for grokking via mechanistic interpretability",
    fill=fill,
)
