"""How far away a place is."""

from collections.abc import Callable

import numpy as np
import pytest

from forescale.forecast._scale import distance, scale_of
from forescale.laws import get, inline
from forescale.runs import RunTable

World = Callable[..., RunTable]


def test_runs_in_n_and_d_are_ordered_by_compute(world: World) -> None:
    name, values = scale_of(world().columns, get("chinchilla"))
    assert name == "C"
    np.testing.assert_allclose(values, world()["C"])


def test_runs_of_one_input_are_ordered_by_it(power: World) -> None:
    name, values = scale_of(power().columns, get("power"))
    assert name == "C"
    np.testing.assert_array_equal(values, power()["C"])


def test_other_inputs_are_ordered_by_their_product() -> None:
    law = inline("E + A*lr^a + B*batch^b", inputs=("lr", "batch"))
    name, values = scale_of({"lr": np.array([2.0]), "batch": np.array([5.0])}, law)
    assert (name, values[0]) == ("lr*batch", 10.0)


def test_a_place_inside_the_runs_is_at_no_distance(world: World) -> None:
    found = distance(world(), get("chinchilla"), {"N": 1e8, "D": 2e9})
    assert found.decades == 0.0
    assert found.factor == 1.0
    assert found.text() == ""


def test_distance_is_the_farthest_axis_and_compute_is_one(world: World) -> None:
    table = world()
    n, d = table["N"].max() * 2, table["D"].max() * 3
    found = distance(table, get("chinchilla"), {"N": n, "D": d})
    assert found.factors["N"] == pytest.approx(2.0)
    assert found.factors["D"] == pytest.approx(3.0)
    c = 6 * n * d / table["C"].max()
    assert found.factor == pytest.approx(c)
    assert found.text().startswith(f"{c:.3g}x beyond the largest C, 3x beyond the largest D")


def test_a_place_below_the_runs_is_far_too(world: World) -> None:
    table = world()
    found = distance(table, get("chinchilla"), {"N": table["N"].min() / 10, "D": 1e9})
    assert found.factors["N"] == pytest.approx(0.1)
    assert found.decades >= 1.0
    assert "below the smallest N" in found.text()


def test_an_unseen_ratio_of_tokens_to_parameters_is_a_distance(world: World) -> None:
    # N and D are each inside their range; so small a model on so much data is not.
    table = world()
    found = distance(table, get("chinchilla"), {"N": table["N"].min(), "D": table["D"].max()})
    assert found.factors["D/N"] > 10
    assert found.decades > 1.0
