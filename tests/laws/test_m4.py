"""M4 tells the slopes of what it solves."""

import numpy as np
import pytest

from forescale.laws import get

LAW = get("m4")
N = np.geomspace(1.0, 1e8, 60)


def parameters(k):
    rng = np.random.default_rng(0)
    columns = [
        rng.uniform(0.0, 0.3, k),
        rng.uniform(0.5, 1.0, k),
        rng.uniform(0.0, 3.0, k),
        10 ** rng.uniform(-1, 4, k),
        rng.uniform(0.05, 1.5, k),
    ]
    return np.stack(columns, axis=1)


def test_the_solution_solves_the_equation():
    theta = parameters(40)
    e, l0, a, b, c = theta.T[:, :, None]
    loss = LAW.program({"n": N}, theta)
    inside = (loss - e > 1e-6) & (l0 - loss > 1e-6)
    left = np.log(loss - e, where=inside, out=np.zeros_like(loss))
    left -= a * np.log(l0 - loss, where=inside, out=np.zeros_like(loss))
    right = np.log(b) - c * np.log(N)
    assert inside.mean() > 0.3
    np.testing.assert_allclose(left[inside], right[inside], atol=1e-8)


@pytest.mark.parametrize("j", range(5), ids=LAW.names)
def test_slopes_are_those_of_the_solution(j):
    theta = parameters(40)
    value, *slopes = LAW.slopes({"n": N}, theta)
    np.testing.assert_array_equal(value, LAW.program({"n": N}, theta))
    h = np.zeros_like(theta)
    h[:, j] = 1e-6 * np.maximum(theta[:, j], 0.01)
    up, down = LAW.program({"n": N}, theta + h), LAW.program({"n": N}, theta - h)
    plain = (up - down) / (2 * h[:, j, None])
    np.testing.assert_allclose(slopes[j], plain, atol=1e-6 * max(1.0, np.abs(plain).max()))
