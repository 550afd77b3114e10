"""The parts of the study of gradient coherence."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies import gradient_coherence as study


@pytest.mark.parametrize(("part", "least", "most"), [(0.0, 0, 0), (0.5, 0.3, 0.5), (1, 0.8, 1)])
def test_a_part_of_the_labels_is_permuted_and_none_is_lost(part, least, most):
    labels = np.arange(500) % 10
    new = study.spoiled(np.random.default_rng(0), labels, part)
    assert (np.bincount(new) == np.bincount(labels)).all()
    assert least <= (new != labels).mean() <= most


@pytest.mark.lab
def test_equal_examples_help_each_other_fully_and_each_step_is_read():
    pytest.importorskip("torch")
    x, y = np.ones((8, 4), np.float32), np.full(8, 3)
    found = study.coherence(0, x, y)
    assert found.shape == (len(study.EARLY) + 1,)
    np.testing.assert_allclose(found, 8, rtol=1e-4)
