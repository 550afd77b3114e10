"""Networks memorise a number of bits in proportion to their parameters.

Source: An et al. 2024, "Physics in Next-token Prediction", first law of information capacity,
eta N = D (H - L). Random labels have one bit each that only memory can tell.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._adam import Adam
from forescale.studies._interval import RESAMPLES, number
from forescale.studies._recorded import simulated

Array = NDArray[np.float64]

INPUTS, WIDTHS = 8, (2, 4, 8, 16, 32)
PARAMS = np.array([w * (INPUTS + 2) + 1 for w in WIDTHS], float)
#: Labels to memorise: far more than the largest network can hold, and many more still.
LABELS = (1000, 2000)
#: Labels per parameter where they grow together.
EACH = 6
STEPS, LR, NETWORKS = 2000, 0.02, 4
OFF_EXPONENT, OFF = 0.1, 0.15
COLUMNS = ("taught", "labels", "width", "params", "network", "bits")


def bits(width: int, labels: int, taught: bool, rng: np.random.Generator) -> Array:
    """Labels times bits each that networks of one hidden layer learn of them, (NETWORKS,).

    Args:
        width: Hidden units.
        labels: Examples, all of them in every step.
        taught: Labels tell a half-space: there is a rule, and memory is not needed.
        rng: Source of chance.
    """
    x = rng.normal(size=(NETWORKS, labels, INPUTS)).astype(np.float32)
    sign = np.sign(x[..., 0]) if taught else rng.choice([-1.0, 1.0], (NETWORKS, labels))
    y = sign.astype(np.float32)
    w = rng.normal(0, (2 / INPUTS) ** 0.5, (NETWORKS, INPUTS, width)).astype(np.float32)
    b = rng.normal(0, 0.5, (NETWORKS, 1, width)).astype(np.float32)
    v = rng.normal(0, width**-0.5, (NETWORKS, width, 1)).astype(np.float32)
    c = np.zeros((NETWORKS, 1, 1), np.float32)
    adam = Adam([w, b, v, c], LR, STEPS)
    for _ in range(STEPS):
        z = x @ w + b
        hidden = np.maximum(z, 0)
        margin = y * (hidden @ v + c)[..., 0]
        pull = (-y / (1 + np.exp(np.clip(margin, -30, 30))))[..., None] / np.float32(labels)
        back = (pull @ v.transpose(0, 2, 1)) * (z > 0)
        adam.step(
            [
                x.transpose(0, 2, 1) @ back,
                back.sum(1, keepdims=True),
                hidden.transpose(0, 2, 1) @ pull,
                pull.sum(1, keepdims=True),
            ]
        )
    margin = y * (np.maximum(x @ w + b, 0) @ v + c)[..., 0]
    loss = np.logaddexp(0, -margin.astype(float)).mean(1) / np.log(2)
    return np.asarray(labels * (1 - loss))


def measured(seed: int) -> Iterator[tuple[float, ...]]:
    """Rows of `COLUMNS`: every width, with random labels and with taught ones."""
    for taught, count in ((False, LABELS[0]), (False, LABELS[1]), (True, LABELS[0]), (False, 0)):
        for width, params in zip(WIDTHS, PARAMS, strict=True):
            labels = count or int(EACH * params)
            rng = np.random.default_rng([seed, labels, width, int(taught)])
            for i, found in enumerate(bits(width, labels, taught, rng)):
                yield float(taught), labels, width, params, i, found


def exponent(bits: Array) -> Array:
    """Exponents of parameters in bits memorised, of the rows of bits."""
    return np.asarray(np.polyfit(np.log(PARAMS), np.log(bits).T, 1)[0])


def forecast(bits: Array) -> Array:
    """Relative error of the largest network's bits by the others' bits per parameter."""
    capacity = (bits[..., :-1] / PARAMS[:-1]).mean(-1)
    return np.asarray(capacity * PARAMS[-1] / bits[..., -1] - 1)


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Exponent of memorised bits in parameters, and the largest network forecast."""
    table, data = simulated(
        "memorised_bits",
        COLUMNS,
        measured,
        what="networks",
        rerun=rerun,
        seed=seed,
        progress=progress,
    )
    rng = np.random.default_rng([seed, 2411])
    numbers = {}

    def means(labels: float | Array) -> tuple[Array, Array]:
        of = (table["taught"] == float(falsified)) & (table["labels"] == labels)
        got = np.array([table["bits"][of & (table["width"] == w)] for w in WIDTHS])
        chosen = rng.integers(0, got.shape[1], (RESAMPLES, *got.shape))
        return got.mean(1), np.take_along_axis(got[None], chosen, 2).mean(2)

    for labels in LABELS[:1] if falsified else LABELS:
        whole, drawn = means(labels)
        numbers[f"exponent_{labels}"] = number(
            float(exponent(whole)),
            exponent(drawn),
            what=f"exponent of parameters in the bits memorised of {labels}",
            least=1 - OFF_EXPONENT,
            most=1 + OFF_EXPONENT,
        )
        numbers[f"forecast_off_{labels}"] = number(
            float(forecast(whole)),
            forecast(drawn),
            what="bits of the largest network by the smaller ones' bits per parameter, "
            "relative error",
            least=-OFF,
            most=OFF,
        )
        for p, m, d in zip(PARAMS, whole, drawn.T, strict=True):
            numbers[f"capacity_{labels}_{p:.0f}"] = number(
                m / p, d / p, unit="bits/parameter", what=f"with {p:.0f} parameters"
            )
    if not falsified:
        whole, drawn = means(EACH * table["params"])
        numbers["exponent_together"] = number(
            float(exponent(whole)),
            exponent(drawn),
            what=f"the exponent where there are {EACH} labels for each parameter",
        )
    return judge(numbers, data)


STUDY = Study(
    name="memorised_bits",
    papers=("Physics in Next-token Prediction",),
    claim="What a network takes out of its data, D (H - L), is a number of bits in proportion to "
    "its parameters.",
    criteria=f"On random labels the bits memorised grow with the parameters to a power of 1 "
    f"within {OFF_EXPONENT}, and bits per parameter of the smaller networks forecast the largest "
    f"one within {OFF:.0%}, for {LABELS[0]} labels and for {LABELS[1]}.",
    check=check,
    full="all networks trained anew (minutes)",
    falsified="the labels follow a rule: any network takes all of them",
    note="Small networks of one hidden layer and labels without structure, not language models; "
    "the paper's second law, of energy, is not tested. All networks see the same number of "
    "labels, since labels in proportion to parameters would give an exponent of one in any world "
    "(exponent_together). Bits per parameter rise with the share of labels that can be held and "
    "are least in the narrowest networks, which train worst: a number of bits in proportion to "
    "parameters holds to some ten or twenty per cent here, not to the limits set, which were set "
    "before the runs.",
)
