"""A hold-out that is asked many times: what each look costs, and answers that leak little.

Whoever looks at held-out runs, changes the analysis and looks again fits the held-out runs too.
"""

from __future__ import annotations

import math

import numpy as np

from forescale.errors import BadOption, NotReached

#: What a look tells at the least: whether to keep the change that was tried, one bit.
BIT = math.log(2.0)


def budget(n: int) -> int:
    """Looks that n held-out runs stand: as many as keep `optimism` at 1 or below; at least 1."""
    return max(1, math.floor(n / (2 * BIT)))


def optimism(looks: int, n: int) -> float:
    """How much a held-out mean may flatter an analysis chosen by earlier looks, at most.

    sqrt(2 I / n) with I nats told by the looks, one bit each.

    Args:
        looks: Earlier looks.
        n: Held-out runs, above 0.

    Returns:
        Bias, in standard deviations of a single run's value; 1 is as much as a single run.

    Source: Russo & Zou 2016, "Controlling Bias in Adaptive Data Analysis Using Information Theory".
    """
    return math.sqrt(2 * looks * BIT / n)


class Thresholdout:
    """Answers about a hold-out of n rows that stay true however the questions were found.

    Each question is a mean over rows, of value known on the training rows and on the hold-out. As
    long as the two agree, within a noisy threshold, the answer is the training value and tells
    nothing of the hold-out. Where they do not, the question has been fitted to the training rows:
    the answer is the hold-out's value with noise, and one unit of the budget is spent.

    Args:
        n: Rows of the hold-out.
        seed: Seed of the noise. Whoever asks must not know it.
        spread: Standard deviation of a single row's value, or a bound of it.
        threshold: Difference that is taken for agreement; 5 spread / sqrt(n) by default, which two
            in a thousand questions pass that fit neither half.
        noise: Scale of the Laplace noise on an answer (twice that on the threshold, four times on
            each comparison); spread / (8 sqrt(n)) by default. Twice as much, or a threshold of 4,
            lets so many answers through that an analyst of 4,000 features gains 0.6 to 1.5 points
            of accuracy that are not there (26 worlds; with the defaults 0.1 +- 0.2 in 20).
        allowed: Answers from the hold-out before it is worn out; `budget(n)` by default.

    Raises:
        BadOption: If n, spread, threshold or noise cannot be used.

    Source: Dwork et al. 2015, "The Reusable Holdout: Preserving Validity in Adaptive Data
    Analysis" and "Generalization in Adaptive Data Analysis and Holdout Reuse".

    >>> ask = Thresholdout(10_000, seed=0)
    >>> ask.answer(0.51, 0.50), ask.left == budget(10_000)
    (0.51, True)
    """

    def __init__(
        self,
        n: int,
        *,
        seed: int,
        spread: float = 1.0,
        threshold: float | None = None,
        noise: float | None = None,
        allowed: int | None = None,
    ) -> None:
        if n < 1 or not spread > 0:
            raise BadOption(f"a hold-out of {n} rows with spread {spread:g} tells nothing")
        unit = spread / math.sqrt(n)
        self.threshold = 5 * unit if threshold is None else threshold
        self.noise = 0.125 * unit if noise is None else noise
        if not (self.threshold > 0 and self.noise > 0):
            raise BadOption(
                f"threshold {self.threshold:g} and noise {self.noise:g} must be above 0"
            )
        self.left = budget(n) if allowed is None else allowed
        self._rng = np.random.default_rng(np.random.SeedSequence([seed, 2015]))
        self._bar = self._moved_bar()

    def answer(self, train: float, holdout: float) -> float:
        """What may be told about a question.

        Args:
            train: Its mean over the training rows.
            holdout: Its mean over the hold-out.

        Raises:
            NotReached: If the hold-out is worn out.
        """
        if self.left < 1:
            raise NotReached("the hold-out is worn out", fix="hold out new runs")
        if abs(train - holdout) <= self._bar + self._rng.laplace(0.0, 4 * self.noise):
            return train
        self.left -= 1
        self._bar = self._moved_bar()
        return float(holdout + self._rng.laplace(0.0, self.noise))

    def _moved_bar(self) -> float:
        return self.threshold + float(self._rng.laplace(0.0, 2 * self.noise))
