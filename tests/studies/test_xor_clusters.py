"""The path in the span of the examples is the network's own, and one step is what theory says."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.lab.tasks.xor_clusters import draw
from forescale.studies import xor_clusters as study


def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x, which = draw(rng, 20, 50, 5.0)
    weights = 0.1 * rng.standard_normal((8, 50), dtype=np.float32)
    return x, 2.0 * which - 1, weights


def test_the_path_in_the_span_is_that_of_the_weights_themselves() -> None:
    x, y, weights = drawn()
    found = study.descend(study.kernels(x, 12, weights), y[:12], steps=5, lr=0.1)
    w, readout = np.asarray(weights, float), np.where(np.arange(8) % 2, 1, -1) / np.sqrt(8)
    for step in range(6):
        hidden = w @ x.T
        out = readout @ np.maximum(hidden, 0)
        np.testing.assert_allclose(found[step], out, atol=1e-4)
        grad = np.zeros_like(w)
        for i in range(12):
            slope = -y[i] / (1 + np.exp(y[i] * out[i])) / 12
            for j in range(8):
                grad[j] += slope * readout[j] * (hidden[j, i] > 0) * x[i]
        w -= 0.1 * grad


def test_from_outputs_of_nothing_one_step_moves_weights_by_half_the_labels() -> None:
    x, y, weights = drawn()
    k = study.kernels(x, 12, np.float32(1e-8) * weights)
    out = study.descend(k, y[:12], steps=1, lr=0.1)
    moved = 0.1 * ((k.start[:, :12] > 0) * y[:12] / 24) @ k.gram
    readout = np.where(np.arange(8) % 2, 1, -1) / np.sqrt(8)
    np.testing.assert_allclose(
        out[1], readout @ np.maximum(readout[:, None] * moved, 0), rtol=1e-4, atol=1e-8
    )


def test_clusters_are_balanced_and_no_linear_rule_knows_them() -> None:
    x, which = draw(np.random.default_rng(1), 400, 2, 10.0)
    nearest = np.abs(x).argmax(1)
    assert (nearest == which).mean() > 0.99
    for axis in (0, 1):
        signs = np.sign(x[which == axis, axis])
        assert (which == axis).sum() == 200
        assert signs.sum() == pytest.approx(0, abs=2)
