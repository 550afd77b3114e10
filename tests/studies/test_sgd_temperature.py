"""Noise of SGD: outputs and steps against plain twins, powers against planted ones."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies import _hinge as hinge
from forescale.studies import sgd_temperature as study


@pytest.mark.parametrize("chi", [1, 3])
def test_examples_thin_out_towards_the_boundary_by_the_planted_power(chi):
    x, labels = hinge.examples(np.random.default_rng(0), 1, 400_000, 2, chi)
    first = np.abs(x[0, :, 0])
    shares = [(first < r).mean() for r in (0.2, 0.4)]
    assert np.log2(shares[1] / shares[0]) == pytest.approx(1 + chi, rel=0.1)
    np.testing.assert_array_equal(np.sign(x[0, :, 0]), labels[0])
    assert abs(labels.mean()) < 0.01


def test_a_gap_keeps_every_example_from_the_boundary():
    x, _ = hinge.examples(np.random.default_rng(0), 3, 200, 4, 1, gap=2.0)
    assert np.abs(x[:, :, 0]).min() > 2.0


@pytest.mark.parametrize(
    ("model", "shapes"),
    [(hinge.PERCEPTRON, [(2, 5)]), (hinge.NETWORK, [(2, 5, 7), (2, 7, 1)])],
)
def test_slopes_are_the_differences_of_outputs(model, shapes):
    rng = np.random.default_rng(1)
    weights = [rng.standard_normal(s) for s in shapes]
    x = rng.standard_normal((2, 1, 5))
    for which, slope in enumerate(model.slopes(weights, x)):
        at = (1, *(k - 1 for k in shapes[which][1:]))
        moved = [w.copy() for w in weights]
        moved[which][at] += 1e-6
        change = (model.outputs(moved, x) - model.outputs(weights, x))[1, 0] / 1e-6
        assert slope[at] == pytest.approx(change, rel=1e-4)


def plain(seed, x, labels, temperature, margin):
    """A perceptron by SGD that draws from all examples, the idle ones too."""
    rng = np.random.default_rng(seed)
    w, root = np.zeros(x.shape[1]), np.sqrt(x.shape[1])
    while (labels * (x @ w) / root < margin).any():
        i = rng.integers(len(x))
        if labels[i] * (x[i] @ w) / root < margin:
            w += temperature * labels[i] * x[i] / root
    return np.linalg.norm(w)


def test_steps_that_change_nothing_may_be_left_out():
    x, labels = hinge.examples(np.random.default_rng(2), 1, 40, 4, 1)
    n = 200
    ends = hinge.settle(
        np.random.default_rng(3), hinge.PERCEPTRON, [np.zeros((n, 4), np.float32)],
        np.repeat(x, n, 0), np.repeat(labels, n, 0), 0.5, 0.1,
    )  # fmt: skip
    fast = hinge.size_of(ends)
    slow = np.array([plain(k, x[0], labels[0], 0.5, 0.1) for k in range(n)])
    error = np.hypot(fast.std(), slow.std()) / np.sqrt(n)
    assert abs(fast.mean() - slow.mean()) < 4 * error


def test_training_ends_with_every_margin_kept_and_each_network_its_own():
    rng = np.random.default_rng(4)
    x, labels = hinge.examples(rng, 3, 30, 4, 1)
    start = [rng.standard_normal(s).astype(np.float32) for s in ((3, 4, 8), (3, 8, 1))]
    margin = np.array([0.01, 1.0, 0.1])
    end = hinge.settle(rng, hinge.NETWORK, start, x, labels, 0.1, margin)
    gained = labels * (hinge.networks(end, x) - hinge.networks(start, x))
    assert (gained.min(1) >= margin - 1e-6).all()


def test_without_a_margin_perceptrons_scale_with_the_temperature():
    x, labels = hinge.examples(np.random.default_rng(5), 1, 50, 4, 3)

    def size(heat):
        rng, start = np.random.default_rng(6), [np.zeros((1, 4), np.float32)]
        return hinge.size_of(
            hinge.settle(rng, hinge.PERCEPTRON, start, x, labels, heat, 1e-6 * heat)
        )

    assert size(1.0) == pytest.approx(4 * size(0.25), rel=1e-4)


def test_planted_powers_come_back():
    heats, sizes = np.array([0.1, 1.0]), np.array([10.0, 100.0, 1000.0])
    one = 3 * heats[None, :] ** 0.8 * sizes[:, None] ** 0.4
    b, rise = study.powers(np.stack([one, 2 * one], 1), heats, sizes, 1.0)
    np.testing.assert_allclose(b, 0.5)
    np.testing.assert_allclose(rise, 0.8)
