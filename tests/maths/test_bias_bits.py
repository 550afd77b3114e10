"""Bits of inductive bias: closed forms, counts of every hypothesis, and the source's numbers."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forescale.errors import BadOption
from forescale.maths.bias_bits import Classification, counted_bits, degree, harmonics, spread

CIRCLE = Classification(dimension=1, radius=1, spacing=0.5, points=20, classes=2, error=0.01)


@given(st.integers(0, 12), st.integers(1, 8))
def test_harmonics_are_those_of_every_degree_added_up(top, m):
    whole = sum(
        math.comb(m + k, m) - (math.comb(m + k - 2, m) if k >= 2 else 0) for k in range(top + 1)
    )
    assert harmonics(top, m) == pytest.approx(whole)
    # The degree is the one whose eigenvalue the frequency's square is.
    assert degree(m, math.sqrt(top * (top + m - 1))) == pytest.approx(top, abs=1e-6)


def test_a_circle_has_a_constant_and_two_waves_for_each_frequency():
    assert harmonics(5, 1) == pytest.approx(11)
    assert degree(1, 5) == 5


def test_spread_is_the_distance_of_two_random_points_of_a_square():
    # A sphere of area 4 pi among so many points that each has a square of side 0.01.
    found = spread(2, 1, round(4 * math.pi / 1e-4), 1)
    at = np.random.default_rng(0).uniform(0, 0.01, (2, 40_000, 2))
    assert found == pytest.approx(math.sqrt(((at[0] - at[1]) ** 2).sum(1).mean()), rel=0.01)


def test_the_sources_data_sets_are_in_the_sources_order_of_size():
    """With the settings that its code gives: 10^16 bits, 10^32 and 10^41."""
    digits = Classification(14, 17.179045827183984, 2.3987084824335305, 60_000, 10, 0.001)
    photographs = Classification(27, 54.9156786783691, 2.7506414616587023, 50_000, 10, 0.01)
    many = Classification(48, 943.5923, 65, 1_280_901, 1000, 0.1)
    assert [round(math.log10(t.bits)) for t in (digits, photographs, many)] == [16, 33, 42]


def test_bits_are_linear_in_examples_but_for_the_precision_and_none_where_they_say_all():
    few, more = (replace(CIRCLE, points=n).unknown for n in (10, 20))
    assert few - more == pytest.approx(10)
    assert replace(CIRCLE, points=10_000).bits == 0
    # One bit for a coefficient for each halving of the error.
    half = replace(CIRCLE, error=CIRCLE.error / 2)
    assert half.bits - CIRCLE.bits == pytest.approx(CIRCLE.unknown)


@pytest.mark.parametrize("m", [1, 2, 4])
def test_coefficients_grow_as_the_resolution_to_the_power_of_the_dimension(m):
    fine = replace(CIRCLE, dimension=m, spacing=1e-5, points=1)
    finer = replace(fine, spacing=5e-6)
    assert math.log2(finer.unknown / fine.unknown) == pytest.approx(m, rel=1e-3)


def test_bits_do_not_change_with_the_unit_of_length():
    other = replace(CIRCLE, radius=100.0, spacing=50.0)
    assert other.bits == pytest.approx(CIRCLE.bits)


@pytest.mark.parametrize(("classes", "points", "wrong"), [(2, 3, 1), (3, 2, 0), (2, 0, 2)])
def test_counted_bits_are_those_of_every_labelling_written_out(classes, points, wrong):
    cells = 6
    truth = np.random.default_rng(0).integers(0, classes, cells)
    every = np.array(list(itertools.product(range(classes), repeat=cells)))
    fits = every[(every[:, :points] == truth[:points]).all(1)]
    good = ((fits != truth).sum(1) <= wrong).mean()
    assert counted_bits(cells, points, classes, wrong) == pytest.approx(-math.log2(good))


def test_all_cells_seen_or_all_allowed_to_be_wrong_ask_for_nothing():
    assert counted_bits(8, 8, 2, 0) == 0
    assert counted_bits(8, 9, 2, 0) == 0
    assert counted_bits(8, 3, 2, 8) == pytest.approx(0, abs=1e-9)
    assert counted_bits(3000, 0, 4, 0) == pytest.approx(6000)


def test_what_is_not_positive_is_refused_by_its_name():
    with pytest.raises(BadOption, match="spacing"):
        replace(CIRCLE, spacing=0.0)
    with pytest.raises(BadOption, match="1 classes"):
        replace(CIRCLE, classes=1)
