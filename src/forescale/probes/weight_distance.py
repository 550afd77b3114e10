"""How far the weights have moved from where they began, whole and by parameter.

In the first, fast phase of training the distance grows as the logarithm of the steps, as on a
random walk in a random landscape; weights that diffuse freely move as the root.

    start = copy.deepcopy(model.state_dict())
    watch(model, optimizer, {"weight_distance": {"start": start}}, data=(x, y))

Source: Hoffer, Hubara & Soudry 2017, "Train longer, generalize better: closing the generalization
gap in large batch training of neural networks".
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from forescale.errors import BadOption
from forescale.probes import Cost, Measure, Probe, Sight, _examples


def run(sight: Sight) -> Mapping[str, float]:
    """Norms, distances from the start, and distances over the start's norm.

    Distances are NaN without a start, relative ones also where the start is zero.

    Raises:
        BadOption: If the start lacks a parameter, has one of another shape, or is the weights
            themselves, which move along.
    """
    params = _examples.trained(sight)
    start = _start(sight, params)
    device = next(iter(params.values())).device
    sizes = []
    for name, p in params.items():
        now = p.detach().double()
        then = now if start is None else start[name].detach().to(now)
        parts = now.square().sum(), (now - then).square().sum(), then.square().sum()
        sizes.append(torch.stack(parts).to(device))
    # One transfer from the device for all.
    squares = torch.stack([torch.stack(sizes).sum(0), *sizes]).tolist()
    values: dict[str, float] = {}
    for name, (norm, moved, begun) in zip(["", *(f"/{n}" for n in params)], squares, strict=True):
        distance = math.nan if start is None else math.sqrt(moved)
        values[f"weight_norm{name}"] = math.sqrt(norm)
        values[f"distance{name}"] = distance
        values[f"relative_distance{name}"] = distance / math.sqrt(begun) if begun else math.nan
    return values


def _start(sight: Sight, params: Mapping[str, Tensor]) -> Mapping[str, Tensor] | None:
    """Where the weights began, by name; None where it was not given."""
    start = sight.settings["start"]
    if start is None:
        return None
    if not isinstance(start, Mapping):
        raise BadOption(
            f"start is {type(start).__name__}",
            where="weight_distance",
            fix="give tensors by name, as in start=copy.deepcopy(model.state_dict())",
        )
    for name, p in params.items():
        then = start.get(name)
        if not isinstance(then, Tensor) or then.shape != p.shape:
            found = tuple(then.shape) if isinstance(then, Tensor) else "missing"
            raise BadOption(
                f"start of {name!r} is {found}, the parameter {tuple(p.shape)}",
                where="weight_distance",
                fix="give the same model's state, as in start=copy.deepcopy(model.state_dict())",
            )
        if then.numel() and then.data_ptr() == p.data_ptr() and then.device == p.device:
            raise BadOption(
                f"start of {name!r} is the live parameter, which moves with training",
                where="weight_distance",
                fix="give a copy, as in start=copy.deepcopy(model.state_dict())",
            )
    return start


PROBE = Probe(
    name="weight_distance",
    what="Distance of the parameters from where they began, whole and by parameter.",
    measures=(
        Measure("weight_norm", "1", "Euclidean norm of all parameters that train"),
        Measure("weight_norm/*", "1", "the same of one parameter tensor"),
        Measure("distance", "1", "norm of what they moved; NaN until the setting start is given"),
        Measure("distance/*", "1", "the same of one parameter tensor"),
        Measure("relative_distance", "1", "the distance over the norm at the start"),
        Measure("relative_distance/*", "1", "the same of one parameter tensor"),
    ),
    run=run,
    cost=Cost(forwards=1),
    source="Hoffer, Hubara & Soudry 2017",
    # start: a copy of the state the run began with, as a state dict.
    settings={"start": None},
)
