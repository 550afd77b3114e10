"""Batch predictive inference: every order counted by hand, coverage, and what it needs."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, combinations_with_replacement
from math import comb, inf

import numpy as np
import pytest

from forescale.errors import BadOption
from forescale.uncertainty.conformal import bonferroni, mean_of, median_of, nth_of
from forescale.uncertainty.conformal.batch import _placements, counts_below


@pytest.mark.parametrize(("n", "m"), [(6, 1), (6, 3), (4, 5)])
def test_counts_and_sums_are_those_of_all_orders(n: int, m: int) -> None:
    orders = list(combinations(range(n + m), m))
    for k in range(1, m + 1):
        # Known points below the k-th new one: its rank less the new ones before it.
        seen = Counter(ranks[k - 1] - (k - 1) for ranks in orders)
        wanted = [seen[u] / len(orders) for u in range(n + 1)]
        np.testing.assert_allclose(counts_below(n, m, k), wanted, atol=1e-12)
    sums = Counter(sum(ranks) - m * (m - 1) // 2 for ranks in orders)
    ways = _placements(np.arange(n + 1), m)
    np.testing.assert_allclose(ways, [sums[s] for s in range(n * m + 1)])
    assert ways.sum() == comb(n + m, m)


def by_hand(known: np.ndarray, m: int, level: float, bounds: tuple[float, float]):
    """Upper and lower ends of the mean from all placements, one after the other."""
    n, tail = len(known), (1 - level) / 2
    upper, lower = np.append(known, bounds[1]), np.append(bounds[0], known)
    places = list(combinations_with_replacement(range(n + 1), m))
    sums = sorted(sum(p) for p in places)
    most = sums[int(np.ceil((1 - tail) * len(sums) - 1e-9)) - 1]
    least = n * m - most
    high = max(upper[list(p)].mean() for p in places if sum(p) <= most)
    low = min(lower[list(p)].mean() for p in places if sum(p) >= least)
    return low, high


@pytest.mark.parametrize(("n", "m", "level"), [(6, 3, 0.8), (9, 2, 0.7), (5, 4, 0.9)])
def test_the_mean_is_bounded_by_the_best_and_worst_of_all_placements(n, m, level) -> None:
    known = np.sort(np.random.default_rng(n).exponential(size=n))
    bounds = (0.0, 5.0)
    np.testing.assert_allclose(
        mean_of(known, m, level=level, bounds=bounds), by_hand(known, m, level, bounds)
    )


def test_one_new_point_is_split_conformal() -> None:
    known = np.arange(1.0, 40)
    # Ranks 2 and 38 of 40 places: 5 % on each side.
    assert nth_of(known, 1, 1, level=0.9) == (2.0, 38.0)
    assert mean_of(known, 1, level=0.9, bounds=(0, 99)) == (2.0, 38.0)
    assert median_of(known, 1, level=0.9) == (2.0, 38.0)


@pytest.mark.parametrize("draw", ["beta", "exponential", "two_values"])
def test_coverage_holds_for_any_distribution(draw: str) -> None:
    rng = np.random.default_rng(7)
    make = {
        "beta": lambda *s: rng.beta(0.5, 0.5, s),
        "exponential": lambda *s: np.minimum(rng.exponential(0.1, s), 1.0),
        "two_values": lambda *s: rng.integers(0, 2, s).astype(float),
    }[draw]
    worlds = 40
    hits = np.zeros((worlds, 4))
    for i in range(worlds):
        known, new = make(40), make(200, 6)
        ends = [
            mean_of(known, 6, level=0.8, bounds=(0.0, 1.0)),
            mean_of(known, 6, level=0.8, bounds=(0.0, 1.0), shape="normal"),
            median_of(known, 6, level=0.8, bounds=(0.0, 1.0)),
            nth_of(known, 6, 6, level=0.8, bounds=(0.0, 1.0)),
        ]
        values = [new.mean(1), new.mean(1), np.median(new, axis=1), new.max(1)]
        hits[i] = [np.mean((lo <= v) & (v <= hi)) for (lo, hi), v in zip(ends, values, strict=True)]
    assert (hits.mean(0) >= 0.8 - 3 * hits.std(0) / np.sqrt(worlds)).all()


def test_the_maximum_of_several_is_exact_and_no_wider_than_bonferroni() -> None:
    known = np.random.default_rng(0).normal(size=500)
    lo, hi = nth_of(known, 10, 10, level=0.9)
    # One-sided at 95 %: P(max < known of rank r) is the product of (r - i) / (500 + 10 - i).
    below = np.cumsum(counts_below(500, 10, 10))
    rank = int(np.searchsorted(np.sort(known), hi)) + 1
    assert below[rank - 1] >= 0.95 > below[rank - 2]
    assert lo > bonferroni(known, 10, level=0.9)[0]
    assert hi <= bonferroni(known, 10, level=0.9)[1]


def test_the_mean_is_narrower_than_bonferroni_and_mirrors_with_its_points() -> None:
    known = np.random.default_rng(1).normal(size=200)
    options = {"level": 0.9, "bounds": (-5.0, 5.0), "shape": "normal"}
    lo, hi = mean_of(known, 5, **options)
    left, right = bonferroni(known, 5, level=0.9)
    assert hi - lo < 0.85 * (right - left)
    np.testing.assert_allclose(mean_of(-known, 5, **options), (-hi, -lo))
    # Counting ranks lets a placement put points at bounds that lie far away.
    even = mean_of(known, 5, level=0.9, bounds=(-5.0, 5.0))
    assert even[1] - even[0] > right - left


def test_without_bounds_a_mean_can_be_anything_unless_new_points_are_few() -> None:
    known = np.random.default_rng(2).normal(size=50)
    assert mean_of(known, 5, level=0.9, bounds=(-inf, inf)) == (-inf, inf)
    assert np.isfinite(mean_of(known, 1, level=0.9, bounds=(-inf, inf))).all()
    assert np.isfinite(median_of(known, 5, level=0.9)).all()


def test_many_points_are_counted_and_too_many_refused() -> None:
    ways = _placements(np.arange(61), 60)
    share = ways / ways.sum()
    at = np.arange(len(ways))
    # Mean and variance of Mann and Whitney's statistic.
    assert share @ at == pytest.approx(1800)
    assert share @ (at - 1800.0) ** 2 == pytest.approx(60 * 60 * 121 / 12)
    with pytest.raises(BadOption, match="too many to count"):
        mean_of(np.linspace(0, 1, 600), 300, level=0.9, bounds=(0.0, 1.0))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"m": 0}, "0 new points"),
        ({"level": 1.0}, "no probability"),
        ({"bounds": (0.5, 2.0)}, "do not hold"),
        ({"scores": [0.1, np.nan]}, "row of numbers"),
        ({"scores": []}, "row of numbers"),
    ],
)
def test_what_cannot_be_used_is_refused(options, said: str) -> None:
    given = {"scores": [0.1, 0.9], "m": 2, "level": 0.9, "bounds": (0.0, 1.0), **options}
    with pytest.raises(BadOption, match=said):
        mean_of(given["scores"], given["m"], level=given["level"], bounds=given["bounds"])
    with pytest.raises(BadOption):
        nth_of([0.1, 0.9], 2, 3, level=0.9)
    with pytest.raises(BadOption, match="no shape 'odd'"):
        mean_of([0.1, 0.9], 2, level=0.9, bounds=(0.0, 1.0), shape="odd")  # type: ignore[arg-type]
