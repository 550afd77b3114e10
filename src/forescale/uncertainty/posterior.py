"""Bayesian posterior, sampled by an ensemble of walkers.

The likelihood is that of the fit's own loss with the noise scale integrated out under its
1/sigma prior: (1 + 2 (V - V_min) / (dof s^2))^(-n/2) for an objective V, the exact marginal
for normal noise; for a robust loss s^2 is the scale that gives its curvature and the spread of
its slopes the same meaning, as in the profile.

Priors are weak: the size at the data's centre of a term that enters linearly is lognormal,
around half the median output with sd 2 (a floor: around 0.8 of the least output, sd 0.6 of
that); an exponent of an input's unit is normal, mean 0.35, sd 0.5; whatever else there is gets
the information of a single run (Kass & Wasserman 1995). A prior of the user replaces the one
here, and bounds hold.

Source: Goodman & Weare 2010, "Ensemble Samplers with Affine Invariance"; Foreman-Mackey et al.
2013, "emcee: The MCMC Hammer"; ter Braak 2006 for the move. The scale of a loss that is no
likelihood: Bissiri, Holmes & Walker 2016, "A General Framework for Updating Belief
Distributions".
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.errors import MissingExtra
from forescale.fit import Fit
from forescale.uncertainty._method import Array, Method

#: Walkers per coordinate, and at least so many: few steps of many cost less than the reverse.
WALKERS, LEAST_WALKERS = 8, 96
#: Steps thrown away, made at first, and at most.
BURN, STEPS, MOST_STEPS = 150, 200, 2400
#: Autocorrelation times that a chain must be long, and R-hat beyond which it has not mixed.
LONG, MIXED = 10.0, 1.05
#: Weak priors: sd of the log of a term's size, of a floor relative to the least output, and
#: mean and sd of an exponent.
TERM_SD, FLOOR, FLOOR_SD, EXPONENT, EXPONENT_SD = 2.0, 0.8, 0.6, 0.35, 0.5


def draw(
    fit: Fit, resamples: int, seed: int, *, clusters: NDArray[np.intp], workers: int
) -> tuple[Array, tuple[str, ...]]:
    """Draws of the posterior, in fitting coordinates.

    Raises:
        MissingExtra: If emcee is not installed.
    """
    emcee = _emcee()
    log_posterior, free = density(fit)
    p = len(free)
    walkers = 2 * (max(WALKERS * p, LEAST_WALKERS) // 2)
    sampler = emcee.EnsembleSampler(
        walkers,
        p,
        log_posterior,
        vectorize=True,
        moves=[(emcee.moves.DEMove(), 0.8), (emcee.moves.DESnookerMove(), 0.2)],
    )
    # emcee takes the state of a Mersenne twister; ours is filled from the seed alone.
    twister = np.random.MT19937(np.random.SeedSequence([seed, 2010])).state
    start = _start(fit, free, walkers, seed, log_posterior)
    state = sampler.run_mcmc(emcee.State(start, random_state=twister), BURN)
    sampler.reset()
    tau = np.inf
    while sampler.iteration < MOST_STEPS:
        state = sampler.run_mcmc(state, STEPS)
        tau = float(np.max(sampler.get_autocorr_time(tol=0, quiet=True)))
        if sampler.iteration > 1.5 * LONG * tau:
            break
    chain = sampler.get_chain()
    flat = chain.reshape(-1, p)
    # Evenly through the chain, so that late and early steps count alike.
    some = flat[np.linspace(0, len(flat) - 1, resamples).astype(int)]
    theta = np.tile(fit.theta, (len(some), 1))
    theta[:, free] = some
    return theta, _doubts(tau, len(chain), r_hat(chain))


def density(fit: Fit) -> tuple[Callable[[Array], Array], NDArray[np.intp]]:
    """Log posterior of coordinates (K, p), up to a constant, and which coordinates those are."""
    problem = fit.problem
    free = np.flatnonzero(~problem.frozen)
    mean, sd = weak_priors(fit)
    mean, sd = mean[free], sd[free]
    lower, upper = problem.lower[free], problem.upper[free]
    r = fit.residuals
    _, slope, curve = problem.rho.all(r)
    w = problem.weights
    n = int((w > 0).sum())
    dof = max(n - problem.size, 1)
    scale = (w * slope**2).sum() / dof / max(float((w * curve).sum() / w.sum()), 1e-3)
    scale = max(float(scale), 1e-300)

    def log_posterior(some: Array) -> Array:
        theta = np.tile(fit.theta, (len(some), 1))
        theta[:, free] = some
        with np.errstate(all="ignore"):
            worse = np.maximum(problem.values(theta) - fit.value, 0.0)
            value = -0.5 * n * np.log1p(2.0 * worse / (dof * scale))
        value -= 0.5 * (((some - mean) / sd) ** 2).sum(1)
        inside = ((some >= lower) & (some <= upper)).all(1)
        return np.where(inside & np.isfinite(value), value, -np.inf)

    return log_posterior, free


def weak_priors(fit: Fit) -> tuple[Array, Array]:
    """Means and standard deviations in fitting coordinates, each of shape (P,).

    A coordinate with a prior of the user's has an infinite standard deviation here.
    """
    problem, law = fit.problem, fit.law
    n = int((problem.weights > 0).sum())
    mean = fit.theta.copy()
    sd = np.sqrt(n) * _errors(fit)
    size = float(np.median(np.abs(problem.y))) or 1.0
    least = FLOOR * float(problem.y.min())
    exponents = {s for held in law.powers.values() for e in held.values() for s in e.symbols}
    for columns in problem.columns:
        for j, name in enumerate(law.names):
            c, log = columns[j], problem.coordinates[j] == "log"
            if name in exponents:
                mean[c], sd[c] = EXPONENT, EXPONENT_SD
            elif j in problem.compiled.linear and log:
                # In units of the data's centre a term's scale is its size there.
                mean[c], sd[c] = np.log(0.5 * size), TERM_SD
            elif j in problem.compiled.linear and not law.powers[name] and least > 0:
                mean[c], sd[c] = least, FLOOR_SD * least
    sd[np.isfinite(problem.prior_sd)] = np.inf
    return mean, sd


def _errors(fit: Fit) -> Array:
    """Standard errors of the sandwich; where a bound holds or nothing is told, a wide guess."""
    found = np.sqrt(np.maximum(np.diag(fit.covariance), 0.0))
    told = np.isfinite(found) & (found > 1e-8 * np.maximum(np.abs(fit.theta), 1e-3))
    return np.where(told, np.minimum(found, 5.0), 0.1 * np.maximum(np.abs(fit.theta), 0.1))


def _start(
    fit: Fit,
    free: NDArray[np.intp],
    walkers: int,
    seed: int,
    log_posterior: Callable[[Array], Array],
) -> Array:
    """Walkers from the Laplace approximation, inside the bounds, shape (walkers, p)."""
    problem = fit.problem
    rng = np.random.default_rng(np.random.SeedSequence([seed, 2013]))
    value, vector = np.linalg.eigh(fit.covariance)
    root = vector * np.sqrt(np.clip(value, 0.0, 25.0))
    spread = np.where(np.diag(fit.covariance) > 0, 0.0, _errors(fit))
    lower, upper = problem.lower[free], problem.upper[free]
    # A walker that starts where the law cannot be evaluated never moves: come nearer until it can.
    out = np.tile(fit.theta[free], (walkers, 1))
    todo, shrink = np.arange(walkers), 1.0
    for _ in range(40):
        z = rng.standard_normal((len(todo), len(fit.theta)))
        extra = spread * rng.standard_normal((len(todo), len(fit.theta)))
        theta = (fit.theta + shrink * (z @ root.T + extra))[:, free]
        # Reflected rather than clipped: walkers on one wall would never leave it.
        theta = np.where(theta < lower, 2 * lower - theta, theta)
        theta = np.where(theta > upper, 2 * upper - theta, theta)
        theta = np.clip(theta, lower, upper)
        good = np.isfinite(log_posterior(theta))
        out[todo[good]] = theta[good]
        todo, shrink = todo[~good], 0.7 * shrink
        if not len(todo):
            break
    return out


def r_hat(chain: Array) -> float:
    """Largest split R-hat over the coordinates of a chain, shape (steps, walkers, p).

    Walkers of an ensemble lean on each other, so that the chains compared are not walkers but
    halves: early and late steps of two halves of the walkers.

    Source: Gelman et al. 2013, "Bayesian Data Analysis", section 11.4.
    """
    steps, walkers, p = chain.shape
    half, side = steps // 2, walkers // 2
    parts = np.stack(
        [chain[a : a + half, b : b + side].reshape(-1, p) for a in (0, half) for b in (0, side)]
    )
    within = parts.var(axis=1, ddof=1).mean(0)
    between = parts.mean(axis=1).var(axis=0, ddof=1)
    return float(np.sqrt(1.0 + np.max(between / np.maximum(within, 1e-300))))


def _doubts(tau: float, steps: int, mixed: float) -> tuple[str, ...]:
    notes = []
    if not steps > LONG * tau:
        notes.append(
            f"the posterior's chain is {steps} steps long, {steps / tau:.2g} autocorrelation "
            f"times where {LONG:.0f} are wanted: its intervals are rough"
        )
    if mixed > MIXED:
        notes.append(f"the posterior's chain has not mixed (R-hat {mixed:.2f}, wanted {MIXED})")
    return tuple(notes)


def _emcee() -> Any:
    try:
        return import_module("emcee")
    except ImportError:
        raise MissingExtra(
            "the posterior needs emcee, which is not installed",
            where="--uncertainty posterior",
            fix="pip install 'forescale[bayes]', or use --uncertainty sandwich",
        ) from None


METHOD = Method(
    "posterior",
    "Bayesian posterior under weak priors, sampled by walkers; right for few, well-behaved runs",
    "Goodman & Weare 2010, Ensemble Samplers with Affine Invariance",
    draw,
)
