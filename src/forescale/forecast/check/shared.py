"""Runs that err together: which groups of a table share an error, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.errors import ForescaleError
from forescale.fit import Fit
from forescale.runs import RunTable
from forescale.runs.select import isoflop_groups

Array = NDArray[np.float64]
Index = NDArray[np.intp]

#: Groups needed to tell a share, and rows beyond one per group.
LEAST_GROUPS, LEAST_SPARE = 4, 3
#: Shares at which the likelihood is computed.
GRID = np.linspace(0.0, 0.98, 99)
#: Rows looked at: the projection costs their cube.
MOST_ROWS = 1200
#: Sizes closer than this are one size.
SAME = 0.02
#: Residuals are drawn in to so many robust deviations: one bad run is no shared error.
CLIP = 3.0
#: Log Bayes factor from which on an error counts as shared: 3 to 1.
TOLD = 1.1


@dataclass(frozen=True, eq=False)
class Shared:
    """How much of the noise runs of a group share.

    Args:
        by: What the runs of a group have in common: "budget", or a column.
        group: Group of each row, shape (n,).
        share: Share of the variance, the mean of its posterior under a flat prior.
        alone: Standard deviation of what each run errs alone, in units of a residual.
        spread: Of what a group errs together; a fit takes part of it, so that the residuals
            show less.
        lo: Lower end of its 90 % interval.
        hi: Upper end.
        evidence: Log Bayes factor of some sharing (flat prior on the share) against none.
    """

    by: str
    group: Index
    share: float
    alone: float
    spread: float
    lo: float
    hi: float
    evidence: float

    @property
    def told(self) -> bool:
        """Whether the residuals themselves ask for it."""
        return self.evidence > TOLD

    @property
    def words(self) -> str:
        """Whose runs err together: "one budget", "one N"."""
        return f"one {self.by}"

    @property
    def several(self) -> str:
        """The groups: "budgets", "values of N"."""
        return "budgets" if self.by == "budget" else f"values of {self.by}"

    def to_dict(self) -> dict[str, Any]:
        """The share as plain values."""
        return {
            "by": self.by,
            "groups": int(self.group.max()) + 1,
            "share": self.share,
            "interval": [self.lo, self.hi],
            "alone": self.alone,
            "spread": self.spread,
            "log_bayes_factor": self.evidence,
            "told": self.told,
        }


def groupings(fit: Fit) -> dict[str, Index]:
    """Groups of rows that could err together, by what they have in common.

    The column that the draws were clustered by, rows of one run, budgets, and equal values of
    an input; only those of enough groups, some with several rows.
    """
    runs, found = fit.runs, {}
    cluster = fit.draws.cluster if fit.draws is not None else None
    for column in (cluster, "run"):
        if column is not None and column in runs:
            found[column] = np.unique(runs[column].astype(str), return_inverse=True)[1]
    for name, group in (("budget", _budgets(runs)), *((i, _levels(runs, i)) for i in _own(fit))):
        if group is not None and name not in found:
            found[name] = group
    return {name: g.astype(np.intp) for name, g in found.items() if _eligible(g)}


def _own(fit: Fit) -> list[str]:
    return [i for i in fit.law.inputs if i in fit.problem.logged]


def _budgets(runs: RunTable) -> Index | None:
    try:
        group = isoflop_groups(runs)
    except ForescaleError:
        return None
    return group.astype(np.intp) if (group >= 0).all() else None


def _levels(runs: RunTable, name: str) -> Index:
    values = np.log(np.maximum(np.asarray(runs[name], float), 1e-300))
    order = np.argsort(values, kind="stable")
    group = np.zeros(len(values), np.intp)
    group[order[1:]] = np.cumsum(np.diff(values[order]) > np.log1p(SAME))
    return group


def _eligible(group: Index) -> bool:
    count = int(group.max()) + 1
    return count >= LEAST_GROUPS and len(group) - count >= LEAST_SPARE


def estimate(fit: Fit) -> Shared | None:
    """The grouping that the residuals speak for most, with its share; None if there is none.

    Variance components by the likelihood of residual contrasts (what is left after the law's
    parameters took their part: a fit to six budgets hides much of an error that budgets share),
    the noise scale integrated out, the share on a grid.

    Source: Patterson & Thompson 1971, "Recovery of Inter-Block Information when Block Sizes
    are Unequal"; Harville 1974.
    """
    known = groupings(fit)
    if not known:
        return None
    found = [_of(fit, by, group) for by, group in known.items()]
    return max(found, key=lambda s: s.evidence)


def _of(fit: Fit, by: str, group: Index) -> Shared:
    problem = fit.problem
    rows = np.flatnonzero(problem.weights > 0)
    if len(rows) > MOST_ROWS:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_ROWS).astype(int)]
    root = np.sqrt(problem.weights[rows])
    r = fit.residuals[rows] * root
    limit = CLIP * 1.4826 * float(np.median(np.abs(r - np.median(r))))
    r = np.clip(r, -limit, limit) if limit > 0 else r
    jacobian = problem.jacobian(fit.theta)[rows][:, ~(fit.at_bound | problem.frozen)]
    jacobian = jacobian * root[:, None]
    size = np.linalg.norm(jacobian, axis=0) + 1e-300
    basis, s, _ = np.linalg.svd(jacobian / size)
    contrasts = basis[:, int((s > 1e-9 * s[0]).sum()) :]
    ones = (group[rows][:, None] == np.unique(group[rows])).astype(float)
    along = contrasts.T @ ones
    # Only directions in which groups differ change with the share. Those in which the fit has
    # left hardly anything of the groups hold runs of high leverage, whose noise says nothing here.
    direction, weight, _ = np.linalg.svd(along, full_matrices=False)
    direction, weight = direction[:, weight > 1.0], weight[weight > 1.0]
    e = contrasts.T @ r
    inside = (direction.T @ e) ** 2
    outside = max(float(e @ e - inside.sum()), 0.0)
    m, k = len(e), len(weight)
    variance = (1.0 - GRID)[:, None] + GRID[:, None] * weight**2
    logs = np.log(variance).sum(1) + (m - k) * np.log(1.0 - GRID)
    square = (inside / variance).sum(1) + outside / (1.0 - GRID)
    log_likelihood = -0.5 * logs - 0.5 * m * np.log(np.maximum(square, 1e-300))
    relative = np.exp(log_likelihood - log_likelihood.max())
    posterior = relative / relative.sum()
    total = np.cumsum(posterior)
    evidence = float(np.log(relative.mean()) + log_likelihood.max() - log_likelihood[0])
    share = float(posterior @ GRID)
    variance_now = float(np.interp(share, GRID, square)) / max(m, 1)
    lo, hi = (float(GRID[min(int(np.searchsorted(total, q)), len(GRID) - 1)]) for q in (0.05, 0.95))
    return Shared(
        by=by,
        group=group,
        share=share,
        alone=float(np.sqrt((1.0 - share) * variance_now)),
        spread=float(np.sqrt(share * variance_now)),
        lo=lo,
        hi=hi,
        evidence=evidence,
    )
