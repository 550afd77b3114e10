"""The loss as a function of the outputs: slopes, and roots of its curvature."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import grad, jacrev, vmap

from forescale.errors import BadOption
from forescale.probes._contract import Batch, Loss


def slopes(model: nn.Module, batch: Batch, loss: Loss) -> Tensor:
    """Gradient of each example's loss in its outputs, shape (n, k)."""
    return vmap(grad(_alone(loss)))(_said(model, batch), batch.targets)


def roots(model: nn.Module, batch: Batch, loss: Loss) -> Tensor:
    """R of each example, shape (n, k, k), with R R' the curvature of its loss in its outputs."""
    # Not torch.func.hessian, whose forward mode loads scripted rules with a warning.
    bent = vmap(jacrev(grad(_alone(loss))))(_said(model, batch), batch.targets)
    values, vectors = torch.linalg.eigh(bent)
    return vectors * values.clamp_min(0).sqrt()[:, None, :]


def _alone(loss: Loss) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda out, target: loss(out[None], target[None])


def _said(model: nn.Module, batch: Batch) -> Tensor:
    with torch.no_grad():
        out = model(batch.inputs)
    if out.ndim != 2 or len(out) != len(batch):
        raise BadOption(
            f"{len(batch)} examples have outputs of shape {tuple(out.shape)}",
            where="influence",
            fix="wrap the model so that its outputs have shape (examples, k)",
        )
    return out.detach()
