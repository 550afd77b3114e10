"""Multilayer perceptron with ReLU.

Source: Rumelhart, Hinton & Williams 1986, "Learning Representations by Back-Propagating
Errors".
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.lab._io import Images, Vectors
from forescale.lab.models._contract import Model

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "silu": F.silu,
    "tanh": F.tanh,
    "square": lambda x: x * x,
}


class MLP(nn.Module):
    """Hidden layers of one width and a linear head."""

    def __init__(self, inputs: int, outputs: int, depth: int, width: int, act: str) -> None:
        super().__init__()
        sizes = itertools.pairwise([inputs, *[width] * depth])
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in sizes)
        self.head = nn.Linear(width if depth else inputs, outputs)
        self.act = ACTIVATIONS[act]

    def forward(self, x: Tensor) -> Tensor:
        """Outputs, shape (b, outputs), from vectors or images."""
        x = x.flatten(1)
        for layer in self.layers:
            x = self.act(layer(x))
        return self.head(x)


def build(io: Vectors | Images, *, depth: int, width: int, act: str) -> MLP:
    """An MLP.

    Raises:
        BadOption: If the activation is unknown.
    """
    check_activation(act)
    inputs = io.inputs if isinstance(io, Vectors) else io.channels * io.side**2
    return MLP(inputs, io.outputs, depth, width, act)


def check_activation(act: str) -> None:
    """Refuse an activation that is not there."""
    if act not in ACTIVATIONS:
        raise BadOption(f"no activation '{act}'", fix=f"one of {', '.join(ACTIVATIONS)}")


MODEL = Model(
    name="mlp",
    what="Multilayer perceptron, ReLU unless told.",
    source="Rumelhart, Hinton & Williams 1986, Learning Representations by Back-Propagating Errors",
    takes=(Vectors, Images),
    shape=lambda size: {"depth": 2, "width": 16 * size},
    build=build,
    settings={"act": "relu"},
)
