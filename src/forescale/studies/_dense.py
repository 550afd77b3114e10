"""Dense networks in torch, and plain descent, for studies that read probes on them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from forescale.errors import NotReached

if TYPE_CHECKING:
    from torch import Tensor, nn


def need_torch() -> None:
    """Nothing, where torch is installed.

    Raises:
        NotReached: If it is not.
    """
    try:
        found = importlib.util.find_spec("torch")
    except ImportError:
        found = None
    if found is None:
        raise NotReached("the networks need torch", fix="pip install 'forescale[lab]'")


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
