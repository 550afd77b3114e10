"""Ridge regressions over prefixes against plain ones, and codes against the evidence."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies.prequential_occam import COMPLEX, NOISE, PENALTIES, draw, evidence, learnt


@pytest.fixture(scope="module")
def tasks():
    return draw(np.random.default_rng(0), 30, COMPLEX)


@pytest.mark.parametrize("t", [0, 3, 8, 40])
def test_errors_are_those_of_a_plain_ridge_on_the_prefix(tasks, t: int) -> None:
    for k in range(3):
        x, y = tasks.x[k, :t], tasks.y[k, :t]
        w = np.linalg.solve(x.T @ x + 0.7 * np.eye(COMPLEX), x.T @ y)
        plain = (tasks.y[k, t] - tasks.x[k, t] @ w) ** 2
        assert tasks.error(0.7)[k, t] == pytest.approx(plain)
        if t:
            assert tasks.seen_error(0.7)[k, t - 1] == pytest.approx(((y - x @ w) ** 2).mean())


def test_codes_of_next_examples_sum_to_the_log_evidence(tasks) -> None:
    codes = tasks.code(NOISE**2 * COMPLEX).sum(1)
    exact = [evidence(x, y) for x, y in zip(tasks.x, tasks.y, strict=True)]
    np.testing.assert_allclose(codes, exact, rtol=1e-9)
    # Of no other penalty do they.
    assert np.abs(tasks.code(0.1).sum(1) - exact).min() > 1e-3


def test_next_examples_teach_the_best_penalty_and_seen_ones_none() -> None:
    many = draw(np.random.default_rng(1), 80, COMPLEX)
    assert 0.6 < learnt(many, "next") / (NOISE**2 * COMPLEX) < 1.9
    assert learnt(many, "seen") < 10 * PENALTIES[0]
