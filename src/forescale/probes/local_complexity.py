"""How finely the network folds the input space around examples.

Each unit of a piecewise linear network bends the function along a surface where its pre-activation
is 0. Around an example a small cross-polytope is laid, and the units are counted whose sign is not
the same at all its corners: their surfaces cross it. For the first layer the count is exact, for
deeper ones a surface may enter and leave between corners unseen.

Source: Humayun, Balestriero & Baraniuk 2024, "Deep Networks Always Grok and Here is Why".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from forescale.errors import BadOption
from forescale.probes import Cost, Measure, Probe, Sight
from forescale.probes._features import some

#: Corners passed through the model at once.
ROWS = 4096


def run(sight: Sight) -> Mapping[str, float]:
    """Units that change sign around an example, by layer and together.

    Settings:
        radius: From an example to each corner, in the inputs' units.
        directions: Orthogonal axes of the cross-polytope; no more than the inputs have.
        points: Examples looked at, at most.
        layers: Names of the modules whose outputs are the pre-activations; None for all linear
            and convolutional ones, after the batch norm that directly follows, but the last.
    """
    radius = float(sight.settings["radius"])
    axes = int(sight.settings["directions"])
    _checked(sight, radius, axes)
    given = sight.batch.inputs.detach()
    chosen = given[some(len(given), int(sight.settings["points"]), sight.seed, given.device)]
    generator = torch.Generator().manual_seed(sight.seed)
    crossed: dict[str, list[Tensor]] = {}
    units: dict[str, int] = {}
    size = max(1, ROWS // (2 * min(axes, chosen[0].numel()) + 1))
    for part in chosen.split(size):
        corners = cross_polytope(part, radius, axes, generator)
        seen = preactivations(sight, corners.flatten(0, 1))
        for name, out in seen.items():
            signs = out.reshape(len(part), corners.shape[1], -1) > 0
            changes = signs.any(1) & ~signs.all(1)
            crossed.setdefault(name, []).append(changes.sum(1))
            units[name] = changes.shape[1]
    if not crossed:
        # An affine model bends nowhere.
        return {"local_complexity": 0.0, "spread": 0.0, "share": 0.0}
    # Corners, as numbers of units: shape (layers, points), one transfer for all.
    counts = torch.stack([torch.cat(c).double() for c in crossed.values()])
    whole = counts.sum(0)
    *layers, mean, spread = torch.cat(
        [counts.mean(1), whole.mean()[None], whole.std(correction=0)[None]]
    ).tolist()
    return {
        "local_complexity": mean,
        "spread": spread,
        "share": mean / sum(units.values()),
        **{f"local_complexity/{n}": v for n, v in zip(crossed, layers, strict=True)},
    }


def cross_polytope(points: Tensor, radius: float, axes: int, generator: torch.Generator) -> Tensor:
    """Each point and its corners at both ends of random orthogonal axes.

    Args:
        points: Shape (n, ...).
        radius: From the point to a corner.
        axes: Axes; all that there are where the points have fewer.
        generator: Of the axes, on the CPU, so that they are the same on any device.

    Returns:
        Shape (n, 1 + 2 axes, ...), the point itself first.
    """
    size = points[0].numel()
    drawn = torch.randn(
        (len(points), size, min(axes, size)), generator=generator, dtype=torch.float64
    )
    along = radius * torch.linalg.qr(drawn).Q.mT
    moves = torch.cat([torch.zeros_like(along[:, :1]), along, -along], 1).to(points)
    return points[:, None] + moves.reshape(*moves.shape[:2], *points.shape[1:])


def preactivations(sight: Sight, inputs: Tensor) -> dict[str, Tensor]:
    """Outputs of the layers that others follow, by name, in the order of their calls.

    Raises:
        BadOption: If a layer asked for is not there, or not called.
    """
    asked = sight.settings["layers"]
    modules = dict(sight.model.named_modules())
    for name in asked or ():
        if name not in modules:
            raise BadOption(
                f"the model has no layer {name!r}",
                where="layers",
                fix="name modules that model.named_modules() lists",
            )
    kinds = (nn.Linear, _ConvNd, _BatchNorm)
    watched = asked or [n for n, m in modules.items() if isinstance(m, kinds)]
    seen: dict[str, Tensor] = {}
    last: list[tuple[str, Tensor]] = []

    def watch(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
            if asked is None and isinstance(module, _BatchNorm):
                # What a norm makes of a layer's output is what the activation sees.
                if not last or not args or args[0] is not last[0][1]:
                    return
                name_of = last[0][0]
            else:
                name_of = name
            # Cloned: an activation may work in place on it.
            seen.pop(name_of, None)
            seen[name_of] = output.detach().clone()
            last[:] = [(name_of, output)]

        return hook

    handles = [modules[n].register_forward_hook(watch(n)) for n in watched]
    try:
        with torch.no_grad():
            sight.model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    for name in asked or ():
        if name not in seen:
            raise BadOption(
                f"the forward pass does not call layer {name!r}",
                where="layers",
                fix="name layers that it calls",
            )
    if asked is None and seen:
        # The last gives the outputs, which no activation follows.
        seen.popitem()
    return seen


def _checked(sight: Sight, radius: float, axes: int) -> None:
    if not sight.batch.inputs.is_floating_point():
        raise BadOption(
            f"inputs of {sight.batch.inputs.dtype} cannot be moved a little",
            where="local_complexity",
            fix="give floating point inputs, such as embeddings in place of tokens",
        )
    if not (math.isfinite(radius) and radius > 0):
        raise BadOption(f"radius is {radius}", where="local_complexity", fix="give more than 0")
    if axes < 1:
        raise BadOption(f"directions is {axes}", where="local_complexity", fix="give 1 or more")


PROBE = Probe(
    name="local_complexity",
    what="How many units change sign in a small neighbourhood of an example.",
    measures=(
        Measure("local_complexity", "units", "mean over examples of units that change sign"),
        Measure("spread", "units", "standard deviation of the same over examples"),
        Measure("share", "1", "the mean as a share of all units"),
        Measure("local_complexity/*", "units", "units of one layer, mean over examples"),
    ),
    run=run,
    # Up to 25 axes of two ends, and the example itself.
    cost=Cost(forwards=51),
    source="Humayun, Balestriero & Baraniuk 2024",
    settings={"radius": 0.05, "directions": 25, "points": 256, "layers": None},
)
