"""Manifolds and labels of the study: what is planted is measured."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from forescale.studies import intrinsic_dataset_properties as study  # noqa: E402

pytestmark = pytest.mark.lab


def made(dimension, frequency, seed=0):
    rng = np.random.default_rng(seed)
    return study.task(rng, dimension, frequency, study.TRAIN + study.TEST)


def test_examples_lie_on_a_manifold_and_labels_halve_them():
    inputs, labels = made(3, 1.0)
    # Three circles of radius two: six coordinates, no more.
    assert np.linalg.matrix_rank(inputs) == 6
    np.testing.assert_allclose(np.linalg.norm(inputs, axis=1), 2 * np.sqrt(3))
    assert labels.mean() == 0.5


def test_a_run_sees_the_dimension_and_more_waves_are_sharper():
    calm, wild = (study.run(0, *made(2, f), steps=40) for f in (0.5, 3.0))
    assert calm.data == pytest.approx(2, abs=0.2)
    assert calm.typical < wild.typical
    assert calm.error < wild.error
    assert calm.largest >= calm.typical
