"""The interval of a share, against tables and against its definition."""

from __future__ import annotations

import pytest
from scipy.stats import beta, binom

from forescale.maths.binomial import share_interval


@pytest.mark.parametrize(("k", "n"), [(1, 10), (5, 10), (9, 10), (45, 50)])
def test_at_each_end_the_count_is_just_as_rare_as_the_tail_allows(k: int, n: int) -> None:
    lo, hi = share_interval(k, n, level=0.9)
    assert binom.sf(k - 1, n, lo) == pytest.approx(0.05)
    assert binom.cdf(k, n, hi) == pytest.approx(0.05)


def test_none_and_all_leave_one_end_open() -> None:
    assert share_interval(0, 10) == (0.0, pytest.approx(0.30850, abs=1e-5))
    assert share_interval(10, 10) == (pytest.approx(0.69150, abs=1e-5), 1.0)


def test_effective_numbers_need_not_be_whole() -> None:
    lo, hi = share_interval(4.5, 6.25)
    assert lo == pytest.approx(beta.ppf(0.025, 4.5, 2.75))
    assert hi == pytest.approx(beta.ppf(0.975, 5.5, 1.75))
