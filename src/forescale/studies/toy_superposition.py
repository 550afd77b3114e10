"""A narrow autoencoder stores more features than it has dimensions as features grow sparse.

Source: Elhage et al. 2022, "Toy Models of Superposition".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds
from forescale.studies._sparse_autoencoder import train

Array = NDArray[np.float64]

FEATURES, NEURONS = 20, 5
DENSITIES = np.array([1.0, 0.3, 0.1, 0.03, 0.01])
#: The i-th feature weighs this to the power i in the loss.
IMPORTANCE = 0.9
#: Squared norm from which a feature counts as represented.
COUNTED = 0.5
#: Steps at which the number of represented features may grow between densities.
DENSE_OFF, MOST, RISE = 0.5, 15.0, 1.0
PLATEAU = (0.4, 0.6)


def represented(weights: Array) -> Array:
    """How many features have a direction, shape (models,)."""
    return np.asarray((((weights**2).sum(1)) > COUNTED).sum(1), float)


def dimensionality(weights: Array) -> Array:
    """Dimensions each feature has for itself, shape (models, features).

    Its squared norm over the sum of its squared overlaps with all, in units of its norm: one
    alone, one half in an antipodal pair; NaN for features not represented.
    """
    norm2 = (weights**2).sum(1)
    unit = weights / np.sqrt(norm2 + 1e-12)[:, None]
    overlap = (np.einsum("mni,mnj->mij", unit, weights) ** 2).sum(2)
    return np.where(norm2 > COUNTED, norm2 / overlap, np.nan)


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Train autoencoders at five densities; count features and their dimensions."""
    worlds, steps, batch = (20, 8000, 512) if rerun else (5, 1200, 192)
    density = np.repeat(DENSITIES, worlds)
    # In the false world every input is dense, whatever it is called.
    chance = np.repeat((np.ones_like(density) if falsified else density)[:, None], FEATURES, 1)
    progress(f"{len(density)} autoencoders of {FEATURES} features in {NEURONS} dimensions")
    rng = np.random.default_rng([seed, 2209])
    importance = IMPORTANCE ** np.arange(FEATURES)
    weights, _ = train(
        rng,
        chance.astype(np.float32),
        NEURONS,
        importance=importance.astype(np.float32),
        steps=steps,
        batch=batch,
        high=1.0,
        lr=0.02 if not rerun else 0.005,
        decay=np.zeros(len(density), np.float32),
    )
    w = np.asarray(weights, float)
    count = represented(w).reshape(len(DENSITIES), worlds)
    own = np.nanmedian(dimensionality(w), axis=1).reshape(len(DENSITIES), worlds)
    names = [f"{d:g}" for d in DENSITIES]
    return judge(
        {
            "dense_features": over_worlds(
                count[0],
                mean,
                seed=seed,
                least=NEURONS - DENSE_OFF,
                most=NEURONS + DENSE_OFF,
                what="features represented at density 1",
            ),
            "sparsest_features": over_worlds(
                count[-1],
                mean,
                seed=seed,
                least=MOST,
                what=f"features represented at density {names[-1]}",
            ),
            **{
                f"more_at_{names[i + 1]}": over_worlds(
                    count[i + 1] - count[i],
                    mean,
                    seed=seed,
                    least=RISE if i < 2 else None,
                    what=f"features represented more than at density {names[i]}",
                )
                for i in range(len(names) - 1)
            },
            "pairs": over_worlds(
                own[1],
                mean,
                seed=seed,
                least=PLATEAU[0],
                most=PLATEAU[1],
                what="median dimensions of a feature at density 0.3; half in antipodal pairs",
            ),
            **{
                f"dimensions_at_{name}": over_worlds(
                    own[i], mean, seed=seed, what="median dimensions of a represented feature"
                )
                for i, name in enumerate(names)
                if i != 1
            },
        },
        f"simulation: {len(density)} autoencoders",
    )


STUDY = Study(
    name="toy_superposition",
    papers=("Toy Models of Superposition",),
    claim="An autoencoder with ReLU outputs represents as many features as it has dimensions "
    "where inputs are dense, and more, in antipodal pairs first, as they grow sparse.",
    criteria=f"Of {FEATURES} features in {NEURONS} dimensions {NEURONS} (within {DENSE_OFF}) are "
    f"represented at density 1, at least {MOST:g} at density 0.01, at least {RISE:g} more at each "
    f"of 0.3 and 0.1, and a feature has {PLATEAU[0]} to {PLATEAU[1]} dimensions at 0.3.",
    check=check,
    full="20 autoencoders a density instead of 5, trained seven times as long on larger batches",
    falsified="inputs are dense at every density",
    note=f"A feature is represented when its squared norm exceeds {COUNTED}. The phase diagram "
    "in sparsity and importance is not drawn; the count is its cut at one importance decay.",
)
