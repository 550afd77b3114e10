"""Numbers as people read them, and ticks where people expect them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forescale.report import _words as words
from forescale.report.charts._spec import thin, ticks


@pytest.mark.parametrize(
    ("x", "text"),
    [(0.0, "0 %"), (0.9612, "0.96 %"), (1.0, "1.0 %"), (38.2, "38 %"), (100.0, "100 %"),
     (123.4, "120 %"), (float("nan"), "-")],
)  # fmt: skip
def test_per_cent_keeps_two_digits(x: float, text: str) -> None:
    assert words.percent(x) == text


@pytest.mark.parametrize(
    ("lo", "hi", "text"),
    [(1.9234, 2.0312, "1.923 to 2.031"), (368.2, 698.1, "368 to 698"),
     (1391.0, 5243.0, "1390 to 5240"), (5.5e10, 7.2e10, "55B to 72B")],
)  # fmt: skip
def test_an_interval_keeps_the_digits_that_its_width_leaves_meaning(lo, hi, text) -> None:
    assert words.interval(lo, hi) == text


@given(st.floats(allow_nan=True), st.floats(allow_nan=True))
def test_any_two_numbers_make_an_interval(lo: float, hi: float) -> None:
    assert " to " in words.interval(lo, hi)


@given(st.floats(1e-12, 1e25), st.floats(1.001, 1e12))
def test_ticks_lie_inside_the_axis_and_are_few(low: float, ratio: float) -> None:
    found = ticks(low, low * ratio)
    assert found == sorted(set(found))
    assert all(low * 0.9999 <= t <= low * ratio * 1.0001 for t in found)
    assert 1 <= len(found) <= 12


def test_ticks_are_decades_where_there_are_many() -> None:
    assert ticks(1e18, 1e23) == [1e18, 1e19, 1e20, 1e21, 1e22, 1e23]


def test_thinning_keeps_the_extremes_of_every_column() -> None:
    x = np.random.default_rng(0).normal(size=(50_000, 3))
    kept = thin(x, 1000)
    assert len(kept) <= 1100
    for column in x.T:
        assert {int(column.argmin()), int(column.argmax())} <= set(kept.tolist())
    assert thin(x[:1000], 1000).tolist() == list(range(1000))
