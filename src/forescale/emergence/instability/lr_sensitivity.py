"""How much worse a network ends, on average, for not being trained at its best learning rate.

The mean over a range of rates, even in their log, of min(loss, initial loss) less the best loss:
0 where every rate does equally well, at most the initial loss less the best. A run that diverged
counts as one that learned nothing.

Source: Wortsman et al. 2023, "Small-scale proxies for large-scale Transformer training
instabilities", section 2.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.errors import BadTable, TooFewRuns, check_level
from forescale.quantities import format_number
from forescale.summarised import Summarised

Array = NDArray[np.float64]

RESAMPLES = 1000


@dataclass(frozen=True)
class LRSensitivity(Summarised):
    """The learning rate sensitivity of one kind of network.

    Args:
        value: Mean loss above the best, nats/token or the losses' unit.
        interval: Its bootstrap interval over seeds; NaN where a rate was run once only.
        best_lr: The rate of the least mean loss.
        best_loss: That loss.
        rates: Rates, ascending.
        means: Mean of min(loss, initial loss) at each.
        runs: Runs in all.
        level: Level of the interval.
        seed: Seed of the bootstrap.
    """

    value: float
    interval: tuple[float, float]
    best_lr: float
    best_loss: float
    rates: tuple[float, ...]
    means: tuple[float, ...]
    runs: int
    level: float
    seed: int

    @property
    def at_edge(self) -> bool:
        """Whether the best rate is the first or last: a better one may lie outside the range."""
        return self.best_lr in {self.rates[0], self.rates[-1]}

    def __repr__(self) -> str:
        lo, hi = (format_number(v, 3) for v in self.interval)
        edge = "; BEST RATE AT THE EDGE" if self.at_edge else ""
        return (
            f"LRSensitivity({format_number(self.value, 3)} ({lo} to {hi}) over lr "
            f"{self.rates[0]:g} to {self.rates[-1]:g}, {self.runs} runs{edge})"
        )

    def summary(self) -> str:
        """The sensitivity, and the mean loss at every rate."""
        lines = [
            f"  lr {r:g}: {format_number(m, 4)}"
            for r, m in zip(self.rates, self.means, strict=True)
        ]
        if math.isnan(self.interval[0]):
            lines.append("a rate was run once only, so that there is no interval: add seeds")
        return "\n".join([repr(self), *lines])

    def to_dict(self) -> dict[str, Any]:
        """As plain values; an interval that is not known is null."""
        known = not math.isnan(self.interval[0])
        return {
            "schema": 1,
            "kind": "lr_sensitivity",
            **vars(self),
            "interval": list(self.interval) if known else None,
            "rates": list(self.rates),
            "means": list(self.means),
            "at_edge": self.at_edge,
        }


def lr_sensitivity(
    lr: ArrayLike,
    loss: ArrayLike,
    initial_loss: float,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> LRSensitivity:
    """Mean loss above the best over a range of learning rates.

    Each rate weighs as the part of the range, in log rate, that lies nearest to it (all alike on
    an even grid). The best is the least of the rates' means, which is a little too low by chance
    where seeds scatter, and the sensitivity as much too high.

    >>> lr_sensitivity([0.01, 0.1, 1.0], [2.0, 1.0, float("nan")], 4.0)
    LRSensitivity(1.33 (nan to nan) over lr 0.01 to 1, 3 runs)

    Args:
        lr: Peak learning rate of each run, above 0; seeds share one. Shape (n,).
        loss: Final loss, NaN or infinite where the run diverged, shape (n,).
        initial_loss: Loss before training, which caps the others.
        level: Level of the interval.
        seed: Seed of the bootstrap.

    Raises:
        BadTable: If shapes do not match, a rate is not above 0 or the initial loss is no number.
        TooFewRuns: If there are fewer than two rates.
        BadOption: If the level is no probability.

    Source: Wortsman et al. 2023.
    """
    check_level(level)
    rate, y = np.ravel(np.asarray(lr, float)), np.ravel(np.asarray(loss, float))
    if len(rate) != len(y):
        raise BadTable(f"{len(rate)} rates and {len(y)} losses", fix="give one of each per run")
    if not (np.isfinite(rate).all() and (rate > 0).all()):
        raise BadTable("a learning rate is not above 0", where="lr", fix="leave out that run")
    if not math.isfinite(initial_loss):
        raise BadTable(f"the initial loss is {initial_loss}", fix="give the loss before training")
    rates = np.unique(rate)
    if len(rates) < 2:
        raise TooFewRuns(f"{len(rates)} learning rate", where="lr", fix="give 2 or more")
    capped = np.minimum(np.where(np.isfinite(y), y, initial_loss), initial_loss)
    groups = [capped[rate == r] for r in rates]
    means = np.array([g.mean() for g in groups])
    share = _shares(rates)
    value = float(share @ means - means.min())
    interval = (math.nan, math.nan)
    if min(len(g) for g in groups) > 1:
        rng = np.random.default_rng([seed, 2309])
        drawn = np.stack([_resampled(g, rng) for g in groups])
        lo, hi = np.quantile(share @ drawn - drawn.min(0), [(1 - level) / 2, (1 + level) / 2])
        interval = (float(lo), float(hi))
    return LRSensitivity(
        value=value,
        interval=interval,
        best_lr=float(rates[means.argmin()]),
        best_loss=float(means.min()),
        rates=tuple(rates.tolist()),
        means=tuple(means.tolist()),
        runs=len(y),
        level=level,
        seed=seed,
    )


def _shares(rates: Array) -> Array:
    """Part of the range in log rate that each rate stands for; a cell at the end is whole."""
    gaps = np.diff(np.log(rates))
    cells = (np.r_[gaps[0], gaps] + np.r_[gaps, gaps[-1]]) / 2
    return np.asarray(cells / cells.sum())


def _resampled(losses: Array, rng: np.random.Generator) -> Array:
    """Means of resampled losses, widened as few seeds scatter too little about their own mean."""
    n = len(losses)
    drawn = losses[rng.integers(0, n, (RESAMPLES, n))].mean(1)
    return np.asarray(losses.mean() + (drawn - losses.mean()) * math.sqrt(n / (n - 1)))
