"""Bits from a few losses: the distribution's own tail, and losses whose distribution is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from forescale.errors import BadOption
from forescale.maths.sampled_bits import Losses, fit_losses, log_gamma_share, sampled_bits


@pytest.mark.parametrize(("freedom", "shift"), [(3.0, 0.0), (3.0, 7.0), (40.0, 500.0)])
def test_bits_are_those_of_scipys_distribution_where_it_does_not_underflow(freedom, shift):
    from scipy.stats import ncx2

    found = Losses(freedom, shift, 0.1)
    for target in (0.05 * (freedom + shift), 0.1 * (freedom + shift), 30.0):
        expected = -ncx2.logcdf(target, freedom, shift, scale=0.1) / math.log(2)
        assert found.bits(target) == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_a_tail_too_far_for_a_double_goes_on_as_a_power_of_the_target():
    # Below the mean the share of k degrees of freedom goes as the target to the power k / 2.
    far = Losses(4000.0, 0.0, 1.0)
    assert far.bits(1.0) - far.bits(2.0) == pytest.approx(2000, abs=1)
    assert far.bits(1.0) > 10_000
    assert far.bits(0.0) == math.inf
    # Both ways of computing it meet.
    at = np.array([100.0, 130.0, 150.0])
    closed = [-9 + a * math.log(9) - math.lgamma(a + 1) for a in at]
    series = [math.log(math.fsum(9**n / math.prod(a + i for i in range(1, n + 1))
                                 for n in range(60))) for a in at]  # fmt: skip
    np.testing.assert_allclose(log_gamma_share(at, 9.0), np.add(closed, series), rtol=1e-9)
    assert np.isfinite(log_gamma_share(np.array([900.0]), 1.0)).all()


def test_the_fit_has_the_moments_of_the_losses_and_finds_the_planted_distribution():
    losses = 0.05 * np.random.default_rng(0).noncentral_chisquare(20, 20, 200_000)
    found = fit_losses(losses)
    assert found.scale * (found.freedom + found.shift) == pytest.approx(losses.mean())
    variance = 2 * found.scale**2 * (found.freedom + 2 * found.shift)
    assert variance == pytest.approx(losses.var(), rel=1e-4)
    assert found.bits(0.5) == pytest.approx(Losses(20, 20, 0.05).bits(0.5), rel=0.05)


def test_losses_more_skewed_than_a_central_distribution_get_a_central_one():
    losses = np.r_[np.full(50, 1.0), 30.0, np.linspace(1, 1.1, 20)]
    found = fit_losses(losses)
    assert found.shift == 0
    assert found.scale * found.freedom == pytest.approx(losses.mean())


def test_a_target_that_all_reach_needs_no_bits_and_the_median_needs_one():
    losses = np.random.default_rng(1).chisquare(8, 5000)
    assert sampled_bits(losses, 100.0) == pytest.approx(0, abs=1e-6)
    assert sampled_bits(losses, float(np.median(losses))) == pytest.approx(1, abs=0.05)
    # Both in another unit are the same.
    assert sampled_bits(7 * losses, 7.0) == pytest.approx(sampled_bits(losses, 1.0))


@pytest.mark.parametrize("losses", [[1.0, 2.0], [1.0, 1.0, 1.0], [1.0, np.nan, 2.0], [0.0, 1, 2]])
def test_losses_without_a_distribution_are_refused(losses):
    with pytest.raises(BadOption, match="no distribution"):
        fit_losses(losses)
