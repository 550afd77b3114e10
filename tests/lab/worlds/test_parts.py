"""What worlds are built of, each against a slow or known answer."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.lab import worlds
from forescale.lab.worlds import deep_linear, lottery, pruning, superposition


@pytest.mark.parametrize("layers", [2, 3, 5])
def test_modes_follow_their_differential_equation(layers: int) -> None:
    s, start = np.array([1.0, 0.4]), 0.01
    times = np.array([1.0, 3.0, 10.0])
    found = deep_linear.trajectory(times, s, layers, start)
    a, step, seen = start * s, 1e-3, []
    for t in range(1, round(times[-1] / step) + 1):
        a = a + step * layers * a ** (2 - 2 / layers) * (s - a)
        if t in np.round(times / step):
            seen.append(a)
    np.testing.assert_allclose(found, seen, rtol=5e-3)


def test_the_quadrature_of_growth_is_the_closed_form_of_two_layers() -> None:
    part = np.array([0.02, 0.5, 0.99])
    near_two = deep_linear.grow_time(part, 2 + 1e-9, 0.01)  # type: ignore[arg-type]
    np.testing.assert_allclose(near_two, deep_linear.grow_time(part, 2, 0.01), rtol=1e-6)


def test_the_widest_margin_over_some_examples_is_the_widest_over_all() -> None:
    rng = np.random.default_rng(0)
    x, y = pruning.examples(rng, 600, keep=0.5)
    slow = pruning.shortest(x * y[:, None])
    np.testing.assert_allclose(pruning.widest(x, y), slow / np.linalg.norm(slow), atol=1e-9)


def test_margins_kept_have_the_means_of_a_cut_normal() -> None:
    cut = 0.3853204664  # the 30 % quantile of |v|
    below = 2 * (1 - np.exp(-(cut**2) / 2)) / np.sqrt(2 * np.pi)
    above = 2 * np.exp(-(cut**2) / 2) / np.sqrt(2 * np.pi)
    for part, easy, mean in ((0.3, False, below / 0.3), (0.7, True, above / 0.7)):
        nodes, weight = pruning.kept_margins(part, easy)
        assert weight @ nodes == pytest.approx(mean, rel=1e-4)


def test_without_pruning_the_error_tends_to_half_over_examples_per_weight() -> None:
    assert 200 * pruning.error(200.0) == pytest.approx(0.50, abs=0.01)


def test_overlaps_of_isotropic_directions_have_a_mean_square_of_one_over_m() -> None:
    noise, weight = superposition.interference(20)
    square = (1.5**3 - 0.5**3) / 3
    assert weight @ noise**2 == pytest.approx(square / 20, rel=1e-6)


def test_weak_superposition_loses_as_the_tail_of_the_frequencies() -> None:
    world = worlds.get("superposition")
    runs = world.runs(seed=0, weak=1.0, tail=1.5)
    off = np.abs(runs["L"] / world.curve(runs, weak=1.0, tail=1.5) - 1)
    assert np.median(off) <= world.tolerance
    assert world.truth(weak=1.0, tail=1.5) == {"alpha": 0.5}


def test_pruned_students_err_as_theory_says_and_less_than_unpruned() -> None:
    world = worlds.get("pruning")
    hard = world.runs(seed=0, keep=0.3)
    off = np.abs(hard["err"] / world.curve(hard, keep=0.3) - 1)
    assert np.median(off) <= 1.5 * world.tolerance
    assert (hard["err"] < world.curve(hard))[1:].all()


def test_a_ticket_cannot_err_more_than_the_best_line() -> None:
    floor, one = lottery.ticket_moments()
    assert 0 < floor < one < 4 / 45
