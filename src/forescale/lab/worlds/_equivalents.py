"""Deterministic equivalents of random matrices with a given spectrum, and Laplace inversion.

Everything follows from one scalar. For A of shape (m, M) and Psi of shape (D, M), independent
entries of unit variance, the resolvent of (A' A / m) L^(1/2) (Psi' Psi / D) L^(1/2) at -z acts
like that of the diagonal matrix L with z replaced by kappa:

    z = kappa (1 - df(kappa)/m) (1 - df(kappa)/D),   df(kappa) = sum_k l_k/(l_k + kappa)

Source: Bordelon, Atanasov & Pehlevan 2024, "A Dynamical Model of Neural Scaling Laws", whose
response functions are R3 = 1 - df/m and R1 = 1 - df/D; Weideman & Trefethen 2007 for the
contour.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

#: Nodes of the contour: the rule errs by about 2.85^-NODES.
NODES = 16
_ANGLE = (np.arange(NODES) + 0.5) * 2 * np.pi / NODES - np.pi
_SHAPE = NODES * (0.1309 - 0.1194 * _ANGLE**2 + 0.25j * _ANGLE)
_TURN = NODES * (-0.2388 * _ANGLE + 0.25j)
#: f(t) = real(sum(WEIGHTS * F(SHAPE/t)))/t for the Laplace transform F of f.
WEIGHTS: Complex = np.exp(_SHAPE) * _TURN / (1j * NODES)
#: Largest step of log z while kappa is followed from infinity.
_STEP = np.log(4.0)


def nodes(t: float) -> Complex:
    """Where the Laplace transform is needed to know its function at time t, shape (NODES,)."""
    return np.asarray(_SHAPE / t)


def powers(count: int, exponent: float) -> Array:
    """k^-exponent for k = 1..count, shape (count,)."""
    return np.asarray(np.arange(1.0, count + 1) ** -exponent)


def freedom(kappa: Complex | Array, spectrum: Array) -> tuple[Complex, Complex]:
    """Degrees of freedom sum l/(l + kappa) and their derivative, each of the shape of kappa."""
    share = spectrum / (spectrum + np.asarray(kappa)[..., None])
    return share.sum(-1), -(share / (spectrum + np.asarray(kappa)[..., None])).sum(-1)


def kappas(times: Array, spectrum: Array, width: float = np.inf, data: float = np.inf) -> Complex:
    """The kappa at the contour's nodes of each time, shape (times, NODES).

    All nodes shrink as 1/t along rays from the origin, on which kappa is analytic; so it is
    followed from early times, where kappa = z, by Newton's method.
    """
    order = np.argsort(times)
    half = NODES // 2
    out = np.empty((len(times), NODES), complex)
    # Earlier than every rate: kappa is z there, but for a shift of order sum(l)/width.
    now = 1e-3 / spectrum.sum()
    kappa = nodes(now)[:half]
    slope = np.ones(half, complex)
    for i in order:
        steps = max(1, int(np.ceil(np.log(times[i] / now) / _STEP)))
        for t in np.geomspace(now, times[i], steps + 1)[1:]:
            z = nodes(t)[:half]
            kappa = kappa * (now / t) ** slope
            for _ in range(30):
                df, ddf = freedom(kappa, spectrum)
                r3, r1 = 1 - df / width, 1 - df / data
                value = kappa * r3 * r1
                rise = r3 * r1 - kappa * ddf * (r1 / width + r3 / data)
                change = (z - value) / (kappa * rise)
                kappa = kappa * np.exp(change)
                if np.abs(change).max() < 1e-10:
                    break
            slope, now = z / (kappa * rise), float(t)
        # The other half of the contour is the mirror image of the first.
        out[i] = np.concatenate([kappa, kappa[::-1].conj()])
    return out


def invert(transform: Complex, t: float) -> float:
    """The function at time t whose Laplace transform has these values at `nodes(t)`."""
    return float((WEIGHTS * transform).sum().real / t)


def invert_twice(transform: Complex, t: float) -> float:
    """The function of two times at (t, t), from its transform of shape (NODES, NODES)."""
    return float((WEIGHTS @ transform @ WEIGHTS).real / t**2)
