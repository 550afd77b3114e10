"""Partial correlations of log-ratios know no reference part and find a planted dependence.

Source: Erb 2020, "Partial Correlations in Compositional Data Analysis".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.compare import composition
from forescale.studies import Number, Outcome, Progress, Study, judge
from forescale.studies._interval import over_worlds, share

Array = NDArray[np.float64]

PARTS, RUNS = 8, 400
SAME, OFF, FOUND = 1e-10, 0.1, 0.9
#: Partial correlation planted between the first two parts' amounts.
PLANTED = 0.6


def mixtures(count: int, seed: int, *, planted: float) -> Array:
    """Shares of data mixtures, shape (count, RUNS, PARTS): amounts closed to one.

    Log amounts are normal with a precision whose one entry off the diagonal ties the first two
    parts, given all others.
    """
    rng = np.random.default_rng([seed, 1904])
    precision = np.eye(PARTS)
    precision[0, 1] = precision[1, 0] = -planted
    root = np.linalg.cholesky(np.linalg.inv(precision))
    amounts = np.exp(rng.normal(size=(count, RUNS, PARTS)) @ root.T)
    return np.asarray(amounts / amounts.sum(axis=2, keepdims=True))


def expected(planted: float) -> float:
    """The partial correlation of the closed parts that the planted one of amounts becomes.

    Closing takes out the direction in which all parts grow: the precision P of log amounts
    becomes P - P11'P / (1'P1), of the log-ratios.
    """
    precision = np.eye(PARTS)
    precision[0, 1] = precision[1, 0] = -planted
    lost = precision.sum(axis=1)
    theta = precision - np.outer(lost, lost) / lost.sum()
    return float(-theta[0, 1] / np.sqrt(theta[0, 0] * theta[1, 1]))


def spread(parts: Array) -> float:
    """Largest change of any partial correlation as the reference of the ratios changes."""
    d = parts.shape[1]
    found = np.full((d, d, d), np.nan)
    for k in range(d):
        theta = np.linalg.inv(np.cov(composition.alr(parts, k), rowvar=False))
        keep = np.delete(np.arange(d), k)
        found[k][np.ix_(keep, keep)] = -theta / np.sqrt(np.outer(np.diag(theta), np.diag(theta)))
    i, j = np.triu_indices(d, 1)
    pairs = found[:, i, j]
    ours = composition.partial_correlations(parts)[i, j]
    return float(np.nanmax(np.abs(pairs - ours)))


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Partial correlations over every reference, and the planted one among all pairs."""
    count = 300 if rerun else 60
    progress(f"{count} tables of {RUNS} mixtures of {PARTS} parts")
    planted = 0.0 if falsified else PLANTED
    tables = mixtures(count, seed, planted=planted)
    changes = [spread(t) for t in tables[:20]]
    all_ = np.array([composition.partial_correlations(t) for t in tables])
    i, j = np.triu_indices(PARTS, 1)
    pairs = all_[:, i, j]
    top = max(changes)
    truth = expected(PLANTED)
    numbers = {
        "reference": Number(
            top,
            top,
            top,
            most=SAME,
            what="largest change of a partial correlation with the reference part, 20 tables",
        ),
        "off": over_worlds(
            all_[:, 0, 1] - truth,
            seed=seed,
            least=-OFF,
            most=OFF,
            what=f"median of the planted pair's partial correlation less {truth:.3f}, the closed "
            f"form of {PLANTED} planted",
        ),
        "found": share(
            np.argmax(pairs, axis=1) == 0,
            least=FOUND,
            what="share of tables in which the planted pair is the strongest of all pairs",
        ),
        "of_shares": over_worlds(
            np.array([np.corrcoef(t, rowvar=False)[2, 3] for t in tables]),
            seed=seed,
            what="plain correlation of the shares of two parts that nothing ties",
        ),
    }
    return judge(numbers, f"simulation: {count} tables of {RUNS} mixtures of {PARTS} parts")


STUDY = Study(
    name="partial_compositions",
    papers=("Partial Correlations in Compositional Data Analysis",),
    claim="Partial correlations computed from log-ratios do not depend on the reference part, and "
    "recover a dependence between two parts of a mixture.",
    criteria=f"No partial correlation changes by more than {SAME:g} with the reference; the median "
    f"of the planted pair's is within {OFF} of its closed form, and the pair is the strongest of "
    f"all in {FOUND:.0%} of the tables or more.",
    check=check,
    full="300 tables instead of 60",
    falsified="nothing ties the two parts",
    note="Closing a mixture takes the common growth of all parts out of what is seen: a partial "
    "correlation of amounts becomes one of ratios, whose closed form is the truth here.",
)
