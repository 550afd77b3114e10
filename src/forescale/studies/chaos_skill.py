"""How long a forecast keeps to a chaotic flow is told by the flow's Lyapunov exponent.

Source: Gilpin 2021, "Chaos as an interpretable benchmark for forecasting and data-driven
modelling", whose library dysts gives the flows, their periods and exponents.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import RESAMPLES, number
from forescale.studies._recorded import remade
from forescale.studies._swept import recorded

Array = NDArray[np.float64]

#: Periods after which the forecasts of the table end.
END = 20.0
LEAST_SYSTEMS, MOST_VALID, LEAST_ERROR = 20, -0.5, 0.3


def rank_correlation(x: Array, y: Array) -> Array:
    """Spearman's correlations along the last axis; ties share a rank."""
    from scipy.stats import rankdata, zscore

    a, b = (zscore(rankdata(v, axis=-1), axis=-1) for v in (x, y))
    return np.asarray((a * b).mean(-1))


def slope(x: Array, y: Array) -> Array:
    """Slopes of log y in log x where the forecast was lost before the end."""
    a, b, lost = np.log(x), np.log(y), (y < END).astype(float)
    a = a - np.average(a, axis=-1, weights=lost, keepdims=True)
    return np.asarray((lost * a * b).sum(-1) / (lost * a**2).sum(-1))


def spread(x: Array, y: Array) -> Array:
    """Spread of valid times in Lyapunov times over that in periods, in logs."""
    return np.asarray(np.log(x * y).std(-1) / np.log(y).std(-1))


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Correlate skill with exponents over systems, resampling the systems."""
    if rerun:
        table, data = remade("recipes/chaos_skill.py", "chaos_skill.csv", progress)
        got = {n: np.asarray(table[n], float) for n in ("exponent", "period", "valid", "error")}
    else:
        got, data = recorded("chaos_skill")
    rng = np.random.default_rng([seed, 2110])
    growth = got["exponent"] * got["period"]
    if falsified:
        growth = rng.permutation(growth)
    count = len(growth)
    drawn = rng.integers(0, count, (RESAMPLES, count))

    def over(of: Callable[[Array, Array], Array], y: Array) -> tuple[float, Array]:
        return float(of(growth, y)), of(growth[drawn], y[drawn])

    valid, error = got["valid"], got["error"]
    return judge(
        {
            "systems": number(
                count, [count], what="systems that were forecast", least=LEAST_SYSTEMS
            ),
            "valid_correlation": number(
                *over(rank_correlation, valid),
                what="rank correlation of valid periods with the exponent per period",
                most=MOST_VALID,
            ),
            "error_correlation": number(
                *over(rank_correlation, error),
                what="rank correlation of the error a period ahead with the exponent",
                least=LEAST_ERROR,
            ),
            "slope": number(
                *over(slope, valid),
                what="slope of log valid periods in log exponent, forecasts lost before the end",
            ),
            "spread": number(
                *over(spread, valid),
                what="spread of log valid time counted in Lyapunov times, over that in periods",
            ),
            "lyapunov_times": number(
                float(np.median(valid * growth)),
                np.median((valid * growth)[drawn], axis=1),
                what="Lyapunov times that the median forecast is valid",
            ),
        },
        data,
    )


STUDY = Study(
    name="chaos_skill",
    papers=("Chaos as an interpretable benchmark for forecasting and data-driven modelling",),
    claim="Over many chaotic systems the skill of a forecaster follows the largest Lyapunov "
    "exponent.",
    criteria=f"Over {LEAST_SYSTEMS} systems or more, the rank correlation of a system's exponent "
    f"per period with the periods that forecasts of it are valid is at most {MOST_VALID}, and "
    f"with their error one period ahead at least {LEAST_ERROR}.",
    check=check,
    full="every system integrated and forecast anew, which needs dysts (minutes)",
    falsified="the exponents are dealt to the systems at random",
    note="One forecaster, kernel ridge regression of the next step from the state, trained on "
    "40 periods without noise; the paper has many, trained on series. All variables are seen. "
    f"Forecasts end after {END:g} periods: a fifth of the systems are still on track, and share "
    "a rank. Exponents and periods are the library's. The limits were set after the table was "
    "seen. Five of the flows are systems of the lab's task chaos.",
)
