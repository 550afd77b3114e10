"""Fine-tuning brings a power law in the number of examples, not a thin layer of style.

Source: Raghavendra, Nath & Hendryx 2024, "Revisiting the Superficial Alignment Hypothesis".
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forescale import laws
from forescale.fit import fit, refit
from forescale.laws import Law
from forescale.runs import RunTable
from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import number
from forescale.studies._recorded import table

Array = NDArray[np.float64]

OFF = 0.05
RESAMPLES = 300
#: The catalogue's law of error rates, here of losses.
POWER = replace(laws.get("finetune_power"), predicts="L")


def forecast(x: Array, y: Array, held: float, law: Law, seed: int) -> tuple[float, Array]:
    """Relative error of the mean loss at `held` examples, forecast from all smaller sizes.

    Args:
        x: Examples of each run, shape (n,).
        y: Loss of each run, shape (n,).
        held: The size held out.
        law: The law fitted.
        seed: Seed of the fit and of the resamples.

    Returns:
        The error, and its draws with runs drawn anew within each size.
    """
    known, target = x < held, y[x == held]
    runs = RunTable({"n": x[known], "L": y[known]})
    fitted = fit(runs, law, objective="lsq-log", seed=seed)
    rng = np.random.default_rng([seed, 2410])
    weights = np.empty((RESAMPLES, int(known.sum())))
    for size in np.unique(x[known]):
        rows = np.flatnonzero(x[known] == size)
        p = np.full(len(rows), 1 / len(rows))
        weights[:, rows] = rng.multinomial(len(rows), p, RESAMPLES)
    refits = refit(fitted.problem, fitted.theta, weights)
    at = {"n": [held]}
    ahead = law.predict(at, fitted.problem.natural(refits.theta))[:, 0]
    truth = target[rng.integers(0, len(target), (RESAMPLES, len(target)))].mean(1)
    return float(fitted.predict(at)[0] / target.mean() - 1.0), ahead / truth - 1.0


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Forecast the last doubling of fine-tuning examples from the smaller sizes."""
    runs, data = table("finetune_examples", rerun=rerun, progress=progress)
    x, y = np.asarray(runs["examples"], float), np.asarray(runs["L"], float)
    x, y = x[x > 0], y[x > 0]
    sizes = np.unique(x)
    if falsified:
        # Mirrored sizes: more examples make it worse.
        x = sizes[::-1][np.searchsorted(sizes, x)]
    off, draws = forecast(x, y, sizes[-1], POWER, seed)
    rng = np.random.default_rng([seed, 1])
    ends = [y[x == size] for size in sizes[-2:]]
    drawn = [v[rng.integers(0, len(v), (RESAMPLES, len(v)))].mean(1) for v in ends]
    numbers = {
        "last_doubling_off": number(
            off,
            draws,
            least=-OFF,
            most=OFF,
            what=f"loss at {sizes[-1]:g} examples forecast from fewer, relative error",
        ),
        "last_doubling_gain": number(
            float(1 - ends[1].mean() / ends[0].mean()),
            1 - drawn[1] / drawn[0],
            least=0.0,
            what="share of the loss that the last doubling of examples removed",
        ),
    }
    for ago, size in ((1, sizes[-2]), (2, sizes[-3])):
        error, spread = forecast(x, y, size, POWER, seed)
        numbers[f"doubling_{ago}_earlier_off"] = number(
            error, spread, what=f"the same at {size:g} examples"
        )
    near = x >= sizes[-1] / 2**4
    error, spread = forecast(x[near], y[near], sizes[-1], POWER, seed)
    numbers["last_four_off"] = number(
        error, spread, what="the last doubling forecast from the four sizes before it alone"
    )
    error, spread = forecast(x, y, sizes[-1], laws.get("rectified"), seed)
    numbers["rectified_off"] = number(
        error, spread, what="the last doubling forecast by the rectified law, beside it"
    )
    return judge(numbers, data)


STUDY = Study(
    name="finetune_power",
    papers=("Revisiting the Superficial Alignment Hypothesis",),
    claim="What fine-tuning brings keeps growing as a power law in the number of examples.",
    criteria=f"The loss after the last doubling of examples is forecast from all smaller sizes "
    f"within {OFF:.0%}, and that doubling still lowered it.",
    check=check,
    full="trains finetune_examples again (about twenty minutes on two cores; needs torch)",
    falsified="sizes mirrored, so that more examples make it worse",
    note="One small model of bytes moved from Python to C++, not a language model and its "
    "reasoning. The numbers beside the verdict say how much hangs on the sizes fitted.",
)
