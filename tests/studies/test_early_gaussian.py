"""Clones have the moments they are said to have, and one start is trained in all worlds."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies import early_gaussian as study
from forescale.studies._dense import begun
from forescale.studies._digits import Split


def images(n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    x = rng.exponential(size=(n, 3)) @ np.array([[1.0, 0.5, 0], [0, 1, 0.5], [0, 0, 1]])
    return (x + 4 * y[:, None]).astype(np.float32), y


@pytest.mark.parametrize("isotropic", [False, True])
def test_a_clone_keeps_means_and_of_the_covariance_what_it_should(isotropic: bool) -> None:
    x, y = images()
    found = study.clone(np.random.default_rng(1), x, y, isotropic)
    for c in (0, 1):
        np.testing.assert_allclose(found[y == c].mean(0), x[y == c].mean(0), atol=0.12)
        covariance = np.cov(x[y == c].T)
        if isotropic:
            covariance = np.eye(3) * np.trace(covariance) / 3
        np.testing.assert_allclose(np.cov(found[y == c].T), covariance, atol=0.2)
    # Exponential images are skewed, Gaussian ones are not.
    centred = found[y == 0] - found[y == 0].mean(0)
    assert np.abs((centred**3).mean(0)).max() < 0.3


def test_equal_worlds_have_equal_curves_and_learning_lowers_them() -> None:
    x, y = images(200)
    data = Split(x, y, x[:50], y[:50])
    params = begun(np.random.default_rng(2), 2, (3, 8, 2))
    worlds = np.broadcast_to(x, (2, 2, *x.shape))
    found = study.curves(np.random.default_rng(3), params, worlds, data, 5 * study.EVERY)
    assert found.shape == (6, 2, 2)
    np.testing.assert_allclose(found[:, 0], found[:, 1], rtol=1e-4)
    assert (found[-1] < found[0]).all()
