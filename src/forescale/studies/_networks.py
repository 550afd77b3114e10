"""Small networks in torch for studies of what training does to a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from forescale.studies._dense import Params

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn


def tangent_dense(sizes: Sequence[int], generator: Generator) -> nn.Sequential:
    """A ReLU network without biases whose tangent kernel has a limit in width.

    Weights are standard normal; a layer's output is scaled by the root of 2 over its inputs, the
    last one's by the root of 1 over them.

    Args:
        sizes: Inputs, hidden widths and outputs.
        generator: Source of the weights.

    Source: Jacot, Gabriel & Hongler 2018, "Neural Tangent Kernel".
    """
    import torch
    from torch import nn

    class Scaled(nn.Module):  # type: ignore[misc]
        def __init__(self, d_in: int, d_out: int, gain: float) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(d_out, d_in, generator=generator))
            self.scale = (gain / d_in) ** 0.5

        def forward(self, x: Tensor) -> Tensor:
            return self.scale * nn.functional.linear(x, self.weight)

    layers: list[nn.Module] = []
    for d_in, d_out in pairwise(sizes[:-1]):
        layers += [Scaled(d_in, d_out, 2.0), nn.ReLU()]
    return nn.Sequential(*layers, Scaled(sizes[-2], sizes[-1], 1.0))


def as_module(params: Params, which: int) -> nn.Sequential:
    """One of many networks trained at once, as a torch module."""
    import torch
    from torch import nn

    layers: list[nn.Module] = []
    for w, b in zip(params[::2], params[1::2], strict=True):
        linear = nn.Linear(w.shape[1], w.shape[2])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(w[which].T))
            linear.bias.copy_(torch.from_numpy(b[which, 0]))
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def dense(sizes: Sequence[int], seed: int, *, bias: bool = True) -> nn.Sequential:
    """A ReLU network in single precision, weights and biases uniform in +-1/sqrt(inputs).

    Args:
        sizes: Inputs, hidden widths and outputs.
        seed: Seed of the weights.
        bias: Whether layers have biases.
    """
    import torch
    from torch import nn

    draw = torch.Generator().manual_seed(seed)
    layers: list[nn.Module] = []
    for d_in, d_out in pairwise(sizes):
        # Skipping torch's own draw leaves the process's random state alone.
        layer = nn.utils.skip_init(nn.Linear, d_in, d_out, bias=bias)
        with torch.no_grad():
            for p in layer.parameters():
                p.copy_((2 * torch.rand(p.shape, generator=draw) - 1) / d_in**0.5)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def descend(model: nn.Module, value: Callable[[], Tensor], lr: float) -> Tensor:
    """The loss before one step of plain gradient descent on it.

    Args:
        model: The network, moved in place.
        value: Makes the loss with its graph.
        lr: Learning rate.
    """
    import torch

    loss = value()
    params = list(model.parameters())
    with torch.no_grad():
        for p, g in zip(params, torch.autograd.grad(loss, params), strict=True):
            p -= lr * g
    return loss.detach()
