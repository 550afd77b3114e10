"""A start and a power law in two inputs, fitted in logs to many resamples at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEPS = 60
#: A step in which no sum of squares falls by this share is the last.
GAIN = 1e-9
#: The weight, in runs, of a broad guess that holds exponents which resamples leave free.
HOLD = 1e-3


def growth(x: Array, u: Array, y: Array, weights: Array) -> Array:
    """Parameters of y = log(e^start + e^(height + rate * u + size * x)), shape (k, 4).

    Damped Gauss-Newton steps, each resample with a damping of its own.

    Args:
        x: Log size, shape (n,).
        u: Log rate, shape (n,).
        y: Log of what grows, shape (n,).
        weights: Times that each run counts, shape (k, n).
    """
    centre = np.array([u.mean(), x.mean()])
    du, dx = u - centre[0], x - centre[1]
    low, high = np.quantile(y, [0.1, 0.6])
    first = np.array([low, high, 1.0, 0.5])
    theta = np.tile(first, (len(weights), 1))
    damp = np.full(len(weights), 1e-2)

    def parts(t: Array) -> tuple[Array, Array]:
        """Residuals, shape (k, n), and the share of the growing part, same shape."""
        grown = t[:, 1:2] + t[:, 2:3] * du + t[:, 3:4] * dx
        both = np.logaddexp(t[:, :1], grown)
        return y - both, np.exp(grown - both)

    def cost(t: Array) -> Array:
        held = HOLD * ((t - first) ** 2).sum(1)
        return np.asarray((weights * parts(t)[0] ** 2).sum(1) + held)

    now = cost(theta)
    for _ in range(STEPS):
        off, share = parts(theta)
        jac = np.stack([1 - share, share, share * du, share * dx], axis=2)
        weighed = weights[:, :, None] * jac
        turned = weighed.transpose(0, 2, 1)
        normal = turned @ jac + HOLD * np.eye(4)
        pull = (turned @ off[:, :, None])[:, :, 0] - HOLD * (theta - first)
        stretch = damp[:, None] * np.einsum("kii->ki", normal)
        step = np.linalg.solve(normal + stretch[:, :, None] * np.eye(4), pull[:, :, None])[:, :, 0]
        then = cost(theta + step)
        better = then < now
        gained = float(np.max(np.where(better, now - then, 0.0) / now))
        theta = np.where(better[:, None], theta + step, theta)
        now = np.where(better, then, now)
        damp = np.clip(np.where(better, damp / 3, damp * 4), 1e-9, 1e6)
        if better.any() and gained < GAIN:
            break
    theta[:, 1] -= theta[:, 2] * centre[0] + theta[:, 3] * centre[1]
    return theta
