"""One predictive distribution from parameter draws, run noise, misfit seen and drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forescale.fit import Fit
from forescale.forecast.drift import Doubt, doubt
from forescale.runs import RunTable
from forescale.uncertainty import assess

Array = NDArray[np.float64]

#: Draws of the predictive distribution.
COUNT = 4000
#: Probabilities between which a normal has two standard deviations.
SIGMA = (0.1587, 0.8413)
#: Sources of doubt.
DRIFT, LAW, PARAMETERS, NOISE = (
    "drift beyond the runs",
    "choice of law",
    "parameters",
    "noise of a run",
)


@dataclass(frozen=True, eq=False)
class Predictive:
    """Draws of what a new run would measure, by source of doubt.

    Args:
        log: Whether doubts are of logs, so that draws multiply.
        centre: Prediction of the best law, shape (m,).
        parameters: Draws with the doubt of parameters (and of the law, if several), (K, m).
        around: What each draw's own law predicts, (K, m).
        noise: Of a single run, (K, m).
        inflation: Factor on parameters and noise, (K, 1).
        wander: Drift of the truth off any law, (K, m).
        change: What the law says changes from the edge of the data: of the log, or of the value
            for scores; shape (m,).
    """

    log: bool
    centre: Array
    parameters: Array
    around: Array
    noise: Array
    inflation: Array
    wander: Array
    change: Array

    @cached_property
    def own(self) -> Array:
        """What parameters add to the law's prediction, (K, m)."""
        return np.log(self.parameters / self.around) if self.log else self.parameters - self.around

    @cached_property
    def total(self) -> Array:
        """Draws with all doubts, (K, m)."""
        return self._moved(self.inflation * (self.own + self.noise) + self.wander)

    @property
    def as_fitted(self) -> Array:
        """Draws with the fit taken at its word: parameters and noise, no more, (K, m)."""
        return self._moved(self.own + self.noise)

    def _moved(self, by: Array) -> Array:
        return np.asarray(self.around * np.exp(by) if self.log else self.around + by)

    def shares(self) -> dict[str, Array]:
        """Where the variance comes from, by source, each of shape (m,); they add up to 1."""
        laws = np.log(self.around) if self.log else self.around
        parts = {
            DRIFT: spread(self.wander) ** 2,
            # A law of little weight stands beyond the quantiles that a stray draw must not move.
            LAW: laws.var(axis=0),
            PARAMETERS: spread(self.inflation * self.own) ** 2,
            NOISE: spread(self.inflation * self.noise) ** 2,
        }
        whole = np.maximum(sum(parts.values()), 1e-300)
        return {source: v / whole for source, v in parts.items()}


def predictive(
    fit: Fit,
    at: Mapping[str, Array],
    *,
    found: Doubt | None = None,
    drift: Array | None = None,
    group: str | None = None,
    seed: int = 0,
) -> Predictive:
    """The predictive distribution at m places.

    Args:
        fit: A fit with draws, perhaps with rivals.
        at: Inputs, each of shape (m,).
        found: What the backtest leaves of the doubt about the fit's own intervals; what tables
            are like in general, if there was none.
        drift: Relative standard deviation of the drift at each place, shape (m,), instead of a
            share of what the law says will change.
        group: Which group's parameters to use.
        seed: Seed of the noise.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 7]))
    log = fit.spec.log_residual
    # A rival law that reads an input nobody gave (unique tokens, say) has no voice here.
    family = [(w, f) for w, f in fit.rivals if set(f.law.inputs) <= set(at)] or [(1.0, fit)]
    weights = np.array([w for w, _ in family])
    counts = np.floor(weights / weights.sum() * COUNT).astype(int)
    counts[int(np.argmax(weights))] += COUNT - counts.sum()
    blocks, centres = [], []
    for (_, member), count in zip(family, counts, strict=True):
        if count == 0:
            continue
        draws = member.predict(at, group=group, draws=True)
        good = np.isfinite(draws).all(1) & ((draws > 0).all(1) if log else True)
        draws = draws[good] if good.any() else draws
        blocks.append(draws[rng.integers(0, len(draws), count)])
        centres.append(np.broadcast_to(member.predict(at, group=group), (count, draws.shape[1])))
    parameters = np.concatenate(blocks)
    around = np.concatenate(centres)
    centre = fit.predict(at, group=group)
    k, m = parameters.shape
    noise = _noise(fit, rng, (k, m))
    change = change_beyond(fit, at, fit.runs, group=group)
    inflation, direction = (doubt() if found is None else found).draw(rng, k)
    wander = direction * np.abs(change)
    if drift is not None:
        reach = 1.0 if log else float(np.ptp(fit.problem.y)) or 1.0
        wander = reach * drift * rng.standard_normal((k, 1))
    return Predictive(log, centre, parameters, around, noise, inflation, wander, change)


def spread(draws: Array) -> Array:
    """Half the width of the middle 68 % of draws of shape (K, m), which no stray draw moves."""
    return np.asarray(0.5 * np.diff(np.quantile(draws, SIGMA, axis=0), axis=0)[0])


def change_beyond(
    fit: Fit, at: Mapping[str, Array], runs: RunTable, *, group: str | None = None
) -> Array:
    """What the law says changes from the edge of some runs to m places beyond, shape (m,).

    Of the log where residuals are logs, else of the value. The edge is the nearest place within
    the range of the runs, input by input.
    """
    seen = {i: np.asarray(runs[i], float) for i in fit.law.inputs}
    edge = {i: np.clip(np.asarray(at[i], float), v.min(), v.max()) for i, v in seen.items()}
    end, start = fit.predict(at, group=group), fit.predict(edge, group=group)
    return np.asarray(np.log(end / start) if fit.spec.log_residual else end - start)


def _noise(fit: Fit, rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Noise of a single new run: the residuals themselves, or a Student-t when they are few."""
    r = fit.residuals
    n = len(r)
    dof = max(n - fit.problem.size, 1)
    if n >= 40 and fit.spec.objective.shape != "one_sided":
        centred = r - np.median(r)
        return np.asarray(rng.choice(centred, shape) * np.sqrt(n / dof))
    return np.asarray(fit.sigma * np.clip(rng.standard_t(min(dof, 30), shape), -8.0, 8.0))


def with_draws(fit: Fit, *, level: float, resamples: int = 1000) -> Fit:
    """The fit, and each of its rivals, with draws."""
    if fit.draws is None:
        fit = assess(fit, resamples=resamples, level=level)
    if any(f.draws is None for _, f in fit.rivals):
        method = fit.draws.method if fit.draws is not None else "auto"
        cluster = fit.draws.cluster if fit.draws is not None else None
        more = max(300, resamples // 2)
        rivals: Sequence[tuple[float, Fit]] = [
            (
                w,
                fit
                if f.law is fit.law
                else assess(f, method, resamples=more, level=level, cluster=cluster),
            )
            for w, f in fit.rivals
        ]
        fit = replace(fit, rivals=tuple((w, replace(f, rivals=())) for w, f in rivals))
    return fit
