"""Variability within a class falls from layer to layer, as features bound to given ones say.

Source: Tirer, Huang & Niles-Weed 2023, "Perturbation Analysis of Neural Collapse".
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._digits import CLASSES, Split, digits
from forescale.studies._interval import median, over_worlds
from forescale.studies._live import Descent, need_torch

Array = NDArray[np.float64]

WIDTH, LR, STEPS = 64, 3e-3, 60
#: Dimensions, examples of a class, and noise of the given features, means having norm 1.
DIMENSIONS, EACH, NOISE = 20, 30, 0.05
#: Weight of the head's norm, of the features' norm, and of the distance to the given features.
HEAD, NORM, NEAR = 0.01, 0.01, 1.0
OFF, FLOWS = 0.05, 0.99


def variability(features: Array, labels: NDArray[np.int64]) -> float:
    """Trace of the scatter within classes over that between their means.

    Args:
        features: One row an example, shape (n, d).
        labels: Class of each, shape (n,), all classes of equal number.
    """
    means = np.stack([features[labels == c].mean(0) for c in range(labels.max() + 1)])
    inside = ((features - means[labels]) ** 2).sum(1).mean()
    return float(inside / ((means - means.mean(0)) ** 2).sum(1).mean())


def head(features: Array, targets: Array) -> Array:
    """The best regularised head of some features, shape (classes, d).

    Args:
        features: Shape (n, d).
        targets: Shape (n, classes).
    """
    n, k = targets.shape
    gram = features.T @ features + HEAD * n / k * np.eye(features.shape[1])
    return np.asarray(np.linalg.solve(gram, features.T @ targets).T)


def optimised(given: Array, targets: Array, rounds: int = 60) -> Array:
    """Features that fit the targets by the best head and stay near the given ones, shape (n, d).

    They minimise |W h - y|^2 + NORM |h|^2 + NEAR |h - h0|^2 summed over examples, plus the head's
    norm, by turns in W and in h, each in closed form.

    Args:
        given: Features h0, shape (n, d).
        targets: Shape (n, classes).
        rounds: Turns.
    """
    features = given
    for _ in range(rounds):
        w = head(features, targets)
        gram = w.T @ w + (NORM + NEAR) * np.eye(given.shape[1])
        features = np.asarray(np.linalg.solve(gram, (targets @ w + NEAR * given).T).T, float)
    return features


def predicted(share: float) -> float:
    """Factor on the variability of nearly collapsed features by first-order perturbation.

    Orthonormal means decouple into one problem a class, in the head's size w and the mean's h.
    A deviation along the means shrinks by NEAR/(w^2 + NORM + NEAR), one across them, which the
    head does not see, by NEAR/(NORM + NEAR).

    Args:
        share: Part of the given variance within classes that lies along the means.
    """
    h = 1.0
    for _ in range(200):
        w = h / (h * h + HEAD)
        h = (w + NEAR) / (w * w + NORM + NEAR)
    along, across = NEAR / (w * w + NORM + NEAR), NEAR / (NORM + NEAR)
    return float((share * along**2 + (1 - share) * across**2) / h**2)


def near_collapse(rng: np.random.Generator, shuffled: bool) -> float:
    """Relative error of the predicted factor on one draw of nearly collapsed features.

    Args:
        rng: Source of the features.
        shuffled: Whether the targets have nothing to do with the classes.
    """
    labels = np.repeat(np.arange(CLASSES), EACH)
    frame = np.linalg.qr(rng.normal(size=(DIMENSIONS, CLASSES)))[0].T
    noise = rng.normal(size=(len(labels), DIMENSIONS)) * NOISE / np.sqrt(DIMENSIONS)
    # Without a mean of their own in any class: the means stay orthonormal.
    noise -= np.stack([noise[labels == c].mean(0) for c in range(CLASSES)])[labels]
    given = frame[labels] + noise
    targets = np.eye(CLASSES)[rng.permutation(labels) if shuffled else labels]
    share = float(((noise @ frame.T) ** 2).sum() / (noise**2).sum())
    found = variability(optimised(given, targets), labels) / variability(given, labels)
    return abs(found / predicted(share) - 1)


def flow(
    features: Array, labels: NDArray[np.int64], targets: Array, steps: int = 40
) -> tuple[float, float]:
    """Factors on the variability by the features' flow: the largest of a step, and of it all.

    Args:
        features: Where the flow begins, shape (n, d).
        labels: Class of each, shape (n,).
        targets: Shape (n, classes).
        steps: Steps, each small against the curvature of the fit.
    """
    h, worst = features, 0.0
    begun = now = variability(h, labels)
    for _ in range(steps):
        w = head(h, targets)
        # The flow of the best head's fit: W is always the one of these features.
        h = h - 0.1 / np.linalg.norm(w, 2) ** 2 * (h @ w.T - targets) @ w
        before, now = now, variability(h, labels)
        worst = max(worst, now / before)
    return worst, now / begun


class Depth(NamedTuple):
    """Largest factor on each form of NC1 from a layer to the next, and what a layer is given."""

    quotient: float
    nc1: float
    total: float
    features: Array


def network(seed: int, data: Split, layers: int, trained: bool) -> Depth:
    """NC1 along the layers of a ReLU network on the digits.

    Args:
        seed: Seed of the weights.
        data: Images to train on.
        layers: Hidden layers.
        trained: Whether it is trained.
    """
    import torch
    from torch import nn

    from forescale import probes
    from forescale.probes import Batch, Sight
    from forescale.probes._features import features

    generator = torch.Generator().manual_seed(seed)
    parts: list[nn.Module] = []
    for i in range(layers + 1):
        last = i == layers
        linear = nn.Linear(WIDTH, CLASSES if last else WIDTH)
        nn.init.normal_(linear.weight, std=((1 if last else 2) / WIDTH) ** 0.5, generator=generator)
        nn.init.zeros_(linear.bias)
        parts += [linear] if last else [linear, nn.ReLU()]
    model = nn.Sequential(*parts)
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    if trained:
        descent = Descent(model.parameters(), LR)
        for _ in range(STEPS):
            descent.step(nn.functional.cross_entropy(model(x), y))
    places = [str(2 * i) for i in range(layers + 1)]
    read = [probes.read("neural_collapse", model, (x, y), layer=p).values for p in places]
    steps = {
        name: [b[name] / a[name] for a, b in pairwise(read)] for name in ("nc1_quotient", "nc1")
    }
    middle = features(Sight(model, Batch(x, y), None, {}, 0), places[1]).values
    return Depth(
        max(steps["nc1_quotient"]),
        max(steps["nc1"]),
        read[-1]["nc1_quotient"] / read[0]["nc1_quotient"],
        middle.double().numpy(),
    )


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Read NC1 along networks, and hold the features model against its theory."""
    need_torch()
    networks, layers, examples = (16, 8, 1000) if rerun else (5, 5, 300)
    rng = np.random.default_rng([seed, 2210])
    found, flows = [], []
    for i in range(networks):
        progress(f"network {i + 1} of {networks}")
        data = digits(rng, examples)
        found.append(network(int(rng.integers(2**31)), data, layers, trained=not falsified))
        each = min(np.bincount(data.y))
        # Classes of equal number, as in the theory.
        kept = np.concatenate([np.flatnonzero(data.y == c)[:each] for c in range(CLASSES)])
        labels = data.y[kept]
        targets = np.eye(CLASSES)[rng.permutation(labels) if falsified else labels]
        flows.append(flow(found[-1].features[kept], labels, targets))
    off = [near_collapse(rng, falsified) for _ in range(40 if rerun else 10)]
    about = f"over {layers} hidden layers"
    return judge(
        {
            "quotient_step": over_worlds(
                [f.quotient for f in found],
                median,
                seed=seed,
                most=1.0,
                what=f"largest factor on tr S_W / tr S_B from a layer to the next, {about}",
            ),
            "nc1_step": over_worlds(
                [f.nc1 for f in found],
                median,
                seed=seed,
                what=f"the same of tr(S_W pinv(S_B))/K, {about}",
            ),
            "depth": over_worlds(
                [f.total for f in found],
                median,
                seed=seed,
                what="tr S_W / tr S_B of the last features over that of the images",
            ),
            "flow_step": over_worlds(
                [step for step, _ in flows],
                median,
                seed=seed,
                most=1.0,
                what="largest factor on it in a step of the features' flow from a first layer's",
            ),
            "flow_all": over_worlds(
                [total for _, total in flows],
                median,
                seed=seed,
                most=FLOWS,
                what="factor on it by all of that flow",
            ),
            "off_theory": over_worlds(
                off,
                median,
                seed=seed,
                most=OFF,
                what="relative error of the factor predicted for nearly collapsed features",
            ),
        },
        f"scikit-learn's digits, {networks} networks on {examples} images each; simulation: "
        f"{len(off)} draws of {CLASSES * EACH} features in {DIMENSIONS} dimensions",
    )


STUDY = Study(
    name="depthwise_collapse",
    papers=("Perturbation Analysis of Neural Collapse",),
    claim="In a trained network variability within classes falls from every layer to the next, "
    "and a model of features that are optimised but kept near given ones shows why: it falls "
    "along their flow, and near collapse by a factor known in closed form.",
    criteria="The quotient of traces changes by a factor of at most 1 from every layer to the next "
    f"and in every step of the flow, by {FLOWS} or less in all of it, and the factor near collapse "
    f"is predicted to {OFF:.0%}.",
    check=check,
    full="16 networks of 8 hidden layers on 1000 images, 40 draws instead of 5, 5, 300 and 10",
    falsified="the networks are not trained, and the features' targets are shuffled",
    note="Read on the training examples, where collapse is. Only the quotient of traces, the form "
    "that the theory is of, is limited: the other, with the inverse of the scatter between means, "
    "also falls from layer to layer in most networks, but not in all. Networks are dense and "
    "small; the flow begins at the features that the first hidden layer makes, and ends, a few "
    "per cent lower, where the head fits: most of the fall along depth is not of one layer. The "
    "closed form is our derivation for orthonormal means and balanced classes, to first order in "
    "the deviations, of the model in the source; the flow is in discrete steps. Set after "
    "looking: the limit on all of the flow.",
)
