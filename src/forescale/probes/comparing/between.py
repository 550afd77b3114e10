"""The loss between two models: on the straight line, or on a curve that was bent to keep it low."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from forescale.errors import BadOption
from forescale.probes import Batch
from forescale.probes._contract import Loss
from forescale.probes._read import untouched

Weights = dict[str, Tensor]


def path(
    a: nn.Module,
    b: nn.Module,
    batch: Batch | tuple[Tensor, Tensor],
    loss: Loss,
    *,
    points: int = 11,
    by: Mapping[str, Tensor] | None = None,
) -> list[float]:
    """Losses at evenly spaced models from a to b, both included; parameters and float buffers mix.

    The models are read in evaluation mode and stay as they were. Statistics of batch norm mix as
    they are; they are not measured anew on the way.

    Args:
        a: The model at the start.
        b: One of the same shape.
        batch: Inputs and targets.
        loss: Mean loss of outputs and targets.
        points: How many, two or more.
        by: Weights that the way bends towards, as `bent` finds them; None for the straight line.

    Raises:
        BadOption: If the models differ in shape, there are no targets, or too few points.
    """
    given = _given(batch)
    if points < 2:
        raise BadOption(f"points is {points}", where="path", fix="give 2 or more")
    ends = _ends(a, b)
    found = []
    with untouched(a, mode="eval", seed=0), torch.no_grad():
        for i in range(points):
            mixed = _mixed(*ends, by, i / (points - 1))
            found.append(loss(functional_call(a, mixed, (given.inputs,)), given.targets))
    # One transfer from the device for all.
    return [float(v) for v in torch.stack(found).double().tolist()]


def barrier(
    a: nn.Module,
    b: nn.Module,
    batch: Batch | tuple[Tensor, Tensor],
    loss: Loss,
    *,
    points: int = 11,
    by: Mapping[str, Tensor] | None = None,
) -> float:
    """The most by which the loss between two models exceeds the line between their losses.

    Args:
        a: The model at the start.
        b: One of the same shape.
        batch: Inputs and targets.
        loss: Mean loss of outputs and targets.
        points: Models on the way, both ends included.
        by: As for `path`.

    Returns:
        In the loss's unit; 0 where the loss stays at or under that line.

    Raises:
        BadOption: As for `path`.

    Source: Frankle et al. 2020; Entezari et al. 2022.
    """
    losses = path(a, b, batch, loss, points=points, by=by)
    last = len(losses) - 1
    return max(v - ((last - i) * losses[0] + i * losses[last]) / last for i, v in enumerate(losses))


def bent(
    a: nn.Module,
    b: nn.Module,
    batch: Batch | tuple[Tensor, Tensor],
    loss: Loss,
    *,
    steps: int = 300,
    lr: float = 1e-2,
    seed: int = 0,
) -> Weights:
    """Weights towards which a curve from a to b bends so that the loss stays low on all of it.

    The curve is (1 - t)^2 a + 2 t (1 - t) w + t^2 b; from the middle of the straight line, w goes
    down the loss at a t drawn anew in each step, by Adam. Hand the result to `path` or `barrier`,
    with examples that were not trained on to see what a user would.

    Args:
        a: The model at the start; it stays as it was.
        b: One of the same shape.
        batch: Inputs and targets to train the curve on.
        loss: Mean loss of outputs and targets.
        steps: Steps of Adam, each one gradient of the whole batch.
        lr: Its rate.
        seed: Seed of the places.

    Raises:
        BadOption: If the models differ in shape, there are no targets, or no step.

    Source: Garipov et al. 2018, "Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs".
    """
    given = _given(batch)
    if steps < 1 or not lr > 0:
        raise BadOption(
            f"steps is {steps}, lr {lr:g}", where="bent", fix="give a step or more, and a rate"
        )
    ends = _ends(a, b)
    trained = {k for k, p in a.named_parameters() if p.requires_grad}
    way = {k: v.clone() for k, v in _mixed(*ends, None, 0.5).items()}
    own = [way[k].requires_grad_() for k in way if k in trained]
    optimizer = torch.optim.Adam(own, lr=lr)
    places = torch.rand(steps, generator=torch.Generator().manual_seed(seed)).tolist()
    with untouched(a, mode="eval", seed=0), torch.enable_grad():
        for t in places:
            out = functional_call(a, _mixed(*ends, way, t), (given.inputs,))
            slopes = torch.autograd.grad(loss(out, given.targets), own)
            for p, g in zip(own, slopes, strict=True):
                p.grad = g
            optimizer.step()
    return {k: v.detach() for k, v in way.items()}


def _given(batch: Batch | tuple[Tensor, Tensor]) -> Batch:
    given = batch if isinstance(batch, Batch) else Batch(*batch)
    if given.targets is None:
        raise BadOption("a loss needs targets", where="path", fix="give (inputs, targets)")
    return given


def _ends(a: nn.Module, b: nn.Module) -> tuple[Weights, Weights]:
    """The weights of both, which must be of one shape."""
    first, second = ({k: v.detach() for k, v in m.state_dict().items()} for m in (a, b))
    if {k: v.shape for k, v in first.items()} != {k: v.shape for k, v in second.items()}:
        raise BadOption(
            "the two models do not have the same parameters",
            where="path",
            fix="give two models of one architecture",
        )
    return first, {k: v.to(first[k]) for k, v in second.items()}


def _mixed(first: Weights, second: Weights, way: Mapping[str, Tensor] | None, t: float) -> Weights:
    """The weights at a place from 0 to 1; what is no float stays that of the first."""
    out = {}
    for k, v in first.items():
        if not v.is_floating_point():
            out[k] = v
        elif way is None:
            out[k] = torch.lerp(v, second[k], t)
        else:
            out[k] = (1 - t) ** 2 * v + 2 * t * (1 - t) * way[k].to(v) + t * t * second[k]
    return out
