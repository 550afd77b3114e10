"""Small symmetric systems, beside LAPACK one at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forescale.maths.cholesky import solve_modified


def definite(rng, k, p, condition=1e3):
    q, _ = np.linalg.qr(rng.normal(size=(k, p, p)))
    eigenvalues = np.exp(rng.uniform(-np.log(condition), 0, size=(k, p)))
    return np.einsum("kij,kj,klj->kil", q, eigenvalues, q)


@pytest.mark.parametrize("p", [1, 2, 5, 9])
def test_a_positive_definite_system_is_solved_as_lapack_solves_it(p):
    rng = np.random.default_rng(p)
    h, g = definite(rng, 40, p), rng.normal(size=(40, p))
    s, positive = solve_modified(h, g)
    assert positive.all()
    np.testing.assert_allclose(s, np.linalg.solve(h, g[:, :, None])[:, :, 0], rtol=1e-9)


@given(st.integers(1, 7), st.integers(0, 10_000))
def test_an_indefinite_system_is_named_and_still_gives_descent(p, seed):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(8, p, p))
    h, g = a + np.swapaxes(a, 1, 2), rng.normal(size=(8, p))
    s, positive = solve_modified(h, g)
    # For the system h s = g with g = -gradient, descent means s'g > 0.
    assert np.isfinite(s).all()
    assert ((s * g).sum(1) > 0).all()
    np.testing.assert_array_equal(positive, np.linalg.eigvalsh(h)[:, 0] > 0)


def test_a_zero_right_hand_side_gives_a_zero_step():
    s, _ = solve_modified(np.eye(3)[None], np.zeros((1, 3)))
    assert (s == 0).all()


def test_a_singular_system_is_not_called_definite():
    h = np.ones((1, 2, 2))
    s, positive = solve_modified(h, np.array([[1.0, 1.0]]))
    assert not positive[0]
    assert np.isfinite(s).all()


def test_each_system_is_solved_as_if_it_were_alone():
    rng = np.random.default_rng(3)
    h = np.concatenate([definite(rng, 5, 4), -definite(rng, 5, 4)])
    g = rng.normal(size=(10, 4))
    together, flags = solve_modified(h, g)
    for i in range(10):
        alone, flag = solve_modified(h[i : i + 1], g[i : i + 1])
        np.testing.assert_array_equal(alone[0], together[i])
        assert flag[0] == flags[i]
