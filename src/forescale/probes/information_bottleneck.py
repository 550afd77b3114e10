"""How much a layer keeps of its inputs beyond their class.

A layer of a deterministic network says all about its input, so that Gaussian noise is added, of a
part of the layer's own spread. The examples then make a mixture of Gaussians whose entropy is held
between two bounds by the distances of its pairs; both are between 0 and log of the examples.

Sources: Kawaguchi, Deng, Ji & Huang 2023, "How Does Information Bottleneck Help Deep Learning?",
whose bound on the generalisation gap grows with I(X; Z | Y); Kolchinsky & Tracey 2017, "Estimating
Mixture Entropy with Pairwise Distances".
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from forescale.errors import BadOption
from forescale.probes import Cost, Measure, Probe, Sight
from forescale.probes._features import features_of, labels, some


def run(sight: Sight) -> Mapping[str, float]:
    """Information about the input in the input of each layer asked for, by layer.

    Settings:
        layers: Names of modules; None for the nn.Linear that is called last.
        noise: Standard deviation of the noise, as part of the root of the summed variances.
        points: Examples looked at, at most.
    """
    asked, noise = sight.settings["layers"], float(sight.settings["noise"])
    if isinstance(asked, str) or (asked is not None and len(asked) == 0):
        raise BadOption(
            f"layers = {asked!r} is no list of names", where="layers", fix='as in layers=("0", "4")'
        )
    if not (math.isfinite(noise) and noise > 0):
        raise BadOption(f"noise is {noise}", where="information_bottleneck", fix="more than 0")
    given = sight.batch.inputs
    chosen = some(len(given), int(sight.settings["points"]), sight.seed, given.device)
    found = features_of(sight, asked, given[chosen])
    classes = labels(sight)
    assert classes is not None
    y = classes[chosen.to(classes.device)]
    rows = torch.stack(
        [torch.stack(information(f.values, y.to(f.values.device), noise)) for f in found]
    ).tolist()
    names = ("conditional", "conditional_lower", "input", "label")
    return {
        f"{name}/{f.layer}": value
        for f, row in zip(found, rows, strict=True)
        for name, value in zip(names, row, strict=True)
    }


def information(values: Tensor, classes: Tensor, noise: float) -> tuple[Tensor, ...]:
    """I(X; Z | Y) from above and from below, I(X; Z) from above, and I(Z; Y), in nats.

    The last is what I(X; Z) and I(X; Z | Y), both from above, differ by. NaN where all rows are
    the same or one is not finite.

    Args:
        values: One row an example, shape (n, d).
        classes: Shape (n,).
        noise: As part of the root of the summed variances over all rows.
    """
    rows = values.double()
    rows = rows - rows.mean(0)
    whole = rows.square().sum(1).mean()
    # Rounding leaves some variance to equal rows.
    size = values.double().square().sum(1).mean()
    whole = torch.where(whole > 1e-12 * size, whole, torch.nan)
    # By differences: products would blur the small distances that count most.
    exact = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
    squares = exact.square() / (noise**2 * whole)
    same = classes[:, None] == classes
    apart = torch.where(same, squares, torch.inf)
    # Kullback and Leibler's distances bound from above, Bhattacharyya's from below.
    above, below = _bound(apart / 2, same), _bound(apart / 8, same)
    whole_above = _bound(squares / 2, torch.ones_like(same))
    return above, below, whole_above, whole_above - above


def _bound(distances: Tensor, counted: Tensor) -> Tensor:
    """Minus the mean log of the mean of exp(-distance) over those counted."""
    inside = torch.logsumexp(-distances, 1) - counted.sum(1).double().log()
    return -inside.mean()


PROBE = Probe(
    name="information_bottleneck",
    what="How much a layer keeps of its inputs beyond their class.",
    measures=(
        Measure("conditional/*", "nats", "I(X; Z | Y) with noise, an upper bound"),
        Measure("conditional_lower/*", "nats", "the same, a lower bound"),
        Measure("input/*", "nats", "I(X; Z) with noise, an upper bound"),
        Measure("label/*", "nats", "I(Z; Y): the difference of the upper bounds"),
    ),
    run=run,
    cost=Cost(forwards=1),
    source="Kawaguchi et al. 2023; Kolchinsky & Tracey 2017",
    needs=frozenset({"targets", "classes"}),
    settings={"layers": None, "noise": 0.5, "points": 2048},
)
