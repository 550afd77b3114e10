"""Translation loss is a product of powers of encoder and decoder size, not of their sum.

Source: Ghorbani et al. 2021, "Scaling Laws for Neural Machine Translation".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale import laws
from forescale.fit import Fit, fit
from forescale.runs import RunTable
from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, median, over_worlds
from forescale.uncertainty import assess

Array = NDArray[np.float64]

#: Exponents and floor near those of the paper's English-German models.
PLANTED = {"E": 1.4, "A": 1.2e4, "pe": 0.20, "pd": 0.34}
#: Design: encoder and decoder sizes varied apart and together, as in the paper.
SIZES = np.geomspace(1e7, 6e8, 7)
NOISE = 0.003
COVERED, SPLIT_OFF, LEAST_DAIC = (0.75, 0.99), 0.03, 10.0


def design() -> tuple[Array, Array]:
    """Encoder and decoder sizes of 31 models: a grid's middle row, column and diagonals."""
    i, j = np.meshgrid(np.arange(7), np.arange(7), indexing="ij")
    keep = (i == 3) | (j == 3) | (i == j) | (i + j == 6) | (abs(i - j) == 1)
    return SIZES[i[keep]], SIZES[j[keep]]


def aic(fitted: Fit) -> float:
    """Akaike's criterion of a least-squares fit, its noise counted as a parameter."""
    n = len(fitted.residuals)
    return float(n * np.log(np.mean(fitted.residuals**2)) + 2 * (len(fitted.theta) + 1))


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Recover the planted law from many noisy tables, with intervals, and its best split."""
    worlds = 200 if rerun else 60
    ne, nd = design()
    n = ne + nd
    if falsified:
        law, x = laws.get("size_power"), {"N": n}
        clean = law.predict(x, {"E": 1.4, "A": 1.5e4, "alpha": 0.5})
    else:
        law, x = laws.get("encoder_decoder"), {"Ne": ne, "Nd": nd}
        clean = law.predict(x, PLANTED)
    progress(f"{worlds} tables of {len(n)} encoder-decoder models")
    rng = np.random.default_rng([seed, 2109])
    truth = PLANTED["pe"] / (PLANTED["pe"] + PLANTED["pd"])
    gain, split, exponents = np.empty(worlds), np.empty(worlds), np.empty((worlds, 2))
    covered = np.empty((worlds, 2), bool)
    for w in range(worlds):
        y = clean * np.exp(NOISE * rng.normal(size=len(n)))
        table = RunTable({"Ne": ne, "Nd": nd, "N": n, "L": y})
        two = fit(table, "encoder_decoder", objective="lsq-log", starts=16, seed=seed)
        one = fit(table, "size_power", objective="lsq-log", starts=16, seed=seed)
        gain[w] = aic(one) - aic(two)
        assessed = assess(two, "residual", resamples=100, level=0.9, seed=w)
        for k, name in enumerate(("pe", "pd")):
            lo, hi = assessed.intervals[name]
            exponents[w, k] = two.params[name]
            covered[w, k] = lo <= PLANTED[name] <= hi
        split[w] = exponents[w, 0] / exponents[w].sum()
    return judge(
        {
            "coverage": over_worlds(
                covered.mean(1),
                mean,
                seed=seed,
                least=COVERED[0],
                most=COVERED[1],
                what="share of 90 % intervals of an exponent that hold the planted one",
            ),
            "encoder_share_off": over_worlds(
                np.abs(split - truth),
                median,
                seed=seed,
                most=SPLIT_OFF,
                what="median error of the best encoder share pe/(pe + pd)",
            ),
            "aic_gain": over_worlds(
                gain,
                median,
                seed=seed,
                least=LEAST_DAIC,
                what="AIC of the law in total size minus that of the bivariate law",
            ),
            "pe": over_worlds(exponents[:, 0], median, seed=seed, what="encoder exponent found"),
            "pd": over_worlds(exponents[:, 1], median, seed=seed, what="decoder exponent found"),
            "encoder_share": over_worlds(split, median, seed=seed, what="best encoder share"),
        },
        f"simulation: {worlds} tables of {len(n)} models, {NOISE:.1%} noise",
    )


STUDY = Study(
    name="nmt_encoder_decoder",
    papers=("Scaling Laws for Neural Machine Translation",),
    claim="Translation loss is E + A/(Ne^pe Nd^pd) in encoder and decoder sizes; the total "
    "size does not say it, and the two exponents give the best split.",
    criteria=f"90 % intervals hold the planted exponents in {COVERED[0]:.0%} to "
    f"{COVERED[1]:.0%} of cases, the best encoder share is found within {SPLIT_OFF}, and the "
    f"law in total size is worse by an AIC of {LEAST_DAIC:g} or more.",
    check=check,
    full="200 tables instead of 60",
    falsified="losses that follow the total size alone",
    note="Planted truth, so it tests that the paper's method can tell, not that real "
    "translation models obey the law.",
)
