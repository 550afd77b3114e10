"""Eighty training runs chosen by a Gaussian process tell which claims hold in all four hundred.

Source: Bell et al. 2022, "Modeling the Machine Learning Multiverse".
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forescale.errors import NotReached
from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds
from forescale.studies._swept import Columns, runs

if TYPE_CHECKING:
    from forescale.lab.config import Config

Array = NDArray[np.float64]
Index = NDArray[np.intp]

#: The grid: peak rates in units of each optimizer's largest, and the name of its momentum.
OPTIMIZERS = {"sgd": (0.3, "momentum"), "adamw": (0.01, "beta1")}
RATES = tuple(3.0**-k for k in range(5))
BATCHES = (16, 32, 64, 128)
MOMENTA = (0.0, 0.5, 0.8, 0.9, 0.95)
SEEDS = 2
#: Examples that every run sees, with repetition: nine passes.
EXAMPLES = 12_800
COLUMNS = (
    "optimizer", "lr_peak", "batch", "optimizer.momentum", "optimizer.beta1", "seed", "loss",
    "accuracy",
)  # fmt: skip


def configs(seed: int) -> list[Config]:
    """The runs of the grid."""
    from forescale.lab.config import Config

    return [
        Config(
            task="digits",
            model="mlp",
            steps=EXAMPLES // batch,
            batch=batch,
            lr=largest * rate,
            optimizer=optimizer,
            init="standard",
            marks=1,
            seed=seed + s,
            optimizer_settings={momentum_name: momentum},
        )
        for optimizer, (largest, momentum_name) in OPTIMIZERS.items()
        for rate in RATES
        for batch in BATCHES
        for momentum in MOMENTA
        for s in range(SEEDS)
    ]


#: Runs seen, those of them at random before the first surrogate, and when it is fitted anew.
SEEN, FIRST, ANEW = 80, 20, (20, 50, 80)
#: Designs of each kind, each from its own random beginning.
DESIGNS = 6
LEAST_RIGHT, COVERED, LEVEL = 0.9, (0.88, 0.99), 0.95
#: Standard errors of a difference of two settings' means by which it exceeds the noise.
EXCEEDS = 2.0


def settings(table: Columns) -> tuple[Array, Array]:
    """Coordinates of each setting in the unit cube, shape (n, 4), and its log losses (n, seeds).

    Settings are ordered by optimizer first, so that the halves of the table are pairs.
    """
    sgd = table["optimizer"] == "sgd"
    rate = np.where(sgd, table["lr_peak"] / 0.3, table["lr_peak"] / 0.01)
    momentum = np.where(sgd, table["optimizer.momentum"], table["optimizer.beta1"])
    order = np.lexsort((table["seed"], momentum, table["batch"], np.round(np.log(rate), 3), ~sgd))
    found = [(~sgd).astype(float), np.log(rate), np.log(table["batch"]), -np.log1p(-momentum)]
    x = np.stack(found, axis=1)[order][::SEEDS]
    x = (x - x.min(0)) / np.ptp(x, axis=0)
    loss = np.asarray(table["loss"], float)[order].reshape(-1, SEEDS)
    # A run that diverged counts as the worst that ended.
    return x, np.log(np.where(np.isfinite(loss), loss, np.nanmax(loss)))


class Surrogate:
    """A Gaussian process over settings: an RBF with a length for each axis, and run noise.

    Lengths are searched for anew each time: from those of fewer runs one design in six stayed
    with a wrong one.

    Args:
        x: Settings of the runs seen, shape (m, 4).
        y: Their log losses, shape (m,).
    """

    def __init__(self, x: Array, y: Array) -> None:
        try:
            process = importlib.import_module("sklearn.gaussian_process")
        except ModuleNotFoundError:
            raise NotReached(
                "the Gaussian process is scikit-learn's, which is not installed"
            ) from None
        k = importlib.import_module("sklearn.gaussian_process.kernels")
        kernel = k.ConstantKernel(1.0, (1e-2, 1e2)) * k.RBF(np.full(x.shape[1], 0.5), (0.05, 20.0))
        kernel += k.WhiteKernel(0.05, (1e-4, 1.0))
        self.model: Any = process.GaussianProcessRegressor(kernel, normalize_y=True)
        with warnings.catch_warnings():
            # A length at the end of its range says that an axis does not matter.
            warnings.simplefilter("ignore")
            self.model.fit(x, y)
        self.noise = float(self.model.kernel_.k2.noise_level)

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean of log loss, and standard deviation of a run, each of shape (n,)."""
        found, spread = self.model.predict(x, return_std=True)
        return np.asarray(found), np.asarray(spread)

    def covariance(self, x: Array) -> Array:
        """Posterior covariance of the settings' means, in units of the losses', shape (n, n)."""
        _, found = self.model.predict(x, return_cov=True)
        scale = float(np.ravel(self.model._y_train_std)[0]) ** 2
        return np.asarray(found / scale - self.noise * np.eye(len(x)))


def exploring(x: Array, y: Array, rng: np.random.Generator) -> tuple[Index, Index, Surrogate]:
    """Runs chosen where they lessen the variance over all settings most; settings and seeds.

    Source: Sacks, Welch, Mitchell & Wynn 1989, "Design and Analysis of Computer Experiments",
    integrated variance.
    """
    cells = rng.permutation(y.size)[:FIRST]
    left = np.ones(y.size, bool)
    left[cells] = False
    chosen = [int(c) for c in cells]
    for end in ANEW[1:]:
        which = np.array(chosen)
        surrogate = Surrogate(x[which // SEEDS], y.ravel()[which])
        covariance = surrogate.covariance(x)
        while len(chosen) < end:
            free = left.reshape(y.shape).any(1)
            gain = (covariance**2).sum(1) / (np.diag(covariance) + surrogate.noise)
            at = int(np.argmax(np.where(free, gain, -np.inf)))
            seed = int(rng.choice(np.flatnonzero(left.reshape(y.shape)[at])))
            left[at * SEEDS + seed] = False
            chosen.append(at * SEEDS + seed)
            row = covariance[at]
            covariance = covariance - np.outer(row, row) / (row[at] + surrogate.noise)
    which = np.array(chosen)
    return which // SEEDS, which % SEEDS, Surrogate(x[which // SEEDS], y.ravel()[which])


def at_random(x: Array, y: Array, rng: np.random.Generator) -> tuple[Index, Index, Surrogate]:
    """As many runs drawn at random."""
    which = rng.permutation(y.size)[:SEEN]
    return which // SEEDS, which % SEEDS, Surrogate(x[which // SEEDS], y.ravel()[which])


def scores(x: Array, y: Array, found: tuple[Index, Index, Surrogate]) -> tuple[float, ...]:
    """Share of signs that are right, share of unseen runs covered, mean error in log loss."""
    from scipy.stats import norm

    setting, seed, surrogate = found
    guess, spread = surrogate.predict(x)
    truth = y.mean(1)
    half = len(x) // 2
    noise = np.sqrt(((y[:, 0] - y[:, 1]) ** 2).mean() / 2)
    gap = truth[half:] - truth[:half]
    told = np.abs(gap) > EXCEEDS * noise * np.sqrt(2 / SEEDS)
    right = np.sign(guess[half:] - guess[:half])[told] == np.sign(gap)[told]
    unseen = np.ones(y.shape, bool)
    unseen[setting, seed] = False
    z = float(norm.ppf(0.5 + 0.5 * LEVEL))
    inside = np.abs(y - guess[:, None]) <= z * spread[:, None]
    return float(right.mean()), float(inside[unseen].mean()), float(np.abs(guess - truth).mean())


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Surrogates of explored and of random runs, held against the whole grid."""
    made = configs(1000 + seed) if rerun else []
    table, data = runs("machine_learning_multiverse", made, rerun=rerun, progress=progress)
    rng = np.random.default_rng([seed, 2206])
    x, y = settings(table)
    if falsified:
        y = rng.permutation(y.ravel()).reshape(y.shape)
    explored, random = (
        np.array([scores(x, y, design(x, y, rng)) for _ in range(DESIGNS)])
        for design in (exploring, at_random)
    )
    return judge(
        {
            "signs_right": over_worlds(
                explored[:, 0],
                mean,
                seed=seed,
                what="share of settings where the surrogate says rightly which optimizer wins, "
                "of those where the grid tells",
                least=LEAST_RIGHT,
            ),
            "coverage": over_worlds(
                explored[:, 1],
                mean,
                seed=seed,
                what=f"share of unseen runs inside the {100 * LEVEL:g} % interval",
                least=COVERED[0],
                most=COVERED[1],
            ),
            "error_ratio": over_worlds(
                explored[:, 2] / random[:, 2].mean(),
                mean,
                seed=seed,
                what="mean error in log loss over that of random runs",
                most=1.0,
            ),
            "signs_right_random": over_worlds(
                random[:, 0], mean, seed=seed, what="the same share, random runs"
            ),
            "coverage_random": over_worlds(
                random[:, 1], mean, seed=seed, what="the same coverage, random runs"
            ),
            "error_random": over_worlds(
                random[:, 2], mean, seed=seed, what="mean error in log loss, random runs"
            ),
        },
        data,
    )


STUDY = Study(
    name="machine_learning_multiverse",
    papers=("Modeling the Machine Learning Multiverse",),
    claim="A Gaussian process over training choices, shown a fifth of the runs that it asked for "
    "itself, tells which claims hold in all of them, better than from as many random runs.",
    criteria=f"Of 400 runs {SEEN} chosen by integrated variance give a surrogate that names the "
    f"better optimizer in {LEAST_RIGHT} or more of the settings where the grid tells, whose "
    f"{100 * LEVEL:g} % intervals hold {COVERED[0]} to {COVERED[1]} of the unseen runs, and whose "
    "mean error is below that from random runs.",
    check=check,
    full="the grid trained anew, with other weights and orders of data (minutes), which needs "
    "torch",
    falsified="the runs have each other's losses",
    note="Perceptrons on 8 x 8 digits, nine passes over the data; optimizer, rate, batch, "
    "momentum, two seeds. Rates are in units of each optimizer's largest, so that a pair of "
    "settings is one of like ambition, not of like numbers. The paper chooses where the surrogate "
    "is least sure of its claim and asks also of large batches; here the variance over all "
    "settings is lessened, and the claim is of optimizers. Needs scikit-learn.",
)
