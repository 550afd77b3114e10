"""Pieces of the study: spheres, boxes, and the width of its Gaussian."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from forescale.studies import noise_resilient_entropy as study  # noqa: E402

pytestmark = pytest.mark.lab


def test_a_sphere_has_radius_one_in_its_dimensions_and_noise_in_all():
    rng = np.random.default_rng(0)
    clean = study.sphere(rng, 4, noise=0)
    np.testing.assert_allclose(np.linalg.norm(clean, axis=1), 1)
    assert not clean[:, 4:].any()
    assert study.sphere(rng, 4)[:, 4:].std() == pytest.approx(study.NOISE, rel=0.02)


def test_bins_count_boxes_in_bits():
    corners = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    assert study.binned(np.repeat(corners, 5, axis=0)) == pytest.approx(2)
    assert study.binned(np.ones((8, 3))) == 0
    # With noise in many dimensions every point has a box of its own.
    cloud = study.sphere(np.random.default_rng(0), 2)
    assert study.binned(cloud) == pytest.approx(math.log2(study.POINTS))


def test_diffusion_is_blind_to_scale_and_sees_the_dimension():
    rng = np.random.default_rng(0)
    small, large = study.sphere(rng, 2), study.sphere(rng, 16)
    assert study.diffused(3 * small) == pytest.approx(study.diffused(small))
    assert study.diffused(large) > study.diffused(small) + 0.5
    assert study.rise([1.0, 3.0, 3.5]) == 0.5
