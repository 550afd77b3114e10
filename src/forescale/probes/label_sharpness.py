"""How near to each other examples of different labels lie.

The largest difference of labels over distance of two examples: an estimate, from below, of the
Lipschitz constant K_F of what is to be learnt. A model's test loss is bounded by it times
N^(-1/d), N the examples and d their intrinsic dimension.

Source: Konz & Mazurowski 2024, "The Effect of Intrinsic Dataset Properties on Generalization:
Unraveling Learning Differences Between Natural and Medical Images".
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from forescale.errors import BadOption
from forescale.probes import Cost, Measure, Probe, Sight
from forescale.probes._features import features, real, some
from forescale.probes.spectral_entropy import middle


def run(sight: Sight) -> Mapping[str, float]:
    """Label sharpness of the inputs, or of a layer's features; NaN where no two labels differ.

    Integer targets are classes: two differ by 1 or not at all. Others differ by their distance.
    Equal examples of different labels are infinitely sharp.

    Settings:
        layer: The module whose input is read; None for the batch's inputs, without a pass.
        points: At most this many examples are compared, drawn by the seed; the largest grows
            with them.
    """
    inputs, targets = sight.batch.inputs, sight.batch.targets
    assert targets is not None
    if len(targets) != len(inputs):
        raise BadOption(
            f"{len(inputs)} examples have targets of shape {tuple(targets.shape)}",
            where="batch",
            fix="give every example a target",
        )
    if sight.settings["layer"] is None:
        rows = real(inputs.detach().flatten(1) if inputs.ndim > 1 else inputs[:, None])
    else:
        rows = features(sight, sight.settings["layer"]).values
    chosen = some(len(rows), sight.settings["points"], sight.seed, rows.device)
    labels = targets.to(rows.device)[chosen]
    values = sharpness(rows[chosen].double(), labels)
    names = ("label_sharpness", "relative_sharpness", "typical_sharpness")
    return dict(zip(names, values.tolist(), strict=True))


def sharpness(rows: Tensor, targets: Tensor) -> Tensor:
    """Largest slope, the same in units of the median distance, and median of each's own; (3,).

    Args:
        rows: Examples, shape (n, d).
        targets: Classes or values, shape (n, ...).
    """
    if not bool(rows.isfinite().all()):
        return rows.new_full((3,), torch.nan)
    apart = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
    flat = targets.reshape(len(rows), -1)
    if targets.is_floating_point():
        differ = torch.cdist(
            flat.double(), flat.double(), compute_mode="donot_use_mm_for_euclid_dist"
        )
    else:
        differ = (flat[:, None] != flat).any(2).double()
    slopes = torch.where(differ > 0, differ / apart, 0.0)
    own = slopes.amax(1)
    numbers = torch.stack([own.amax(), own.amax() * middle(apart.square()), own.median()])
    return torch.where(own.amax() > 0, numbers, math.nan)


PROBE = Probe(
    name="label_sharpness",
    what="How near to each other examples of different labels lie.",
    measures=(
        Measure("label_sharpness", "1", "largest difference of labels over distance: K_F"),
        Measure("relative_sharpness", "1", "the same times the median distance of two examples"),
        Measure("typical_sharpness", "1", "median over examples of the largest at each"),
    ),
    run=run,
    cost=Cost(forwards=1),
    source="Konz & Mazurowski 2024",
    needs=frozenset({"targets"}),
    settings={"layer": None, "points": 1000},
)
