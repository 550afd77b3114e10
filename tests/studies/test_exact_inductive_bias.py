"""Spaces and draws of the study, against plain twins and closed forms."""

from __future__ import annotations

import numpy as np

from forescale.studies import exact_inductive_bias as study


def test_spaces_hold_every_hypothesis_once():
    x = np.random.default_rng(0).normal(size=(7, 2))
    nets, smooth = study.networks_of_two(x), study.polynomials(x)
    assert nets.shape == (3**9, 7)
    assert smooth.shape == (5**6, 7)
    one = 1.5 * np.tanh(x @ [1.5, -1.5] + 1.5) - 1.5 * np.tanh(x @ [0.0, 1.5]) + 1.5
    assert np.isclose(nets, one).all(1).any()
    # Five levels of six coefficients, each polynomial once.
    assert len(np.unique(smooth.round(9), axis=0)) == 5**6


def test_draws_of_a_process_fit_the_examples_and_have_its_spread_elsewhere():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(10, 2)), np.full((1, 2), 50.0)])
    y = rng.normal(size=(10, 3))
    at = np.concatenate([x, x[:10]])
    drawn = study.fitting(rng, study.radial(at, at), y, 4000)
    assert drawn.shape == (4000, 11, 3)
    # Far from all examples the prior is back: mean zero, variance one.
    assert abs(drawn[:, 0].mean()) < 0.05
    assert abs(drawn[:, 0].var() - 1) < 0.05
    assert np.abs(drawn[:, 1:].mean(0) - y).max() < 0.05


def test_both_kernels_have_variance_one_where_they_are_said_to():
    x = np.sqrt(3) * np.eye(3)
    for kernel in (study.radial, study.power):
        np.testing.assert_allclose(np.diag(kernel(x, x)), 1)


def test_the_estimate_is_near_the_count_of_losses_distributed_as_fitted_and_not_of_others():
    rng = np.random.default_rng(0)
    losses, others = rng.chisquare(6, 50_000), 5 + rng.chisquare(6, 50_000)
    assert study.off_the_count(rng, losses, losses) < 1
    assert study.off_the_count(rng, losses, others) > 3


def test_a_wave_has_variance_one_and_varies_along_one_direction():
    x = np.random.default_rng(1).normal(size=(300, 4))
    y = study.wave(np.random.default_rng(0), x)
    assert abs(y.mean()) < 1e-12
    assert abs(y.std() - 1) < 1e-12
    along = np.random.default_rng(0).normal(size=4)
    order = np.argsort(x @ along)
    assert np.abs(np.diff(y[order])).mean() < 0.1
