"""How many features a layer's weights hold, how many dimensions each has, and how they overlap.

Source: Elhage et al. 2022, "Toy Models of Superposition".
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.probes import Cost, Measure, Probe, Sight


def run(sight: Sight) -> Mapping[str, float]:
    """Features to a dimension, shares of dimensions, and overlap; the batch is not looked at.

    A feature is an input of an nn.Linear, and its direction a column of the weights, or a row of
    an nn.Embedding. NaN where all weights are 0 or one is not finite.

    Settings:
        layer: The layer; None for the first nn.Linear or nn.Embedding.
    """
    modules = dict(sight.model.named_modules())
    layer = sight.settings["layer"]
    known = [n for n, m in modules.items() if isinstance(m, nn.Linear | nn.Embedding)]
    if layer is None and known:
        layer = known[0]
    if layer not in known:
        raise BadOption(
            f"{layer!r} is no nn.Linear or nn.Embedding of the model",
            where="layer",
            fix=f"it has {', '.join(known) or 'none'}",
        )
    module = modules[layer]
    weight = module.weight.detach().double()
    numbers = held(weight if isinstance(module, nn.Embedding) else weight.T)
    names = ("features_per_dimension", "represented", "dimensionality", "filled", "overlap")
    return dict(zip(names, numbers.tolist(), strict=True))


def held(directions: Tensor) -> Tensor:
    """The five numbers, shape (5,).

    Args:
        directions: Direction of each feature, shape (features, dimensions).
    """
    squares = directions.square().sum(1)
    if not bool(squares.isfinite().all() & (squares > 0).any()):
        return directions.new_full((5,), math.nan)
    there = squares > 0
    units = torch.where(there[:, None], directions / squares.sqrt()[:, None], 0.0)
    # Squared length of every feature along each one's own unit vector, itself among them.
    along = (units @ directions.T).square().sum(1)
    shares = torch.where(there, squares / along, 0.0)
    # Norms are all or nothing in the source; half of the largest square parts the two.
    kept = squares > 0.5 * squares.max()
    return torch.stack(
        [
            squares.sum() / squares.max() / directions.shape[1],
            kept.double().mean(),
            shares[kept].mean(),
            shares.sum() / directions.shape[1],
            ((along - squares) / squares)[kept].mean(),
        ]
    )


PROBE = Probe(
    name="superposition",
    what="How many features a layer's weights hold, and how they share its dimensions.",
    measures=(
        Measure("features_per_dimension", "1", "sum of squared norms, of the largest, a dimension"),
        Measure("represented", "1", "share of features above half of the largest squared norm"),
        Measure("dimensionality", "1", "mean over those of |W|^2 / sum of (unit W . W_j)^2"),
        Measure("filled", "1", "sum of the latter over all features, a dimension"),
        Measure("overlap", "1", "squares of others along a feature over its own, mean over those"),
    ),
    run=run,
    # No pass at all.
    cost=Cost(forwards=1),
    source="Elhage et al. 2022",
    settings={"layer": None},
)
