"""Mean errors of random-feature and kernel ridge regression from the task's eigenvalues.

Source: Simon, Karkada, Ghosh & Belkin 2023, "More is Better in Modern Machine Learning";
kernel regression is its limit of unlimited features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Risk:
    """Mean squared errors on train and test data, label noise included."""

    train: float
    test: float


def cut(spectrum: Array, freedom: float) -> float:
    """The gamma at which sum l/(l + gamma) equals `freedom`, which is below len(spectrum)."""
    from scipy.optimize import brentq

    def off(log_gamma: float) -> float:
        return float((spectrum / (spectrum + np.exp(log_gamma))).sum() - freedom)

    high = np.log(spectrum.sum() / freedom) + 1e-9
    low = high - 1.0
    while off(low) < 0:
        low -= 2.0
    return float(np.exp(brentq(off, low, high, xtol=1e-13)))


def risk(
    spectrum: Array,
    power: Array,
    *,
    width: float = np.inf,
    data: float = np.inf,
    ridge: float = 0.0,
    noise: float = 0.0,
) -> Risk:
    """Mean errors of ridge regression on random features of a task.

    Args:
        spectrum: Eigenvalues of the kernel, shape (modes,).
        power: Power of the target in each eigenfunction, shape (modes,).
        width: Random features; infinite for the kernel itself.
        data: Samples; infinite for the population.
        ridge: Added to the diagonal of the kernel matrix.
        noise: Variance of the label noise.
    """
    from scipy.optimize import brentq

    least = min(width, data)
    gamma = cut(spectrum, least) if least < len(spectrum) else 1e-300
    if ridge > 0 and np.isfinite(data):

        def over(log_gamma: float) -> float:
            g = np.exp(log_gamma)
            df = (spectrum / (spectrum + g)).sum()
            return float(data - df - ridge / (g * max(1 - df / width, 1e-300)))

        low = np.log(gamma)
        high = np.log(gamma + (ridge + spectrum.sum()) / data) + 1.0
        while over(high) < 0:
            high += 2.0
        gamma = float(np.exp(brentq(over, low, high, xtol=1e-13)))
    share = spectrum / (spectrum + gamma)
    z, q = float(share.sum()), float((share**2).sum())
    # kappa = gamma (1 - z/width); without ridge it vanishes where width is below data.
    kappa = gamma * max(1 - z / width, 0.0) if ridge > 0 or data <= width else 0.0
    per_gamma = kappa / gamma
    bias = power * (1 - share - per_gamma * share * (1 - share) / (1 - q / width))
    spread = ((q * (1 - 2 * z / width) + z**2 / width) / (1 - q / width)) / data
    test = float((bias.sum() + noise) / (1 - spread))
    train = (ridge / (data * kappa)) ** 2 * test if ridge > 0 else max(1 - z / data, 0) ** 2 * test
    return Risk(train=float(train), test=test)
