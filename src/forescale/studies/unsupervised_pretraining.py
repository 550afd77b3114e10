"""Pretraining splits the risk: unlabelled data pay for the representation, labels for the head.

Source: Ge, Tang, Fan & Jin 2023, "On the Provable Advantage of Unsupervised Pretraining".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._exponent import exponent
from forescale.studies._interval import mean, over_worlds

Array = NDArray[np.float64]

INPUTS, FACTORS, NOISE = 60, 4, 0.5
LABELS = (40, 80, 160, 320, 640, 1280)
UNLABELLED = (150, 300, 600, 1200, 2400, 4800)
PLENTY = 100_000
COMPARED = 160
OFF, LEAST_GAIN = 0.2, 5.0


def moments(m: int, root: Array, rng: np.random.Generator) -> Array:
    """Sample covariance of m normal inputs by Bartlett's decomposition, shape (inputs, inputs)."""
    lower = np.tril(rng.normal(size=root.shape), -1)
    lower[np.diag_indices(INPUTS)] = np.sqrt(rng.chisquare(m - np.arange(INPUTS)))
    half = root @ lower
    return np.asarray(half @ half.T / m)


def risks(n: int, m: int, rng: np.random.Generator, falsified: bool) -> tuple[float, float]:
    """Excess risk with pretraining and of labels alone, of one world.

    Inputs are factors seen through a random orthonormal frame, plus unit noise; the label is a
    function of the factors' directions. Pretraining takes the leading principal directions of m
    unlabelled inputs, and least squares in them n labelled ones.

    Args:
        n: Labelled inputs; 0 for unlimited.
        m: Unlabelled inputs.
        rng: Draws the world and its data.
        falsified: The label hangs on directions outside the factors.
    """
    frame = np.linalg.qr(rng.normal(size=(INPUTS, 2 * FACTORS)))[0]
    cov = np.eye(INPUTS) + 4.0 * frame[:, :FACTORS] @ frame[:, :FACTORS].T
    root = np.linalg.cholesky(cov)
    used = frame[:, FACTORS:] if falsified else frame[:, :FACTORS]
    head = used @ (rng.normal(size=FACTORS) / np.sqrt(FACTORS))
    found = np.linalg.eigh(moments(m, root, rng))[1][:, -FACTORS:]
    if n == 0:
        gram, cross = cov, cov @ head
    else:
        x = rng.normal(size=(n, INPUTS)) @ root.T
        y = x @ head + np.sqrt(NOISE) * rng.normal(size=n)
        gram, cross = x.T @ x, x.T @ y
    two_step = found @ np.linalg.solve(found.T @ gram @ found, found.T @ cross)
    # Fewer labels than inputs: the least of the many perfect fits.
    direct = np.linalg.lstsq(gram, cross, rcond=1e-10)[0]
    off, alone = two_step - head, direct - head
    return float(off @ cov @ off), float(alone @ cov @ alone)


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Measure the excess risk in labels with plenty of unlabelled data, and the other way."""
    worlds = 400 if rerun else 60
    rng = np.random.default_rng([seed, 2303])
    progress(f"{worlds} worlds at {len(LABELS)} numbers of labels, {len(UNLABELLED)} without")
    in_labels = np.array(
        [[risks(n, PLENTY, rng, falsified) for _ in range(worlds)] for n in LABELS]
    )
    in_unlabelled = np.array(
        [[risks(0, m, rng, falsified)[0] for _ in range(worlds)] for m in UNLABELLED]
    )
    at = in_labels[LABELS.index(COMPARED)]
    return judge(
        {
            "labels": exponent(
                LABELS,
                in_labels[:, :, 0].mean(1),
                seed=seed,
                least=1 - OFF,
                most=1 + OFF,
                what="exponent of the excess risk in labelled samples, plenty unlabelled",
            ),
            "unlabelled": exponent(
                UNLABELLED,
                in_unlabelled.mean(1),
                seed=seed,
                least=1 - OFF,
                most=1 + OFF,
                what="exponent of the excess risk in unlabelled samples, plenty of labels",
            ),
            "gain": over_worlds(
                np.log(at[:, 1] / at[:, 0]),
                mean,
                seed=seed,
                least=np.log(LEAST_GAIN),
                what=f"log of the excess risk without pretraining over that with it, {COMPARED} "
                "labels",
            ),
        },
        f"simulation: {worlds} worlds of {INPUTS} inputs and {FACTORS} factors at each size",
    )


STUDY = Study(
    name="unsupervised_pretraining",
    papers=("On the Provable Advantage of Unsupervised Pretraining",),
    claim="With pretraining the excess risk is one term in unlabelled data plus one in labels, "
    "each falling as its inverse, and labels alone do far worse.",
    criteria=f"Both exponents are within {OFF} of 1, and at {COMPARED} labels the excess risk "
    f"without pretraining is {LEAST_GAIN:g} times larger or more.",
    check=check,
    full="400 worlds at each size instead of 60",
    falsified="labels that hang on directions outside the factors",
    note="Principal components and least squares in a linear factor model. The bound's rate in "
    "the listing is 1/m + 1/n; squared losses of a regular model do fall so, and the square "
    "roots of the general bound are not tested.",
)
