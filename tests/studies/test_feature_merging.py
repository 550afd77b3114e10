"""Units are merged as the study says they are."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies.feature_merging import Units, doubled, found_twice, kept, merged, units


def drawn(count: int = 6) -> Units:
    rng = np.random.default_rng(0)
    return units(rng.normal(size=(3, count)), rng.normal(size=count), rng.normal(size=(count, 2)))


def test_units_as_directions_are_the_same_function() -> None:
    rng = np.random.default_rng(1)
    w, bias, out = rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=(5, 2))
    x = rng.normal(size=(9, 3))
    np.testing.assert_allclose(units(w, bias, out)(x), np.maximum(x @ w + bias, 0) @ out)
    # A factor on what comes in, divided out of what goes out, is no other unit.
    again = units(2 * w, 2 * bias, out / 2)
    np.testing.assert_allclose(again.into, units(w, bias, out).into)
    np.testing.assert_allclose(again.weight, units(w, bias, out).weight)


def test_merging_doubled_units_gives_back_those_there_were() -> None:
    start, rng = drawn(), np.random.default_rng(2)
    twice = doubled(start, rng)
    x = rng.normal(size=(20, 3))
    np.testing.assert_allclose(twice(x), start(x))
    steps = list(merged(twice))
    assert [len(u.into) for _, u in steps] == list(range(11, 0, -1))
    cost, back = steps[5]
    assert cost == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(back(x), start(x), atol=1e-6)
    assert steps[6][0] > 1e-3
    assert found_twice(start, rng) == 1


def test_the_first_merger_is_the_cheapest_of_all_pairs() -> None:
    start = drawn()
    costs = {}
    for i in range(6):
        for j in range(i):
            a, b = start.weight[i], start.weight[j]
            costs[i, j] = a * b / (a + b) * ((start.into[i] - start.into[j]) ** 2).sum()
    assert next(merged(start))[0] == pytest.approx(min(costs.values()))
    by_lot = [paid for paid, _ in merged(start, np.random.default_rng(0))]
    assert by_lot[0] > min(costs.values())


def test_units_that_do_nothing_are_not_kept() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(200, 2)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    # One unit says the class; fifteen say the same a hundredth as loud.
    w = np.tile([[1.0], [0.0]], 16).astype(np.float32)
    out = np.zeros((16, 2), np.float32)
    out[0, 1], out[1:, 1] = 1.0, 0.01
    start = units(w, np.zeros(16, np.float32), out)
    assert kept(start, x, y, np.array([1e-3, 0], np.float32)) == 1
