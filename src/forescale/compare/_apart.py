"""Each method fitted alone, with the noise that all of them have drawn anew together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forescale.compare import _models
from forescale.compare._noise import Noise
from forescale.errors import TooFewRuns
from forescale.fit import Fit, Spec, fit_spec
from forescale.quantities import short
from forescale.runs import RunTable
from forescale.uncertainty._leverage import freed

Array = NDArray[np.float64]


def alone(runs: RunTable, spec: Spec, rows: NDArray[np.bool_], name: str) -> Fit:
    """The law fitted to the runs of one method."""
    try:
        return fit_spec(runs.take(rows), replace(spec, by=None, free=()))
    except TooFewRuns as error:
        raise TooFewRuns(
            f"method '{short(name)}': {error.what}",
            where=error.where,
            fix=f"{error.fix}, or leave it out with --where",
        ) from None


def all_freed(
    fits: Mapping[str, Fit], rows: Mapping[str, NDArray[np.intp]], n: int
) -> tuple[Array, float]:
    """Freed residuals in the rows' places, shape (n,), and degrees of freedom per row."""
    out, dof = np.zeros(n), 0
    for name, fit in fits.items():
        out[rows[name]], left = freed(fit)
        dof += left
    return out, dof / sum(len(r) for r in rows.values())


def drawn_anew(
    fits: Mapping[str, Fit],
    rows: Mapping[str, NDArray[np.intp]],
    source: Noise,
    resamples: int,
    seed: int,
) -> dict[str, Array]:
    """Parameters of each method, shape (K, p), refitted to noise that partners share."""
    drawn = source.draw(np.random.default_rng(seed), resamples, scale=True)
    out = {}
    for name, fit in fits.items():
        seen = _models.observed(fit.problem, fit.theta, drawn[:, rows[name]])
        weights = np.broadcast_to(fit.problem.weights, seen.shape)
        found = _models.again(fit.problem, fit.theta, weights, seen)
        out[name] = fit.problem.natural(found.theta)
    return out
