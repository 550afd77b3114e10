"""The first evaluation of many resamples of one table, all at the same point.

At one point a law's rows are the same for every resample, which only weighs them: they are
computed once and contracted with all weights. Second derivatives come with them for nothing,
and with them a step that follows the bend of the valley: geodesic acceleration (Transtrum &
Sethna 2012, "Improvements to the Levenberg-Marquardt algorithm for nonlinear least-squares
minimization").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forescale.fit.problem import Problem, sane

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True)
class _Piece:
    """Residuals of one group of rows at one point, for K resamples.

    Args:
        columns: Which full coordinates are the law's parameters, shape (p,).
        slopes: First derivatives, shape (p, m).
        bends: Second derivatives of pairs i <= j, those with i < j twice, shape (pairs, m).
        curvature: Weight times curvature of the loss, shape (K, m).
    """

    columns: Index
    slopes: Array
    bends: Array
    curvature: Array


class Shared:
    """What K resamples know of the objective at one point.

    Args:
        problem: The problem.
        theta: Coordinates, shape (P,).
        weights: Row weights of each resample, shape (K, n).
        observed: Observed values of each resample, shape (K, n), or None for the problem's own.
    """

    def __init__(
        self, problem: Problem, theta: Array, weights: Array, observed: Array | None = None
    ) -> None:
        k = len(weights)
        value, g, h = problem.prior(np.broadcast_to(theta, (k, problem.size)))
        pieces = []
        y = problem.y[None] if observed is None else observed
        for columns, rows in zip(problem.columns, problem._rows, strict=True):
            upper = np.triu_indices(len(columns))
            f, slopes, bends = problem.row_derivatives(theta, columns, rows)
            with np.errstate(all="ignore"):
                residual = np.log(f / y[:, rows]) if problem.log_residual else f - y[:, rows]
                loss, d1, d2 = problem.rho.all(residual)
                w = weights[:, rows]
                curvature = w * np.maximum(d2, 0.0)
                value += np.einsum("kn,kn->k", w, np.broadcast_to(loss, w.shape))
                g[:, columns] += (w * d1) @ slopes.T
                products = curvature @ (slopes[upper[0]] * slopes[upper[1]]).T
            i, j = columns[upper[0]], columns[upper[1]]
            off = i != j
            h[:, i, j] += products
            h[:, j[off], i[off]] += products[:, off]
            pieces.append(_Piece(columns, slopes, bends, curvature))
        self._pieces = pieces
        self.parts = sane(value, g, h)

    def bend(self, step: Array, rows: Index) -> Array:
        """J'W r_vv of some resamples for their steps v, shape (k, P).

        r_vv is the second derivative of the residuals along the step: how far they will be
        from where a straight line puts them.
        """
        out = np.zeros_like(step)
        for piece in self._pieces:
            i, j = np.triu_indices(len(piece.columns))
            v = step[:, piece.columns]
            with np.errstate(all="ignore"):
                along = (v[:, i] * v[:, j]) @ piece.bends
                out[:, piece.columns] += (piece.curvature[rows] * along) @ piece.slopes.T
        return out
