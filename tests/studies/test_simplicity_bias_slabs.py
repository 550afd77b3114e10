"""Networks on slabs: what randomising must and must not change."""

from __future__ import annotations

import numpy as np

from forescale.studies.simplicity_bias_slabs import accuracies


def test_without_training_randomising_changes_nothing() -> None:
    found = accuracies(np.random.default_rng(0), worlds=2, dims=4, examples=50, steps=0)
    assert all(np.abs(a - 0.5).max() < 0.2 for a in found.values())


def test_with_only_the_simple_coordinate_to_learn_it_is_relied_on() -> None:
    found = accuracies(np.random.default_rng(1), worlds=2, dims=2, examples=500, steps=60)
    assert found["none"].min() > 0.97
    assert found["complex"].min() > 0.97
    assert found["simple"].max() < 0.6
