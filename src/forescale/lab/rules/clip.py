"""Gradients whose norm is above a limit are scaled down to it.

Source: Pascanu, Mikolov & Bengio 2013, "On the Difficulty of Training Recurrent Neural Networks".
"""

from __future__ import annotations

import torch
from torch import nn

from forescale.lab.rules._contract import Hooks, Rule


class Clip(Hooks):
    """Clips the norm over all parameters."""

    def __init__(self, norm: float) -> None:
        self.norm = norm

    def gradients(self, module: nn.Module) -> None:
        """Scale the gradients so that their joint norm is at most the limit."""
        torch.nn.utils.clip_grad_norm_(module.parameters(), self.norm, foreach=True)


RULE = Rule(
    name="clip",
    what="Scale gradients down to a largest norm.",
    source="Pascanu, Mikolov & Bengio 2013, On the Difficulty of Training Recurrent Neural "
    "Networks",
    make=Clip,
    settings={"norm": 1.0},
)
