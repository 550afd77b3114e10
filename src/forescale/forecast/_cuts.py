"""Cuts of a table: the smaller runs are fitted, the larger ones held out and forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.forecast.drift import Look

Array = NDArray[np.float64]

#: Shares of the runs that a backtest holds out.
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True, eq=False)
class Cut:
    """One cut-off: what was known, what was forecast, what was true.

    Args:
        held_out: Number of runs held out.
        trained: Number of runs fitted.
        limit: Largest scale among the fitted runs.
        factor: How many times beyond it the held-out runs reach.
        error_pct: Mean absolute error of the held-out runs, in per cent of the truth (of
            the range seen, for scores).
        bias_pct: Mean signed error, likewise; positive is forecast too high.
        coverage: Share of held-out runs inside their interval.
        width_pct: Median width of the intervals, in per cent of the forecast.
        pinball: Mean pinball loss over the interval's ends and the median.
        z: Root mean square error in units of the predictive standard deviation.
        look: What this cut tells about the fit's own intervals.
        rivals: Error in per cent of the naive forecasts.
        rows, truth, forecast, lo, hi: The held-out runs one by one, each of shape (m,).
        law: Name of the law fitted.
    """

    held_out: int
    trained: int
    limit: float
    factor: float
    error_pct: float
    bias_pct: float
    coverage: float
    width_pct: float
    pinball: float
    z: float
    rivals: Mapping[str, float]
    rows: NDArray[np.int64]
    scale: Array
    truth: Array
    forecast: Array
    lo: Array
    hi: Array
    look: Look
    law: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The cut as plain values."""
        out: dict[str, Any] = {}
        for name, value in vars(self).items():
            out[name] = value.tolist() if isinstance(value, np.ndarray) else value
        return {**out, "rivals": dict(self.rivals), "look": vars(self.look)}


def cut_points(
    scale: Array,
    least: int,
    *,
    shares: Sequence[float] = SHARES,
    group: NDArray[np.intp] | None = None,
) -> list[NDArray[np.bool_]]:
    """Which runs are fitted at each cut-off, each of shape (n,); held out are the largest.

    Args:
        scale: Scale of each run, shape (n,).
        least: Runs that must remain to be fitted.
        shares: Shares of the runs held out. A cut moves to the widest gap in scale near it,
            so that a budget or a size is held out whole.
        group: Group of each run: each must keep 3 runs.
    """
    order = np.argsort(scale, kind="stable")
    logs = np.log(np.maximum(scale[order], 1e-300))
    n = len(scale)
    gaps = np.diff(logs)
    out: list[NDArray[np.bool_]] = []
    seen: set[int] = set()
    for share in shares:
        wanted = n - max(1, round(share * n))
        window = max(1, round(0.06 * n))
        candidates = [
            i
            for i in range(max(least, wanted - window), min(n - 1, wanted + window) + 1)
            if i >= 1 and gaps[i - 1] > 1e-9
        ]
        if not candidates:
            continue
        best = max(candidates, key=lambda i: (gaps[i - 1] > 0.05, gaps[i - 1], -abs(i - wanted)))
        if best in seen:
            continue
        seen.add(best)
        train = np.zeros(n, bool)
        train[order[:best]] = True
        if group is not None and np.bincount(group[train], minlength=group.max() + 1).min() < 3:
            continue
        out.append(train)
    return sorted(out, key=lambda t: -int(t.sum()))
