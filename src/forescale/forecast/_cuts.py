"""Where to cut a table: the smaller runs are fitted, the larger ones held out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Shares of the runs that a backtest holds out.
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)


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
