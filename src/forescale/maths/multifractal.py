"""How unevenly mass lies at all scales: mass exponents and the multifractal spectrum.

Sources: Halsey et al. 1986, "Fractal measures and their singularities" (the spectrum); Tel,
Fulop & Vicsek 1989 (boxes grown around points); Song et al. 2015, "Multifractal analysis of
weighted networks by a modified sandbox algorithm" (on shortest paths); Chhabra & Jensen 1989
(slopes without a numerical derivative).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.errors import BadOption

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Spectrum:
    """A multifractal spectrum, one entry a moment.

    Args:
        q: Moments, rising.
        tau: Mass exponents: the mean of M(r)^(q - 1) goes as r^tau(q).
        alpha: Their derivative, the exponent of the mass around the points that rule a moment.
        f: q alpha - tau, the dimension of the set of those points.
    """

    q: Array
    tau: Array
    alpha: Array
    f: Array

    @property
    def width(self) -> float:
        """Largest less smallest alpha: how heterogeneous; 0 where all points are alike."""
        return float(self.alpha.max() - self.alpha.min())

    @property
    def location(self) -> float:
        """The alpha at which f is largest: of the points that are most."""
        return float(self.alpha[self.f.argmax()])


def grown(distances: ArrayLike, radii: ArrayLike, weights: ArrayLike | None = None) -> Array:
    """Share of all mass within each radius of each centre, shape (centres, radii).

    Args:
        distances: From centres to points, shape (centres, points); inf where there is no way.
        radii: Shape (radii,).
        weights: Mass of each point, shape (points,); None for equal ones.
    """
    d = np.asarray(distances, float)
    mass = np.ones(d.shape[1]) if weights is None else np.asarray(weights, float)
    mass = mass / mass.sum()
    within = [(d <= r) @ mass for r in np.asarray(radii, float)]
    return np.stack(within, axis=1)


def spectrum(
    masses: ArrayLike, radii: ArrayLike, q: ArrayLike, weights: ArrayLike | None = None
) -> Spectrum:
    """The spectrum from masses of boxes grown around centres.

    Exponents are slopes of least squares over log radius, and those of alpha are exact
    derivatives of those of tau.

    Args:
        masses: Within each radius of each centre, shape (centres, radii), above 0.
        radii: Shape (radii,), two or more that differ.
        q: Moments, shape (moments,).
        weights: How often each centre is drawn, shape (centres,): its own mass where points have
            different ones; None for equally often.

    Raises:
        BadOption: If a mass is not above 0, or there are not two radii.
    """
    m, r, moments = (np.asarray(v, float) for v in (masses, radii, q))
    if len(r) < 2 or np.ptp(r) == 0:
        raise BadOption(
            f"{len(r)} radii show no slope", where="radii", fix="give two that differ, or more"
        )
    if not (m > 0).all():
        raise BadOption(
            f"a mass is {m.min():g}", where="masses", fix="let every box hold its centre"
        )
    p = np.ones(len(m)) if weights is None else np.asarray(weights, float)
    logs = np.log(m)
    # Moments, centres, radii; the largest power is taken out before it is exponentiated.
    powers = (moments[:, None, None] - 1) * logs + np.log(p / p.sum())[None, :, None]
    most = powers.max(1, keepdims=True)
    terms = np.exp(powers - most)
    total = terms.sum(1)
    held = (terms * logs).sum(1) / total
    tau = slopes(np.log(r), np.log(total) + most[:, 0])
    alpha = slopes(np.log(r), held)
    return Spectrum(moments, tau, alpha, moments * alpha - tau)


def slopes(x: Array, y: Array) -> Array:
    """Slopes of the rows of y over x, shape (rows,)."""
    lean = x - x.mean()
    return np.asarray(y @ lean / (lean @ lean))
