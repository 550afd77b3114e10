"""Quasi-random points cover the cube more evenly than random ones."""

import numpy as np
import pytest

from forescale.maths.sequences import kronecker


@pytest.mark.parametrize("dimensions", [1, 2, 3, 5, 9])
def test_points_lie_in_the_unit_cube_and_differ(dimensions):
    x = kronecker(500, dimensions)
    assert x.shape == (500, dimensions)
    assert ((x >= 0) & (x < 1)).all()
    assert len(np.unique(x.round(9), axis=0)) == 500


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_every_coordinate_is_covered_better_than_by_chance(dimensions):
    n = 256
    x = np.sort(kronecker(n, dimensions), axis=0)
    # Kolmogorov's distance from uniform: random points have about 0.87/sqrt(n) = 0.054.
    distance = np.abs(x - (np.arange(n)[:, None] + 0.5) / n).max()
    assert distance < 0.03


def test_a_mean_over_the_plane_converges_faster_than_by_chance():
    x = kronecker(1024, 2)
    error = abs(np.cos(x.sum(1)).mean() - (2 * np.cos(1) - np.cos(2) - 1))
    assert error < 2e-3  # a random sample errs by about 0.01


def test_the_same_seed_gives_the_same_points_and_another_seed_others():
    np.testing.assert_array_equal(kronecker(20, 3, seed=4), kronecker(20, 3, seed=4))
    assert not np.allclose(kronecker(20, 3, seed=4), kronecker(20, 3, seed=5))


def test_the_first_points_do_not_depend_on_how_many_follow():
    np.testing.assert_array_equal(kronecker(10, 3), kronecker(99, 3)[:10])
