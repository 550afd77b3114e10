"""The parts of the study of opposing signals."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies import opposing_signals as study


@pytest.mark.parametrize("opposing", [True, False])
def test_outliers_pull_their_feature_both_ways_or_one(opposing):
    x, y, group = study.planted(np.random.default_rng(0), opposing=opposing)
    outliers = group != 0
    assert outliers.mean() == pytest.approx(study.OUTLIERS)
    assert (x[~outliers, -1] == 0).all()
    pull = (x[:, -1] * y)[outliers]
    np.testing.assert_array_equal(np.abs(pull), study.LARGE)
    assert (np.sign(pull) == (group[outliers] if opposing else 1)).all()


def test_groups_are_found_whichever_side_is_called_first():
    group = np.array([1, 1, -1, -1, 0, 0, 0, 0.0])
    for side in (1, -1):
        push = side * group / 2 + 0.001
        found, precision, recall = study.agreement(push / np.linalg.norm(push), group)
        assert (found == side * group).all()
        assert precision == recall == 1


def test_groups_that_push_one_way_are_half_right():
    group = np.array([1, 1, -1, -1, 0, 0.0])
    found, precision, recall = study.agreement(np.abs(group) / 2, group)
    assert found.sum() == 4
    assert precision == recall == 0.5


def test_the_growth_of_a_swing_that_sharpness_drives_is_what_it_says():
    edge = np.full(20, 1.2)
    swing = 0.01 * (1 - 2 * 1.2) ** np.arange(20)
    losses = 1 + np.stack([2 * swing, -swing], axis=1)
    world = study.World(1.0, 1.0, edge, losses)
    grown, said = world.growth(slice(0, 18))
    assert grown == pytest.approx(1.4)
    assert said == pytest.approx(1.4)
    assert world.apart == pytest.approx(-1)
    assert study.World(1.0, 1.0, edge, losses * [1, 0]).apart == 0
