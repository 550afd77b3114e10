"""Residual bootstrap: the design stays, the noise is drawn anew.

Right for few runs, where drawing runs would lose the design. Residuals are divided by
sqrt(1 - leverage), and the scale of each resample is itself drawn (chi-square with the
degrees of freedom left), so that six runs for three parameters give the wide Student-t
intervals that they deserve.

Source: Davison & Hinkley 1997, "Bootstrap Methods and their Application", section 6.2; the
drawn scale as in a normal linear model with unknown variance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.fit import Fit
from forescale.uncertainty._leverage import freed
from forescale.uncertainty._method import Array, Method, resampled


def draw(
    fit: Fit, resamples: int, seed: int, *, clusters: NDArray[np.intp], workers: int
) -> tuple[Array, tuple[str, ...]]:
    """Refits of predictions plus redrawn noise."""
    problem = fit.problem
    n = len(problem.y)
    counts = problem.weights > 0
    root = np.sqrt(problem.weights[counts])
    noise, dof = freed(fit)
    predicted = problem.predict(fit.theta[None, :])[0]
    if dof < 3:
        notes: tuple[str, ...] = (f"only {dof} degrees of freedom left for the noise",)
    else:
        notes = ()

    def resample(rng: np.random.Generator, count: int) -> tuple[Array, Array]:
        scale = np.sqrt(dof / rng.chisquare(dof, size=(count, 1)))
        # Signs are drawn too: with few runs the residuals' own signs are hardly a sample.
        shape = (count, len(noise))
        redrawn = noise[rng.integers(0, len(noise), size=shape)] * rng.choice([-1.0, 1.0], shape)
        drawn = np.zeros((count, n))
        drawn[:, counts] = redrawn * np.minimum(scale, 30.0) / root
        weights = np.broadcast_to(problem.weights, (count, n))
        if problem.log_residual:
            return weights, predicted * np.exp(-drawn)
        return weights, predicted - drawn

    theta, more = resampled(fit, resample, resamples, seed, workers)
    return theta, (*notes, *more)


METHOD = Method(
    "residual",
    "noise redrawn around the fitted law, scale included; right for few runs",
    "Davison & Hinkley 1997, Bootstrap Methods and their Application",
    draw,
)
