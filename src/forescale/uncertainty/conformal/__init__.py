"""Conformal prediction: intervals from past errors, whatever made the forecasts.

One method a file, each a function of arrays that knows nothing of scaling. Guarantees hold for
exchangeable errors, or up to how far they are from it; errors at growing scale are not
exchangeable, so for a forecast beyond the runs nothing here is a guarantee.
"""

from __future__ import annotations

from forescale.uncertainty.conformal.batch import bonferroni, mean_of, median_of, nth_of
from forescale.uncertainty.conformal.sequential import conditional_interval, intervals
from forescale.uncertainty.conformal.weighted import risk_threshold, weighted_quantile

__all__ = [
    "bonferroni",
    "conditional_interval",
    "intervals",
    "mean_of",
    "median_of",
    "nth_of",
    "risk_threshold",
    "weighted_quantile",
]
