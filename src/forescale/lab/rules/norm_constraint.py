"""After each step the weights are scaled back to a fixed norm.

Whole: the Euclidean norm over all parameters. By layer: each tensor's own; one that starts at
zero has no direction to be scaled along and is left free.

Source: Liu, Michaud & Tegmark 2023, "Omnigrok: Grokking Beyond Algorithmic Data", which holds
the norm of the whole network at a multiple of its initial one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.lab.rules._contract import Hooks, Rule

OVER = ("whole", "layer")


class NormConstraint(Hooks):
    """Keeps norms at `factor` times the initial ones, or at `norm` where that is not zero."""

    def __init__(self, over: str, factor: float, norm: float) -> None:
        if over not in OVER:
            raise BadOption(f"no norm over '{over}'", fix=f"one of {', '.join(OVER)}")
        if not factor > 0 or norm < 0:
            raise BadOption(
                f"factor is {factor:g} and norm {norm:g}",
                fix="give a positive factor, and a norm or 0 for the initial one",
            )
        self.over, self.factor, self.norm = over, factor, norm
        self.goals: Tensor | None = None

    def gradients(self, module: nn.Module) -> None:
        """Note the norms before the first step."""
        if self.goals is None:
            now = self._norms(module)
            # Zeros stay: they say which tensors are free.
            held = torch.where(now > 0, self.norm, 0.0) if self.norm else self.factor * now
            self.goals = held.to(now)

    @torch.no_grad()
    def after(self, module: nn.Module) -> None:
        """Scale the weights back."""
        if self.goals is None:
            return
        now = self._norms(module)
        factors = torch.where((self.goals > 0) & (now > 0), self.goals / now, 1.0)
        parameters = list(module.parameters())
        for p, factor in zip(parameters, factors.expand(len(parameters)), strict=True):
            p.mul_(factor)

    @torch.no_grad()
    def _norms(self, module: nn.Module) -> Tensor:
        """Shape (1,), or (tensors,) by layer."""
        each = torch.stack([torch.linalg.vector_norm(p) for p in module.parameters()])
        return each.norm()[None] if self.over == "whole" else each

    def state_dict(self) -> dict[str, Any]:
        """The norms that are kept."""
        return {"goals": self.goals}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the norms."""
        self.goals = state["goals"]


RULE = Rule(
    name="norm_constraint",
    what="Keep the norm of the weights where it was, or where it is told to be.",
    source="Liu, Michaud & Tegmark 2023, Omnigrok: Grokking Beyond Algorithmic Data",
    make=NormConstraint,
    settings={"over": "whole", "factor": 1.0, "norm": 0.0},
    ensemble="each",
    whole=True,
)
