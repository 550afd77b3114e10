"""Toy tasks and images of the study: what is planted is measured."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from forescale.studies import inductive_bias_bits as study  # noqa: E402

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("dimension", [1, 3])
def test_examples_lie_on_circles_and_classes_alternate_along_the_first(dimension):
    x, y, cell = study.task(np.random.default_rng(0), dimension, 8, 500)
    assert np.linalg.matrix_rank(x) == 2 * dimension
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), np.sqrt(dimension))
    np.testing.assert_array_equal(y, cell[:, 0] % 2)
    assert cell.max() == 7


def test_a_class_comes_back_as_far_away_as_said():
    x, y, cell = study.task(np.random.default_rng(0), 1, 8, 3000)
    # Examples of one class in two sectors are those across a sector of the other.
    found = study.nearest_of_another(x[y == 0], cell[y == 0, 0])
    assert study.apart(8) <= found < 1.02 * study.apart(8)


def test_the_dimension_and_the_radius_are_measured():
    x = study.task(np.random.default_rng(0), 2, 8, 1500)[0]
    found = study.asked(x, 0.1, 2, 0.1)
    assert found.dimension == pytest.approx(2, abs=0.2)
    assert found.radius == pytest.approx(np.sqrt(2), rel=0.05)


def test_one_neighbour_is_right_where_examples_abound_and_guesses_where_they_do_not():
    rng = np.random.default_rng(0)
    assert study.look(rng, 1, 8, 400)[1] < 0.05
    assert study.look(rng, 6, 16, 400)[1] > 0.35


def test_pixels_in_another_order_ask_for_the_same_bits():
    pytest.importorskip("sklearn")
    same, moved = study.images(np.random.default_rng(0), 120, permuted=True)
    assert moved == pytest.approx(same)
    first, second = study.images(np.random.default_rng(0), 300, permuted=False)
    assert second > first


def test_misfit_is_nothing_for_a_line():
    at = np.arange(5.0)
    assert study.misfit(at, 3 * at - 1) == pytest.approx(0, abs=1e-20)
    assert study.misfit(at, at**2) > 1
