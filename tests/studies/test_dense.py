"""Networks trained many at once in numpy are networks."""

from __future__ import annotations

import numpy as np

from forescale.studies._dense import begun, cross_entropy, forward, gradients, right, train


def test_gradients_are_those_of_finite_differences() -> None:
    rng = np.random.default_rng(0)
    params = [p.astype(np.float64) for p in begun(rng, 2, (3, 4, 5, 3))]
    x, y = rng.normal(size=(6, 3)), rng.integers(0, 3, 6)
    _, found = gradients(params, x, y)
    for p, g in zip(params, found, strict=True):
        for at in (0, p[0].size - 1):
            index = (1, *np.unravel_index(at, p.shape[1:]))
            losses = []
            for shift in (1e-6, -2e-6):
                p[index] += shift
                losses.append(gradients(params, x, y)[0][1])
            p[index] += 1e-6
            np.testing.assert_allclose(g[index], (losses[0] - losses[1]) / 2e-6, atol=1e-7)


def test_networks_do_not_mix() -> None:
    rng = np.random.default_rng(1)
    params = begun(rng, 3, (4, 6, 2))
    x = rng.normal(size=(5, 4)).astype(np.float32)
    alone = forward([p[1:2] for p in params], x)[-1][0]
    np.testing.assert_allclose(forward(params, x)[-1][1], alone, rtol=1e-5)


def test_a_loss_without_knowledge_is_the_logarithm_of_the_classes() -> None:
    loss, slope = cross_entropy(np.zeros((2, 4, 10)), np.arange(4))
    np.testing.assert_allclose(loss, np.log(10))
    np.testing.assert_allclose(slope.sum(-1), 0, atol=1e-12)


def test_two_clusters_are_learned_by_each_network_from_its_own_examples() -> None:
    rng = np.random.default_rng(2)
    y = np.arange(60) % 2
    x = (rng.normal(size=(2, 60, 3)) + 3 * (2 * y[:, None] - 1)).astype(np.float32)
    params, seen = begun(rng, 2, (3, 8, 2)), []
    train(rng, params, x, y, steps=40, batch=16, lr=0.02, look=seen.append)
    assert seen == list(range(41))
    assert right(params, x, y).min() > 0.95
