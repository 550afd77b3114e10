"""Cluster bootstrap: whole clusters of rows drawn with replacement.

Rows of one run, or runs of one size or budget, share what went wrong with them (tuning,
schedule, checkpoint noise); resampling rows as if they were independent hides it.

Source: Cameron, Gelbach & Miller 2008, "Bootstrap-Based Improvements for Inference with
Clustered Errors".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.errors import TooFewRuns
from forescale.fit import Fit
from forescale.uncertainty._method import Array, Method, resampled


def draw(
    fit: Fit, resamples: int, seed: int, *, clusters: NDArray[np.intp], workers: int
) -> tuple[Array, tuple[str, ...]]:
    """Refits of clusters drawn with replacement.

    Raises:
        TooFewRuns: If there are fewer than 4 clusters.
    """
    base = fit.problem.weights
    m = int(clusters.max()) + 1
    if m < 4:
        raise TooFewRuns(
            f"only {m} clusters to resample",
            where=fit.runs.source,
            fix="use --uncertainty pairs, or cluster by a column with more values",
        )

    def resample(rng: np.random.Generator, count: int) -> tuple[Array, None]:
        drawn = rng.multinomial(m, np.full(m, 1.0 / m), size=count).astype(float)
        return drawn[:, clusters] * base, None

    theta, notes = resampled(fit, resample, resamples, seed, workers)
    if m < 8:
        notes = (*notes, f"only {m} clusters: cluster intervals are rough")
    return theta, notes


METHOD = Method(
    "cluster",
    "whole clusters (runs, sizes or budgets) drawn with replacement; right for checkpoints",
    "Cameron, Gelbach & Miller 2008, Bootstrap-Based Improvements for Inference with "
    "Clustered Errors",
    draw,
    clusters=True,
)
