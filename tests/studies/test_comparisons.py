"""Parts of the studies of comparisons and rankings, each against a known answer."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.compare import composition
from forescale.studies import partial_compositions as parts
from forescale.studies import scaling_crossover as cross
from forescale.studies import strategic_environments as game


def test_losing_the_dominant_action_gains_one() -> None:
    assert game.equilibrium(("D", "U")) == 1
    assert game.equilibrium(("U",)) == 2


def test_where_nobody_moves_the_equilibrium_is_the_plain_fit() -> None:
    plain, answered = game.losses(np.random.default_rng(0), cost=1e9)
    # A ridge of a thousandth is all that parts the two.
    np.testing.assert_allclose(answered, plain, rtol=0.05, atol=1e-4)
    assert (np.diff(plain) <= 1e-9).all()


def test_a_planted_partial_correlation_has_its_closed_form() -> None:
    (table,) = parts.mixtures(1, 0, planted=parts.PLANTED)
    many = np.concatenate(parts.mixtures(50, 1, planted=parts.PLANTED))
    assert table.sum(axis=1) == pytest.approx(1)
    found = composition.partial_correlations(many)[0, 1]
    assert found == pytest.approx(parts.expected(parts.PLANTED), abs=0.01)
    assert parts.spread(table) < 1e-10


def test_laws_without_noise_cross_where_they_were_planted() -> None:
    found = cross.crossing(cross.pair(1e-7, 0, cross.AT), 0)
    assert found.at is not None
    assert found.at.value == pytest.approx(cross.AT, rel=0.02)
