"""Worlds like the user's own, in which the truth is known: same places, same noise, one flaw each.

Worlds share their random numbers, so that they differ by their flaw and not by their luck.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forescale.errors import ForescaleError
from forescale.fit import Fit, fit_spec, specify
from forescale.forecast._scale import scale_of
from forescale.forecast.check.shared import Shared
from forescale.forecast.choose import _aicc, candidates
from forescale.uncertainty._leverage import freed

Array = NDArray[np.float64]

#: Degrees of freedom of the heavy tails.
TAIL = 3
#: Share of runs that are under-tuned, and their mean excess: of the loss, and in units of noise.
UNDER_TUNED, EXCESS, EXCESS_NOISE = 0.1, 0.025, 3.0
#: Drift: relative change of the loss per decade, from the middle of the runs on.
DRIFT = 0.005
#: The same for scores, as a share of the range seen.
DRIFT_RAW = 0.02
#: A law whose corrected AIC is so much worse has been ruled out by the runs.
RULED_OUT = 10.0


@dataclass(frozen=True, eq=False)
class World:
    """One way in which the runs could have come about.

    Args:
        name: Two words.
        what: What is true in it, in one line.
        mean: What the law says at the runs, shape (n,).
        there: What it says at the places forecast, shape (m,).
        noise: Residuals of each table, shape (M, n): log(mean/observed), or mean - observed.
        new: Residuals of the runs that are forecast, shape (M, m).
        natural: True parameters in the order of `Fit.names`; None where the law is not true.
        likely: Whether the runs leave it open; a law that they rule out is told, not judged.
        log: Whether residuals are logs.
    """

    name: str
    what: str
    mean: Array
    there: Array
    noise: Array
    new: Array
    natural: Array | None
    likely: bool
    log: bool

    def observed(self, k: int) -> Array:
        """The outputs of table k, shape (n,)."""
        noise = self.noise[k]
        return np.asarray(self.mean * np.exp(-noise) if self.log else self.mean - noise)

    def truth(self, k: int) -> Array:
        """What new runs measure at the places, shape (m,)."""
        noise = self.new[k]
        return np.asarray(self.there * np.exp(-noise) if self.log else self.there - noise)


@dataclass(frozen=True, eq=False)
class Noise:
    """Random numbers that all worlds share, in units of a residual.

    Args:
        measured: Residuals freed of what the fit took from them, shape (r,).
        runs: One drawn for each run of each table, shape (M, n).
        new: One drawn for each new run, shape (M, m).
        root: Root of each row's weight, shape (n,): a weight is a precision.
    """

    measured: Array
    runs: Array
    new: Array
    root: Array

    @property
    def rms(self) -> float:
        """Root mean square of a run's noise."""
        return float(np.sqrt(np.mean(self.measured**2)))

    @property
    def robust(self) -> float:
        """Standard deviation of a normal whose middle half is as wide."""
        return 1.4826 * float(np.median(np.abs(self.measured))) or self.rms


def noise_of(fit: Fit, tables: int, places: int, seed: int) -> Noise:
    """Noise as measured: residuals of the fit drawn with replacement."""
    measured, _ = freed(fit)
    rng = _stream(seed, 0)
    n = len(fit.runs)
    root = np.sqrt(np.where(fit.problem.weights > 0, fit.problem.weights, 1.0))
    return Noise(
        measured,
        rng.choice(measured, (tables, n)) / root,
        rng.choice(measured, (tables, places)),
        root,
    )


def _stream(seed: int, tag: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([seed, 41, tag]))


def worlds(
    fit: Fit,
    at: Mapping[str, Array],
    noise: Noise,
    shared: Shared | None,
    *,
    group: str | None,
    seed: int,
) -> tuple[list[World], list[str]]:
    """The worlds around a fit, and why others could not be made.

    Args:
        fit: The user's fit.
        at: Places forecast, each input of shape (m,).
        noise: The random numbers.
        shared: Groups that err together, if the table has any.
        group: Whose parameters are forecast.
        seed: Seed of what only one world draws.
    """
    mean = fit.problem.predict(fit.theta[None])[0]
    there = fit.predict(at, group=group)
    log = fit.spec.log_residual

    def world(name: str, what: str, runs: Array, new: Array) -> World:
        return World(name, what, mean, there, runs, new, fit.natural, True, log)

    found = [
        world("as fitted", "the law is right, noise as measured", noise.runs, noise.new),
        world(
            "heavy tails",
            f"the law is right, noise is a Student-t with {TAIL} degrees of freedom",
            *_heavy(noise, seed),
        ),
        world(
            "under-tuned",
            f"{100 * UNDER_TUNED:.0f} % of the runs are worse than they need be, by "
            + _excess_text(fit, noise),
            *_under_tuned(fit, noise, seed),
        ),
    ]
    skipped = []
    if shared is not None:
        found.append(
            world(
                "shared errors",
                f"runs of {shared.words} err together: {100 * shared.share:.0f} % of the noise",
                *_together(noise, shared, seed),
            )
        )
    else:
        skipped.append("shared errors: no groups of runs that could err together were found")
    other = _rival(fit, at, group)
    if other is None:
        skipped.append("another law: no other law for these inputs could be fitted")
    else:
        rival, gap = other
        likely = gap < RULED_OUT
        ruled = "" if likely else f"; the runs rule it out (AIC {gap:+.0f})"
        found.append(
            World(
                "another law",
                f"{rival.law.name} is right, as fitted to the same runs{ruled}",
                rival.problem.predict(rival.theta[None])[0],
                rival.predict(at, group=group),
                noise.runs,
                noise.new,
                None,
                likely,
                log,
            )
        )
    found.append(_drifting(fit, at, noise, mean, there))
    return found, skipped


def _heavy(noise: Noise, seed: int) -> tuple[Array, Array]:
    from scipy.special import stdtrit

    # As wide in the middle as what was measured; the tails come on top.
    scale = noise.robust / 1.4826 / float(stdtrit(TAIL, 0.75))
    rng = _stream(seed, 1)
    runs = scale * rng.standard_t(TAIL, noise.runs.shape) / noise.root
    return runs, scale * rng.standard_t(TAIL, noise.new.shape)


def _excess(fit: Fit, noise: Noise) -> float:
    return max(EXCESS if fit.spec.log_residual else 0.0, EXCESS_NOISE * noise.robust)


def _excess_text(fit: Fit, noise: Noise) -> str:
    size = _excess(fit, noise)
    shown = f"{100 * size:.2g} %" if fit.spec.log_residual else f"{size:.2g}"
    return f"{shown} on average; the runs forecast are not"


def _under_tuned(fit: Fit, noise: Noise, seed: int) -> tuple[Array, Array]:
    rng = _stream(seed, 2)
    shape = noise.runs.shape
    excess = rng.exponential(_excess(fit, noise), shape) * (rng.random(shape) < UNDER_TUNED)
    # Worse is a higher loss, or a lower score.
    worse = -1.0 if fit.spec.log_residual or fit.law.predicts in ("L", "err") else 1.0
    return noise.runs + worse * excess, noise.new


def _together(noise: Noise, shared: Shared, seed: int) -> tuple[Array, Array]:
    rng = _stream(seed, 3)
    # What is measured holds both; alone, a run errs by less.
    own = min(1.0, shared.alone / max(noise.rms, 1e-300))
    shape = (len(noise.runs), int(shared.group.max()) + 1)
    groups = shared.spread * rng.standard_normal(shape)
    new = shared.spread * rng.standard_normal(noise.new.shape)
    return own * noise.runs + groups[:, shared.group] / noise.root, own * noise.new + new


def _rival(fit: Fit, at: Mapping[str, Array], group: str | None) -> tuple[Fit, float] | None:
    """Another law fitted to the same runs, and by how much its AIC is worse than the best.

    Of those that the runs leave open, the one whose forecast differs most; if they rule out
    all, the one that fits best.
    """
    own = _aicc(fit)
    here = fit.predict(at, group=group)
    open_: list[tuple[float, float, Fit]] = []
    closed: list[tuple[float, float, Fit]] = []
    for rival in _others(fit):
        there = rival.predict(at, group=group)
        gap = _aicc(rival) - own
        if not (np.isfinite(there).all() and np.isfinite(gap)):
            continue
        (open_ if gap < RULED_OUT else closed).append(
            (float(np.abs(there - here).max()), gap, rival)
        )
    if open_:
        _, gap, best = max(open_, key=lambda c: c[0])
        return best, gap
    if closed:
        _, gap, best = min(closed, key=lambda c: c[1])
        return best, gap
    return None


def _others(fit: Fit) -> list[Fit]:
    made = [f for _, f in fit.rivals if f.law.formula != fit.law.formula]
    if made:
        return made
    try:
        names: Sequence[str] = candidates(fit.runs)
    except ForescaleError:
        return []
    spec, found = fit.spec, []
    for name in names:
        try:
            asked = specify(
                fit.runs, name, objective=spec.objective, by=spec.by, weights=spec.weights,
                seed=spec.seed,
            )  # fmt: skip
            law = asked.law
            if law.formula == spec.law.formula or law.predicts != spec.law.predicts:
                continue
            if set(law.inputs) <= set(spec.law.inputs):
                found.append(fit_spec(fit.runs, asked))
        except ForescaleError:
            continue
    return found


def _drifting(fit: Fit, at: Mapping[str, Array], noise: Noise, mean: Array, there: Array) -> World:
    seen = {i: np.asarray(fit.runs[i], float) for i in fit.law.inputs}
    here = np.log10(np.maximum(scale_of(seen, fit.law)[1], 1e-300))
    far = np.log10(np.maximum(scale_of({i: at[i] for i in fit.law.inputs}, fit.law)[1], 1e-300))
    middle = 0.5 * (here.min() + here.max())
    log = fit.spec.log_residual
    rate = DRIFT if log else -DRIFT_RAW * (float(np.ptp(fit.problem.y)) or 1.0)
    per = f"{100 * DRIFT:.2g} %" if log else f"{abs(rate):.2g}"

    def moved(values: Array, decades: Array) -> Array:
        off = rate * np.maximum(decades - middle, 0.0)
        return np.asarray(values * np.exp(off) if log else values + off)

    return World(
        "drift",
        f"the law is right at first and drifts away from the middle of the runs on, by {per} "
        "per decade",
        moved(mean, here),
        moved(there, far),
        noise.runs,
        noise.new,
        fit.natural,
        True,
        log,
    )
