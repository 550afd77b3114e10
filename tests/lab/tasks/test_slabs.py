"""What each coordinate of the slabs tells, and what is left of it after randomising."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.errors import BadOption

pytestmark = pytest.mark.lab


def by_slab(x, slabs: int):
    """Class that the slabs say: 1 in every second, from a plain look at the place."""
    width = 2 / (2 * slabs - 1)
    number = np.floor((x / np.sqrt(3) + 1) / (2 * width) + 1e-12).astype(int)
    return number % 2


@pytest.mark.parametrize("slabs", [3, 5, 7])
def test_every_coordinate_tells_the_class_and_no_straight_cut_of_a_slab_does(slabs: int) -> None:
    from forescale.lab.tasks.slabs import draw

    x, y = draw(np.random.default_rng(0), 20_000, dims=4, slabs=slabs, noise=0.0)
    np.testing.assert_array_equal(x[:, 0] > 0, y == 1)
    for k in (1, 2, 3):
        np.testing.assert_array_equal(by_slab(x[:, k], slabs), y)
        assert abs(np.corrcoef(x[:, k], y)[0, 1]) < 0.03
    # Coordinates are independent given the class.
    within = np.corrcoef(x[y == 1].T) - np.eye(4)
    assert np.abs(within).max() < 0.05
    assert 0.5 < x.std(0).min() < x.std(0).max() < 1.6


def test_noise_flips_half_its_share_of_the_simple_coordinate() -> None:
    from forescale.lab.tasks.slabs import draw

    x, y = draw(np.random.default_rng(1), 20_000, dims=2, slabs=5, noise=0.2)
    assert ((x[:, 0] > 0) == y).mean() == pytest.approx(0.9, abs=0.01)


def test_randomising_keeps_each_distribution_and_what_the_other_part_tells() -> None:
    from forescale.lab.tasks.slabs import draw, randomised

    rng = np.random.default_rng(2)
    x, y = draw(rng, 4000, dims=3, slabs=5, noise=0.0)
    for which, told, lost in (("simple", [1, 2], [0]), ("complex", [0], [1, 2])):
        new = randomised(rng, x, which)
        np.testing.assert_array_equal(np.sort(new, axis=0), np.sort(x, axis=0))
        np.testing.assert_array_equal(new[:, told], x[:, told])
        for k in lost:
            say = by_slab(new[:, k], 5) if k else new[:, k] > 0
            assert (say == y).mean() == pytest.approx(0.5, abs=0.04)
    np.testing.assert_array_equal(randomised(rng, x, "none"), x)


def test_what_makes_no_slabs_is_refused(torch) -> None:
    from forescale.lab.tasks import get

    for stray in ({"slabs": 4}, {"dims": 1}, {"judged": "all"}):
        with pytest.raises(BadOption):
            get("slabs").data(**stray)
