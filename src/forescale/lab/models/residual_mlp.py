"""Deep MLP with skip connections: what studies of depth, ReZero and ZerO need.

Source: He et al. 2016, "Identity Mappings in Deep Residual Networks"; the branch is that of a
transformer without attention.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from forescale.lab._io import Images, Vectors
from forescale.lab.models._contract import Model


class Block(nn.Module):
    """Two layers with a ReLU between them, added to the stream."""

    def __init__(self, width: int, norm: bool, gated: bool) -> None:
        super().__init__()
        self.norm = norm
        self.up = nn.Linear(width, width)
        self.down = nn.Linear(width, width)
        self.gate = nn.Parameter(torch.ones(1)) if gated else None

    def forward(self, x_bd: Tensor) -> Tensor:
        """The stream after the block, shape (b, d)."""
        seen = F.rms_norm(x_bd, x_bd.shape[-1:]) if self.norm else x_bd
        made = self.down(F.relu(self.up(seen)))
        return x_bd + (made if self.gate is None else self.gate * made)


class ResidualMLP(nn.Module):
    """A linear layer, blocks, and a linear head."""

    def __init__(
        self, inputs: int, outputs: int, depth: int, width: int, norm: bool, gated: bool
    ) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(Block(width, norm, gated) for _ in range(depth))
        self.head = nn.Linear(width, outputs)
        self.norm = norm
        self.residuals = tuple(f"blocks.{i}.down.weight" for i in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs, shape (b, outputs), from vectors or images."""
        x_bd = self.first(x.flatten(1))
        for block in self.blocks:
            x_bd = block(x_bd)
        return self.head(F.rms_norm(x_bd, x_bd.shape[-1:]) if self.norm else x_bd)


def build(io: Vectors | Images, *, depth: int, width: int, norm: bool, gated: bool) -> ResidualMLP:
    """A residual MLP.

    Args:
        io: Its inputs and outputs.
        depth: Blocks.
        width: Width of the stream.
        norm: Norm what the branches and the head read.
        gated: Multiply each branch by a scalar, which inits such as `rezero` start at zero.
    """
    inputs = io.inputs if isinstance(io, Vectors) else io.channels * io.side**2
    return ResidualMLP(inputs, io.outputs, depth, width, norm, gated)


MODEL = Model(
    name="residual_mlp",
    what="Deep MLP with skip connections.",
    source="He et al. 2016, Identity Mappings in Deep Residual Networks",
    takes=(Vectors, Images),
    shape=lambda size: {"depth": 4, "width": 16 * size},
    build=build,
    settings={"norm": True, "gated": False},
)
