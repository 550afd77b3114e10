"""The learning rate at which the next size diverges, told by how its attention logits will grow.

The largest attention logit starts at a size of its own and grows as a power of rate and size;
runs fail once it passes a level that is much the same at all sizes. Both are read off smaller
networks, and the rate at which the law passes the level is the forecast.

Source: Wortsman et al. 2023, "Small-scale proxies for large-scale Transformer training
instabilities", section 3.4, where a quadratic in log size at each rate takes the law's place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.emergence._estimate import Estimate
from forescale.emergence.instability._boundary import boundary, checked
from forescale.emergence.instability._growth import growth
from forescale.errors import BadTable, check_level
from forescale.quantities import format_number
from forescale.summarised import Summarised

Array = NDArray[np.float64]

RESAMPLES = 200
#: Log rates beyond which, either way, a law never passes a level.
FAR = 100.0


@dataclass(frozen=True)
class LogitGrowth(Summarised):
    """The law start + c * lr^rate * N^size of a largest logit, and where it passes a level.

    Args:
        lr: Rate at which a network of the target size passes it, infinite where it never does.
        limit: The level of the logit at which half of the runs fail.
        start: Logit at small rates.
        rate: Exponent in the learning rate.
        size: Exponent in the size.
        target: Size asked for, in the unit of the sizes.
        largest: Largest size that was run.
        runs: Runs of the law; those without a logit are left out.
        level: Level of the intervals.
        seed: Seed of the bootstrap over runs.
    """

    lr: Estimate
    limit: Estimate
    start: Estimate
    rate: Estimate
    size: Estimate
    target: float
    largest: float
    runs: int
    level: float
    seed: int
    _theta: tuple[float, ...] = field(repr=False)

    def logit(self, N: ArrayLike, lr: ArrayLike) -> Array:
        """The law's largest logit at sizes and rates, their broadcast shape."""
        start, height, rate, size = self._theta
        x, u = np.log(np.asarray(N, float)), np.log(np.asarray(lr, float))
        return np.asarray(np.exp(start) + np.exp(height + rate * u + size * x))

    def __repr__(self) -> str:
        return (
            f"LogitGrowth(lr {self.lr} at N {format_number(self.target, 3)}, where the logit "
            f"passes {self.limit}; {format_number(self.target / self.largest, 2)}x the largest run)"
        )

    def summary(self) -> str:
        """The rate, and the law it was read from."""
        return (
            f"{self!r}\nlogit = {self.start} + c lr^{self.rate} N^{self.size}\n{self.runs} runs, "
            f"intervals are {self.level:.0%}"
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        rest = {k: v for k, v in vars(self).items() if k != "_theta"}
        said = {k: v.to_dict() for k, v in rest.items() if isinstance(v, Estimate)}
        return {"schema": 1, "kind": "logit_growth", **rest, **said}


def logit_growth(
    N: ArrayLike,
    lr: ArrayLike,
    logit: ArrayLike,
    diverged: ArrayLike,
    *,
    target: float,
    level: float = 0.9,
    seed: int = 0,
) -> LogitGrowth:
    """The rate at which a size diverges, by the growth of the largest logit in smaller ones.

    Any reading that grows with rate and size, and passes a level where runs fail, serves as well:
    output logits, or the root of a mean square. If failing has nothing to do with it, the level
    is not told, and the interval of the rate is wide.

    Args:
        N: Size of each run, params or width, shape (n,).
        lr: Its peak learning rate, shape (n,).
        logit: Its largest attention logit, nats; what is not finite is left out, shape (n,).
        diverged: Whether it diverged, by the caller's word, shape (n,).
        target: Size asked for.
        level: Level of the intervals.
        seed: Seed of the bootstrap over runs.

    Raises:
        BadTable: If shapes do not match, a number is not above 0, fewer than eight runs have a
            logit, or all runs with one went one way.
        TooFewRuns: If there are fewer than two sizes.
        BadOption: If the level is no probability.
    """
    check_level(level)
    top = np.ravel(np.asarray(logit, float))
    known = np.isfinite(top)
    columns = [np.ravel(np.asarray(v)) for v in (N, lr, diverged)]
    if any(len(v) != len(top) for v in columns) or known.sum() < 8 or (top[known] <= 0).any():
        raise BadTable(
            f"{known.sum()} of {len(top)} logits are numbers, the least of them "
            f"{top[known].min(initial=np.inf):g}",
            where="logit",
            fix="give one above 0 for each run, of eight runs or more",
        )
    sizes, rates, ends = (v[known] for v in columns)
    size, rate, failed = checked(sizes, rates, ends, target)
    y = np.log(top[known])
    found = boundary(y / np.log(10.0), failed)
    at = found.at(0.0, level)
    rng = np.random.default_rng([seed, 2309])
    weights = rng.multinomial(len(y), np.full(len(y), 1 / len(y)), RESAMPLES).astype(float)
    theta = growth(
        size * np.log(10.0), rate * np.log(10.0), y, np.r_[np.ones((1, len(y))), weights]
    )
    # The level's own doubt joins that of the law, a draw for a draw.
    drawn = rng.choice(found.heights, RESAMPLES, p=found.mass[:, 0])
    step = found.heights[1] - found.heights[0]
    limits = np.r_[at.value, drawn + step * (rng.random(RESAMPLES) - 0.5)] * np.log(10.0)
    crossing = _crossing(theta, limits, float(np.log(target)))

    def said(values: Array) -> Estimate:
        tail = 0.5 * (1 - level)
        lo, hi = np.quantile(values[1:], [tail, 1 - tail], method="nearest")
        return Estimate(float(values[0]), float(lo), float(hi))

    return LogitGrowth(
        lr=said(np.exp(crossing)),
        limit=Estimate(10**at.value, 10**at.lo, 10**at.hi),
        start=said(np.exp(theta[:, 0])),
        rate=said(theta[:, 2]),
        size=said(theta[:, 3]),
        target=float(target),
        largest=float(10 ** size.max()),
        runs=len(y),
        level=level,
        seed=seed,
        _theta=tuple(theta[0].tolist()),
    )


def _crossing(theta: Array, limits: Array, x: float) -> Array:
    """Log rates at which laws pass levels at log size x; infinite where a law does not grow."""
    start, height, rate, size = theta.T
    left = np.exp(limits) - np.exp(start)
    # A level below the start is passed at any rate.
    need = np.log(np.where(left > 0, left, 1.0)) - height - size * x
    grows = rate > 0
    at = np.where(grows, need / np.where(grows, rate, 1.0), np.inf)
    # Past these a rate is none: 0, or infinite.
    at = np.where(np.abs(at) < FAR, at, np.sign(at) * np.inf)
    return np.asarray(np.where(left > 0, at, -np.inf))
