"""A law and its data as one function of the coordinates in which the fit moves.

Inputs enter as logs centred on the data and scales as logs: a scaling law is then a sum of
exponentials of nearly uncorrelated coordinates, and positivity costs nothing. Many
parameter vectors are evaluated at once; each may carry its own row weights (a resample).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from forescale.fit._compiled import Compiled, compile_law
from forescale.fit._rho import Rho
from forescale.laws import Law
from forescale.maths.formula import Tape

Array = NDArray[np.float64]
Index = NDArray[np.intp]

#: Logs of scales (in units of the data's centre) stay within this: e^50 is no scale at all.
LOG_BOX = 50.0
#: Elements (problems x rows) evaluated together. A tape keeps tens of arrays of this size
#: alive: at 8 thousand they fit the cache, at 60 thousand an evaluation takes twice as long.
CHUNK = 8_000
#: Zero examples and zero proportions are legal inputs; their log is this.
LOG_ZERO = -690.0


@dataclass(frozen=True)
class Problem:
    """Everything that evaluating one law on one table needs.

    Args:
        law: The law.
        inputs: Centred inputs in the order of the law, each of shape (n,): logs where all
            values are non-negative, else the values over their centre.
        centres: Geometric mean of each input.
        y: Observed values, shape (n,).
        rho: The loss shape.
        log_residual: Residuals are log(predicted/observed).
        weights: Row weights, shape (n,).
        columns: For each group of rows, which full coordinates are the law's parameters,
            shape (groups, p).
        group: Group of each row, shape (n,).
        coordinates: "log" or "linear" for each of the law's parameters.
        names: Names of the full coordinates, such as "A[web]".
        lower: Bounds of the full coordinates, shape (P,).
        upper: Likewise.
        frozen: Which full coordinates are fixed, shape (P,).
        prior_mean: Prior means in fitting coordinates, NaN where there is none, shape (P,).
        prior_sd: Prior standard deviations, likewise.
    """

    law: Law
    inputs: tuple[Array, ...]
    centres: tuple[float, ...]
    y: Array
    rho: Rho
    log_residual: bool
    weights: Array
    columns: Index
    group: Index
    coordinates: tuple[str, ...]
    logged: tuple[str, ...]
    names: tuple[str, ...]
    lower: Array
    upper: Array
    frozen: NDArray[np.bool_]
    prior_mean: Array
    prior_sd: Array
    _rows: tuple[Index | slice, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not self._rows:
            g = len(self.columns)
            rows: tuple[Index | slice, ...] = (
                (slice(None),)
                if g == 1
                else tuple(np.flatnonzero(self.group == i) for i in range(g))
            )
            object.__setattr__(self, "_rows", rows)

    @property
    def compiled(self) -> Compiled:
        """The law's tapes in these coordinates."""
        return compile_law(self.law, self.coordinates, self.logged)

    @property
    def size(self) -> int:
        """Number of full coordinates P."""
        return len(self.names)

    @property
    def rounding(self) -> float:
        """Objective below which residuals are rounding and no gain can be told from none."""
        unit = 1.0 if self.log_residual else float(np.abs(self.y).mean())
        # The one-sided loss is a log density: its zero means nothing, its scale does.
        least = 1e-6 * self.rho.sigma if self.rho.shape == "one_sided" else 0.0
        return float(self.weights.sum()) * max(1e-12 * unit, least) ** 2

    def with_rho(self, rho: Rho) -> Problem:
        """The same problem under another loss shape."""
        return replace(self, rho=rho)

    # -- coordinates -------------------------------------------------------------------

    def natural(self, theta: Array) -> Array:
        """Parameters in the user's units, shape (..., P), from fitting coordinates."""
        return self._convert(theta, to_natural=True)

    def fitting(self, natural: Array) -> Array:
        """Fitting coordinates, shape (..., P), from parameters in the user's units."""
        return self._convert(natural, to_natural=False)

    def _convert(self, values: Array, *, to_natural: bool) -> Array:
        out = np.array(values, float)
        log_s = dict(zip(self.law.inputs, np.log(self.centres), strict=True))
        for columns in self.columns:
            t = np.asarray(values, float)[..., columns]
            for j, name in enumerate(self.law.names):
                shift = np.zeros(t.shape[:-1])
                for i, power in self.law.powers[name].items():
                    value = Tape([power], self.law.names)(*np.moveaxis(t, -1, 0))[0]
                    shift = shift + value * log_s[i]
                v = t[..., j]
                is_log = self.coordinates[j] == "log"
                with np.errstate(all="ignore"):
                    if to_natural:
                        v = np.exp(v + shift) if is_log else v * np.exp(shift)
                    else:
                        v = np.log(v) - shift if is_log else v * np.exp(-shift)
                out[..., columns[j]] = v
        return out

    # -- evaluation --------------------------------------------------------------------

    def predict(self, theta: Array) -> Array:
        """Law values at the table's rows, shape (K, n), for coordinates (K, P)."""
        out = np.empty((len(theta), len(self.y)))
        for columns, rows in zip(self.columns, self._rows, strict=True):
            args = self._arguments(theta, columns, rows)
            with np.errstate(all="ignore"):
                out[:, rows] = self.compiled.value(*args)[0]
        return out

    def _arguments(self, theta: Array, columns: Index, rows: Index | slice) -> list[Array]:
        return [x[rows] for x in self.inputs] + [theta[:, c, None] for c in columns]

    def residuals(self, theta: Array) -> Array:
        """Residuals, shape (K, n): log(predicted/observed), or predicted - observed."""
        f = self.predict(theta)
        with np.errstate(all="ignore"):
            return np.log(f / self.y) if self.log_residual else f - self.y

    def values(self, theta: Array, weights: Array | None = None) -> Array:
        """The objective, shape (K,); infinite where the law cannot be evaluated."""
        w = self.weights if weights is None else weights
        with np.errstate(all="ignore"):
            loss = self.rho.value(self.residuals(theta))
            loss *= w
            total = np.where(w > 0, loss, 0.0).sum(1)
        total = total + self.prior(theta)[0]
        return np.where(np.isnan(total), np.inf, total)

    def all(
        self,
        theta: Array,
        weights: Array | None = None,
        observed: Array | None = None,
        *,
        exact: bool = True,
    ) -> tuple[Array, Array, Array]:
        """Objective (K,), gradient (K, P) and Hessian (K, P, P).

        Args:
            theta: Coordinates, shape (K, P).
            weights: Row weights, shape (n,) or (K, n), instead of the problem's own.
            observed: Observed values, shape (K, n), instead of the problem's own.
            exact: Whether the Hessian is exact, or Gauss and Newton's: of first derivatives
                alone, never indefinite, and cheaper the harder the law.
        """
        k, p = len(theta), self.size
        y = np.broadcast_to(self.y if observed is None else observed, (k, len(self.y)))
        w = np.broadcast_to(self.weights if weights is None else weights, (k, len(self.y)))
        value, g, h = self.prior(theta)
        for columns, rows in zip(self.columns, self._rows, strict=True):
            for some, part in _chunks(k, rows, len(self.y)):
                v, gg, hh = self._group(
                    theta[some], columns, part, w[some, part], y[some, part], exact
                )
                value[some] += v
                if len(self.columns) == 1 and p == len(columns):
                    g[some] += gg
                    h[some] += hh
                else:
                    where = np.arange(some.start, some.stop)[:, None]
                    g[where, columns] += gg
                    h[where[:, :, None], columns[:, None], columns[None, :]] += hh
        return sane(value, g, h)

    def _loss(self, f: Array, w: Array, y: Array, *, exact: bool) -> tuple[Array, Array, Array]:
        """Loss (K,), and what weighs f_j and f_jk (K, n) and f_j f_k (K, n) in its derivatives."""
        r = np.log(f / y) if self.log_residual else f - y
        rho, d1, d2 = self.rho.all(r)
        value = np.einsum("kn,kn->k", w, np.broadcast_to(rho, w.shape))
        c1, c2 = w * d1, w * (d2 if exact else np.maximum(d2, 0.0))
        if self.log_residual:
            # r_j = f_j/f and r_jk = f_jk/f - r_j r_k.
            inverse = 1.0 / f
            if exact:
                c2 -= c1
            c2 *= inverse
            c2 *= inverse
            c1 *= inverse
        return value, c1, c2

    def _group(
        self,
        theta: Array,
        columns: Index,
        rows: Index | slice,
        w: Array,
        y: Array,
        exact: bool,
    ) -> tuple[Array, Array, Array]:
        p = len(columns)
        tape = self.compiled.curve if exact else self.compiled.slope
        with np.errstate(all="ignore"):
            out = tape(*self._arguments(theta, columns, rows))
            value, c1, c2 = self._loss(np.broadcast_to(out[0], w.shape), w, y, exact=exact)
            jacobian = np.empty((p, *w.shape))
            for j in range(p):
                jacobian[j] = out[1 + j]
            g = np.einsum("jkn,kn->kj", jacobian, c1)
            left = (jacobian * c2).transpose(1, 0, 2)
            h = left @ jacobian.transpose(1, 2, 0)
            for (i, j), d in zip(self.compiled.pairs if exact else (), out[1 + p :], strict=True):
                v = np.einsum("kn,kn->k", c1, np.broadcast_to(d, w.shape))
                h[:, i, j] += v
                if i != j:
                    h[:, j, i] += v
        return value, g, h

    def row_derivatives(
        self, theta: Array, columns: Index, rows: Index | slice
    ) -> tuple[Array, Array, Array]:
        """Law values (1, m) at one point theta (P,), and derivatives of the residuals there.

        The first ones have shape (p, m). The second ones, of parameters i <= j and twice
        where i < j, have shape (p (p + 1) / 2, m); of a program they are taken as zero.
        """
        p = len(columns)
        with np.errstate(all="ignore"):
            f, *rest = self.compiled.curve(*self._arguments(theta[None], columns, rows))
            f = np.broadcast_to(f, (1, len(self.y[rows])))
            first = np.stack([np.broadcast_to(d, f.shape)[0] for d in rest[:p]])
            i, j = np.triu_indices(p)
            place = np.zeros((p, p), int)
            place[i, j] = np.arange(len(i))
            second = np.zeros((len(i), f.shape[1]))
            for q, d in zip(self.compiled.pairs, rest[p:], strict=True):
                second[place[q]] = d
            if self.log_residual:
                # r_j = f_j/f and r_jk = f_jk/f - r_j r_k.
                first = first / f
                second = second / f - first[i] * first[j]
            second[i != j] *= 2.0
        return f, first, second

    def jacobian(self, theta: Array) -> Array:
        """Derivatives of the residuals, shape (n, P), at one point theta of shape (P,)."""
        out = np.zeros((len(self.y), self.size))
        t = theta[None, :]
        for columns, rows in zip(self.columns, self._rows, strict=True):
            with np.errstate(all="ignore"):
                f, *slopes = self.compiled.slope(*self._arguments(t, columns, rows))
            n = len(self.y[rows])
            scale = np.broadcast_to(f, (1, n))[0] if self.log_residual else 1.0
            block = np.stack([np.broadcast_to(s, (1, n))[0] / scale for s in slopes], axis=1)
            index = np.arange(len(self.y))[rows]
            out[index[:, None], columns[None, :]] = block
        return out

    def prior(self, theta: Array) -> tuple[Array, Array, Array]:
        """What the priors add to the objective, its gradient and its Hessian."""
        k, p = theta.shape
        value, g, h = np.zeros(k), np.zeros((k, p)), np.zeros((k, p, p))
        held = np.flatnonzero(np.isfinite(self.prior_sd))
        if len(held):
            # In the units of the loss: a prior weighs as much as a run with the noise found.
            precision = (self.rho.sigma / self.prior_sd[held]) ** 2
            d = theta[:, held] - self.prior_mean[held]
            value += 0.5 * (precision * d * d).sum(1)
            g[:, held] = precision * d
            h[:, held, held] = precision
        return value, g, h


def sane(value: Array, g: Array, h: Array) -> tuple[Array, Array, Array]:
    """Infinite, and flat, where the law cannot be evaluated."""
    bad = ~(np.isfinite(value) & np.isfinite(g).all(1) & np.isfinite(h).all((1, 2)))
    if bad.any():
        value[bad] = np.inf
        g[bad], h[bad] = 0.0, np.eye(g.shape[1])
    return value, g, h


def _chunks(k: int, rows: Index | slice, n: int) -> Iterator[tuple[slice, Index | slice]]:
    """Pieces of the problems and of the rows that together stay in cache."""
    m = n if isinstance(rows, slice) else len(rows)
    for b in range(0, m, CHUNK):
        part = slice(b, min(b + CHUNK, m)) if isinstance(rows, slice) else rows[b : b + CHUNK]
        step = max(1, CHUNK // min(CHUNK, m))
        for a in range(0, k, step):
            yield slice(a, min(a + step, k)), part


def middle(values: Array) -> float:
    """Geometric mean of the positive values; one where there is none."""
    positive = values[values > 0]
    return float(np.exp(np.log(positive).mean())) if len(positive) else 1.0


def centre(values: Array, s: float) -> tuple[Array, bool]:
    """An input as the fit sees it, counted in units of s, and whether that is its log."""
    if (values < 0).any():
        return values / s, False
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(values / s), LOG_ZERO), True


def law_bounds(
    law: Law, coordinates: Mapping[str, str], bounded: Collection[str] = ()
) -> tuple[Array, Array]:
    """Bounds in fitting coordinates, each of shape (p,).

    Args:
        law: The law.
        coordinates: Coordinate of each parameter.
        bounded: Parameters whose bounds the user set: they hold to the letter, which needs
            inputs that are not centred.
    """
    lower, upper = [], []
    for p in law.params:
        if p.name in bounded:
            is_log = coordinates[p.name] == "log"
            with np.errstate(divide="ignore"):
                ends = np.log([p.lower, p.upper]) if is_log else np.array([p.lower, p.upper])
            lower.append(max(float(ends[0]), -6 * LOG_BOX) if is_log else float(ends[0]))
            upper.append(min(float(ends[1]), 6 * LOG_BOX) if is_log else float(ends[1]))
        elif coordinates[p.name] == "log" and not law.powers[p.name]:
            lower.append(float(np.log(p.lower)))
            upper.append(float(np.log(p.upper)))
        elif coordinates[p.name] == "log":
            lower.append(-LOG_BOX)
            upper.append(LOG_BOX)
        elif law.powers[p.name]:
            # Declared bounds are in the user's units, which the data's centre rescales.
            lower.append(0.0 if p.lower >= 0 else -np.inf)
            upper.append(0.0 if p.upper <= 0 else np.inf)
        else:
            lower.append(p.lower)
            upper.append(p.upper)
    return np.array(lower), np.array(upper)
