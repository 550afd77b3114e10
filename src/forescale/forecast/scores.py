"""Scores of forecasts against what came true."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def coverage(truth: Array, lo: Array, hi: Array) -> float:
    """Share of true values inside their interval."""
    return float(np.mean((truth >= lo) & (truth <= hi)))


def pinball(truth: Array, quantile: float, forecast: Array) -> float:
    """Mean pinball loss of a forecast quantile; in the unit of the truth.

    Source: Koenker & Bassett 1978, "Regression Quantiles".
    """
    d = truth - forecast
    return float(np.mean(np.maximum(quantile * d, (quantile - 1) * d)))


def interval_score(truth: Array, lo: Array, hi: Array, level: float) -> float:
    """Mean interval score: width plus 2/(1-level) times the miss; in the unit of the truth.

    Source: Gneiting & Raftery 2007, "Strictly Proper Scoring Rules".
    """
    miss = np.maximum(lo - truth, 0) + np.maximum(truth - hi, 0)
    return float(np.mean(hi - lo + 2 / (1 - level) * miss))


def weighted_interval_score(truth: float, quantiles: Mapping[float, float]) -> float:
    """Twice the mean pinball loss over symmetric quantiles with the median; unit of the truth.

    Nears the CRPS as the quantiles grow dense, and is the absolute error where all are one point.

    Source: Bracher, Ray, Gneiting & Reich 2021, "Evaluating Epidemic Forecasts in an Interval
    Format".
    """
    y = np.array([truth])
    return 2 * float(np.mean([pinball(y, p, np.array([v])) for p, v in quantiles.items()]))
