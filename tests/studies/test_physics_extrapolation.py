"""Films of a moving ball, and how a prediction of them is scored."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies.physics_extrapolation import (
    FAR,
    NEAR,
    PIXELS,
    RANGES,
    WIDTHS,
    combinations,
    error,
    films,
    frames,
    trained,
)


def centre(light):
    return (light * np.arange(PIXELS)).sum(1) / light.sum(1)


def test_a_frame_is_brightest_at_its_ball_and_as_wide_as_it_is() -> None:
    light = frames(np.array([7.0, 12.0]), np.array([1.0, 2.0]))
    np.testing.assert_array_equal(light.argmax(1), [7, 12])
    np.testing.assert_allclose(light.sum(1), np.sqrt(2 * np.pi) * np.array([1, 2]), rtol=1e-3)


@pytest.mark.parametrize("speeds", [NEAR, FAR])
def test_balls_move_evenly_at_the_speeds_asked_to_either_side(speeds) -> None:
    # The narrowest kind alone: a wide one may stand half outside the picture.
    allowed = combinations(2 * RANGES)
    allowed = allowed[allowed[:, 0] == 0]
    x, y = films(np.random.default_rng(0), 500, allowed, speeds)
    first, second, third = centre(x[:, :PIXELS]), centre(x[:, PIXELS:]), centre(y)
    step = second - first
    np.testing.assert_allclose(third - second, step, atol=0.15)
    assert speeds[0] - 0.15 < np.abs(step).min() < np.abs(step).max() < speeds[1] + 0.15
    assert (step > 0).any()
    assert (step < 0).any()


def test_coverage_leaves_no_kind_and_no_velocity_out() -> None:
    for ranges in (1, 7):
        pairs = combinations(ranges)
        assert len({tuple(p) for p in pairs.tolist()}) == ranges * len(WIDTHS)
        assert set(pairs[:, 0]) == set(range(len(WIDTHS)))
        assert set(pairs[:, 1]) == set(range(2 * RANGES))
    held = {tuple(p) for p in combinations(2 * RANGES)[-len(WIDTHS) :].tolist()}
    assert not held & {tuple(p) for p in combinations(7).tolist()}


def test_an_empty_frame_has_error_one_and_training_lessens_it() -> None:
    rng = np.random.default_rng(0)
    every = combinations(2 * RANGES)
    net = trained(rng, 2, 200, 60, every)
    assert error(rng, net, every).max() < 0.7
    for p in (*net.weights, *net.biases):
        p[:] = 0
    np.testing.assert_allclose(error(rng, net, every), 1.0)
