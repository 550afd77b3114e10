"""How much wider than the fit says: the prior, and what a table's own cuts make of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forescale.fit import fit
from forescale.forecast._predictive import predictive
from forescale.forecast.drift import PRIOR, Doubt, Look, Prior, doubt
from forescale.laws import get
from forescale.runs import RunTable
from forescale.uncertainty import assess

FEW = st.floats(1e-8, 1e-2)


def test_without_cuts_it_is_the_prior() -> None:
    found = doubt()
    assert found.weights.sum() == pytest.approx(1.0)
    for rms, (median, spread) in (
        (found.inflation, PRIOR.inflation),
        (found.change, PRIOR.change),
    ):
        # Root mean square of a log-normal; the nodes end at three spreads.
        assert rms == pytest.approx(median * np.exp(spread**2), rel=0.1)


@given(st.lists(st.builds(Look, FEW, FEW, FEW), max_size=6))
def test_it_is_a_distribution_whatever_the_cuts(looks: list[Look]) -> None:
    found = doubt(looks)
    assert found.weights.min() >= 0
    assert found.weights.sum() == pytest.approx(1.0)


@given(FEW, FEW, st.floats(0.1, 30.0))
def test_larger_misses_never_narrow_it(own: float, change: float, miss: float) -> None:
    look = Look(own, change, own)
    nearer, farther = (doubt([Look(own, change, m * m * own)]) for m in (miss, 1.5 * miss))
    assert nearer.spread(look) <= farther.spread(look) * (1 + 1e-9)


def test_many_cuts_find_the_planted_inflation_and_change() -> None:
    rng = np.random.default_rng(0)
    prior = Prior(inflation=(1.0, 0.7), change=(0.05, 1.0), share=1.0)
    looks = []
    for _ in range(800):
        own, change = np.exp(rng.uniform(-12, -6, 2))
        miss = rng.normal() ** 2 * (1.8**2 * own + 0.2**2 * change)
        looks.append(Look(float(own), float(change), float(miss)))
    found = doubt(looks, prior)
    # The nodes are 0.3 and 0.43 apart in logs.
    assert found.inflation == pytest.approx(1.8, rel=0.2)
    assert found.change == pytest.approx(0.2, rel=0.25)


def test_draws_have_the_spread_it_states_and_one_direction_for_all_places() -> None:
    found = doubt([Look(1e-4, 1e-2, 1e-3)])
    inflation, wander = found.draw(np.random.default_rng(0), 200_000)
    assert inflation.shape == wander.shape == (200_000, 1)
    assert np.sqrt(np.mean(inflation**2)) == pytest.approx(found.inflation, rel=0.01)
    assert np.sqrt(np.mean(wander**2)) == pytest.approx(found.change, rel=0.02)
    at_its_word = Doubt(np.ones(1), np.zeros(1), np.ones(1))
    one, none = at_its_word.draw(np.random.default_rng(0), 5)
    assert (one == 1).all()
    assert (none == 0).all()


def test_a_steep_law_gets_the_wider_interval_at_the_same_distance() -> None:
    law = get("power")
    c = np.logspace(17, 20, 12)
    widths = []
    for alpha in (0.02, 0.3):
        truth = {**dict(law.typical), "E": 0.0, "alpha": alpha}
        noise = np.exp(1e-4 * np.random.default_rng(0).normal(size=12))
        runs = RunTable({"C": c, "L": law.predict({"C": c}, truth) * noise})
        made = assess(fit(runs, law), resamples=100)
        p = predictive(made, {"C": np.array([1e21])})
        lo, hi = np.quantile(np.log(p.total[:, 0]), [0.05, 0.95])
        widths.append(hi - lo)
    assert widths[1] > 1.3 * widths[0]


def test_nothing_is_added_inside_the_data_but_the_factor() -> None:
    law = get("power")
    c = np.logspace(17, 20, 12)
    noise = np.exp(1e-3 * np.random.default_rng(0).normal(size=12))
    runs = RunTable({"C": c, "L": law.predict({"C": c}, dict(law.typical)) * noise})
    made = assess(fit(runs, law), resamples=100)
    p = predictive(made, {"C": np.array([1e18, 1e22])})
    assert p.change[0] == 0.0
    assert p.change[1] < 0.0
