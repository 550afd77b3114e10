"""One predictive distribution from parameter draws, run noise, misfit seen and drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forescale.fit import Fit
from forescale.forecast.drift import Doubt, doubt
from forescale.runs import RunTable
from forescale.uncertainty import assess

Array = NDArray[np.float64]

#: Draws of the predictive distribution.
COUNT = 4000
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
        centre: Prediction of the best law, shape (m,).
        parameters: Draws with the doubt of parameters (and of the law, if several), (K, m).
        total: Draws with run noise, the backtest's inflation and drift added, (K, m).
        change: What the law says changes from the edge of the data: of the log, or of the value
            for scores; shape (m,).
        shares: Where the variance comes from, by source, each of shape (m,); they add up to 1.
    """

    centre: Array
    parameters: Array
    total: Array
    change: Array
    shares: Mapping[str, Array]


def predictive(
    fit: Fit,
    at: Mapping[str, Array],
    decades: Array,
    *,
    found: Doubt | None = None,
    drift: float | None = None,
    group: str | None = None,
    seed: int = 0,
) -> Predictive:
    """The predictive distribution at m places.

    Args:
        fit: A fit with draws, perhaps with rivals.
        at: Inputs, each of shape (m,).
        decades: How far each place lies beyond the data, shape (m,).
        found: What the backtest leaves of the doubt about the fit's own intervals; what tables
            are like in general, if there was none.
        drift: Relative standard deviation per decade beyond the data, instead of a share of what
            the law says will change.
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
        wander = drift * reach * decades * rng.standard_normal((k, 1))
    own = np.log(parameters / around) if log else parameters - around
    beyond = inflation * (own + noise) + wander
    total = around * np.exp(beyond) if log else around + beyond
    laws = np.log(around) if log else around
    shares = _shares(
        {DRIFT: wander, LAW: laws, PARAMETERS: inflation * own, NOISE: inflation * noise}
    )
    return Predictive(centre, parameters, total, change, shares)


def _shares(of: Mapping[str, Array]) -> dict[str, Array]:
    """Share of each source's variance at each place; of draws of shape (K, m)."""
    parts = {}
    for source, draws in of.items():
        lo, hi = np.quantile(draws, [0.1587, 0.8413], axis=0)
        # A law of little weight stands beyond these quantiles; a stray draw must not count.
        parts[source] = draws.var(axis=0) if source == LAW else (0.5 * (hi - lo)) ** 2
    whole = np.maximum(sum(parts.values()), 1e-300)
    return {source: v / whole for source, v in parts.items()}


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
