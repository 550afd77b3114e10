"""Examples needed, and tables that their entries determine."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies.arithmetic_formats import determined, half, needed


def test_the_threshold_is_interpolated_in_logs_and_kept_within_the_ladder() -> None:
    ladder = np.array([100.0, 400.0, 1600.0])
    right = np.array([[0.0, 0.8, 1.0], [0.0, 0.1, 0.2], [0.95, 1.0, 1.0], [0.0, 1.0, 0.3]])
    found = needed(ladder, right)
    np.testing.assert_allclose(found, [800.0, 1600.0, 100.0, 100 * 4**0.9])


def test_a_table_needs_every_row_and_column_once_at_the_least() -> None:
    rng = np.random.default_rng(0)
    assert determined(rng, 1) == 1
    # Of two rows and columns three entries always determine the fourth.
    assert {determined(rng, 2) for _ in range(20)} == {3}
    assert min(determined(rng, 6) for _ in range(50)) >= 11


def test_what_is_determined_is_what_linear_equations_determine() -> None:
    n = 5
    for seed in range(10):
        found = determined(np.random.default_rng(seed), n)
        order = np.random.default_rng(seed).permutation(n * n)
        rows = np.zeros((n * n, 2 * n))
        rows[np.arange(n * n), order // n] = 1
        rows[np.arange(n * n), n + order % n] = 1
        ranks = [np.linalg.matrix_rank(rows[:k]) for k in range(1, n * n + 1)]
        assert ranks.index(2 * n - 1) + 1 == found


def test_half_of_all_tables_are_determined_where_theory_says() -> None:
    rng = np.random.default_rng(1)
    share = np.mean([determined(rng, 60) <= half(60) for _ in range(300)])
    assert share == pytest.approx(0.5, abs=0.1)
