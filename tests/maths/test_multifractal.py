"""Multifractal spectra: known ones of cascades and of what is even, and a plain twin."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.errors import BadOption
from forescale.maths.multifractal import grown, spectrum

Q = np.linspace(-20, 20, 41)


def cascade(levels, p):
    """Mass of the cells of a line that was halved again and again, p of it to the left."""
    mass = np.ones(1)
    for _ in range(levels):
        mass = np.stack([p * mass, (1 - p) * mass], 1).ravel()
    return mass


def halved(levels):
    """Distances of cells: the width of the smallest half that holds both."""
    cell = np.arange(2**levels)
    apart = cell[:, None] ^ cell
    return np.where(apart, 2.0 ** (np.frexp(apart)[1] - levels), 0.0)


@pytest.mark.parametrize("p", [0.2, 0.3, 0.4])
def test_a_binomial_cascade_has_its_analytic_spectrum(p):
    mass, radii = cascade(8, p), 2.0 ** -np.arange(1, 8)
    found = spectrum(grown(halved(8), radii, mass), radii, Q, mass)
    assert found.alpha.min() == pytest.approx(-np.log2(1 - p), rel=0.05)
    assert found.alpha.max() == pytest.approx(-np.log2(p), rel=0.05)
    np.testing.assert_allclose(found.tau, -np.log2(p**Q + (1 - p) ** Q), rtol=1e-9, atol=1e-9)
    assert found.f.max() == pytest.approx(1.0)
    assert found.location == pytest.approx(-np.log2(p * (1 - p)) / 2)


def test_the_same_cascade_on_a_line_comes_back_within_a_tenth():
    mass, radii = cascade(11, 0.3), 2.0 ** -np.arange(4, 9)
    x = np.arange(2**11) / 2**11
    found = spectrum(grown(np.abs(x[:, None] - x), radii, mass), radii, Q, mass)
    assert found.alpha.min() == pytest.approx(-np.log2(0.7), rel=0.1)
    assert found.alpha.max() == pytest.approx(-np.log2(0.3), rel=0.1)


@pytest.mark.parametrize("dimension", [1, 2])
def test_what_is_even_has_no_width_and_its_own_dimension(dimension):
    side = (2000, 60)[dimension - 1]
    axes = np.meshgrid(*[np.arange(side)] * dimension)
    points = np.stack([a.ravel() for a in axes], 1)
    centre = points[(np.abs(points - side // 2) < 10).all(1)]
    # On a torus of an odd number of neighbours every centre is alike.
    apart = np.abs(centre[:, None] - points[None]).max(2)
    radii = np.array([4, 8, 16, 19]) + 0.5
    found = spectrum(grown(apart, radii), radii, Q)
    assert found.width == pytest.approx(0, abs=1e-9)
    assert found.location == pytest.approx(dimension, rel=0.05)


def test_it_is_the_plain_sum_and_its_numerical_derivative():
    rng = np.random.default_rng(0)
    points, mass = rng.normal(size=(50, 2)), rng.random(50)
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    radii, q = np.array([0.5, 1.0, 2.0]), np.array([-3.0, 0.5, 2.0])
    found = spectrum(grown(apart, radii, mass), radii, q, mass)

    def tau(moment):
        logs = []
        for r in radii:
            total = 0.0
            for i in range(50):
                inside = sum(mass[j] for j in range(50) if apart[i, j] <= r) / mass.sum()
                total += mass[i] / mass.sum() * inside ** (moment - 1)
            logs.append(np.log(total))
        return np.polyfit(np.log(radii), logs, 1)[0]

    np.testing.assert_allclose(found.tau, [tau(v) for v in q])
    step = 1e-5
    slopes = [(tau(v + step) - tau(v - step)) / (2 * step) for v in q]
    np.testing.assert_allclose(found.alpha, slopes, rtol=1e-5)
    np.testing.assert_allclose(found.f, q * found.alpha - found.tau)


def test_a_spectrum_does_not_depend_on_the_unit_of_length():
    points = np.random.default_rng(1).normal(size=(40, 3))
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    radii = np.geomspace(0.5, 4, 6)
    one, other = (spectrum(grown(k * apart, k * radii), k * radii, Q) for k in (1.0, 4.0))
    np.testing.assert_allclose(one.alpha, other.alpha)


def test_large_moments_do_not_overflow():
    mass, radii = cascade(8, 0.01), 2.0 ** -np.arange(1, 8)
    found = spectrum(grown(halved(8), radii, mass), radii, [-300.0, 300.0], mass)
    assert np.isfinite(found.tau).all()


def test_what_has_no_slope_is_refused():
    with pytest.raises(BadOption, match="slope"):
        spectrum(np.ones((3, 2)), [1.0, 1.0], [0.0])
    with pytest.raises(BadOption, match="mass"):
        spectrum(np.zeros((3, 2)), [1.0, 2.0], [0.0])
