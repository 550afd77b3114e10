"""The loss on the straight line between two models."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from forescale.errors import BadOption
from forescale.probes import Batch
from forescale.probes._contract import Loss
from forescale.probes._read import untouched


def path(
    a: nn.Module,
    b: nn.Module,
    batch: Batch | tuple[Tensor, Tensor],
    loss: Loss,
    *,
    points: int = 11,
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

    Raises:
        BadOption: If the models differ in shape, there are no targets, or too few points.
    """
    given = batch if isinstance(batch, Batch) else Batch(*batch)
    if given.targets is None:
        raise BadOption("a loss needs targets", where="path", fix="give (inputs, targets)")
    if points < 2:
        raise BadOption(f"points is {points}", where="path", fix="give 2 or more")
    first, second = ({k: v.detach() for k, v in m.state_dict().items()} for m in (a, b))
    if {k: v.shape for k, v in first.items()} != {k: v.shape for k, v in second.items()}:
        raise BadOption(
            "the two models do not have the same parameters",
            where="path",
            fix="give two models of one architecture",
        )
    found = []
    with untouched(a, mode="eval", seed=0), torch.no_grad():
        for i in range(points):
            t = i / (points - 1)
            mixed = {
                k: torch.lerp(v, second[k].to(v), t) if v.is_floating_point() else v
                for k, v in first.items()
            }
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
) -> float:
    """The most by which the loss between two models exceeds the line between their losses.

    Args:
        a: The model at the start.
        b: One of the same shape.
        batch: Inputs and targets.
        loss: Mean loss of outputs and targets.
        points: Models on the way, both ends included.

    Returns:
        In the loss's unit; 0 where the loss stays at or under that line.

    Raises:
        BadOption: As for `path`.

    Source: Frankle et al. 2020; Entezari et al. 2022.
    """
    losses = path(a, b, batch, loss, points=points)
    last = len(losses) - 1
    return max(v - ((last - i) * losses[0] + i * losses[last]) / last for i, v in enumerate(losses))
