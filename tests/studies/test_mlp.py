"""Gradients of the networks in numpy against finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies._mlp import Mlp


def mean_loss(net: Mlp, x, target, loss: str) -> float:
    out = net(x)
    if loss == "mse":
        return float(((out - target) ** 2).mean((1, 2)).sum())
    p = np.exp(out) / np.exp(out).sum(2, keepdims=True)
    return float(-np.log(np.take_along_axis(p, target[..., None], 2)).mean((1, 2)).sum())


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_gradients_are_those_of_small_steps(loss: str) -> None:
    rng = np.random.default_rng(0)
    net = Mlp([3, 5, 4, 2], 2, rng, 1e-2, 10)
    net.weights = [w.astype(float) for w in net.weights]
    net.biases = [b + 0.1 * rng.normal(size=b.shape) for b in net.biases]
    x = rng.normal(size=(2, 7, 3))
    target = rng.integers(0, 2, (2, 7)) if loss == "cross_entropy" else rng.normal(size=(2, 7, 2))
    got = net.gradients(x, target, loss)
    for p, g in zip([*net.weights, *net.biases], got, strict=True):
        at = tuple(int(rng.integers(n)) for n in p.shape)
        sides = []
        for shift in (1e-6, -2e-6):
            p[at] += shift
            sides.append(mean_loss(net, x, target, loss))
        p[at] += 1e-6
        assert g[at] == pytest.approx((sides[0] - sides[1]) / 2e-6, abs=1e-7)


def test_networks_side_by_side_learn_their_own_targets() -> None:
    rng = np.random.default_rng(1)
    net = Mlp([1, 16, 1], 2, rng, 1e-2, 300)
    x = rng.normal(size=(2, 64, 1)).astype(np.float32)
    target = np.abs(x) * np.array([1.0, -1.0], np.float32)[:, None, None]
    for _ in range(300):
        net.step(x, target, "mse")
    assert ((net(x) - target) ** 2).mean() < 0.01
