"""The cascade's ways against their definition, and verdicts on planted widths."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies import judge
from forescale.studies import neuron_multifractality as study


def test_ends_of_the_tree_are_as_far_as_the_smallest_branch_that_holds_both():
    ways, mass = study.cascade(np.random.default_rng(0), 0.3, even=False)
    n = 2**study.LEVELS
    assert ways.shape == (n, n)
    assert mass.sum() == pytest.approx(1)
    for i, j in np.random.default_rng(1).integers(0, n, (50, 2)):
        shared = 2.0 ** (int(i ^ j).bit_length() - study.LEVELS)
        assert ways[i, j] == pytest.approx(shared - 1 / n if i != j else 0)


def test_the_mass_of_every_branch_is_parted_by_the_shares():
    _, mass = study.cascade(np.random.default_rng(0), 0.3, even=False)
    halves = mass.reshape(-1, 2)
    np.testing.assert_allclose(np.sort(halves / halves.sum(1, keepdims=True)), [[0.3, 0.7]] * 128)


@pytest.mark.parametrize("p", study.SHARES)
def test_both_ends_of_the_spectrum_come_back_and_those_of_an_even_mass_do_not(p):
    low, high = study.ends(np.random.default_rng(0), p, even=False)
    assert low == pytest.approx(1, abs=0.02)
    assert high == pytest.approx(1, abs=0.02)
    flat, also = study.ends(np.random.default_rng(0), p, even=True)
    assert flat > 1.2
    assert also < 0.9


def planted(ranked, ranked_shuffled):
    """A table whose widths rise by so much with every look, noise aside."""
    rng = np.random.default_rng(0)
    shape = (len(study.MODELS), study.SEEDS, len(study.LOOKS))
    slopes = {"plain": 1.0, "plain_shuffled": 1.0}
    slopes |= {"ranked": ranked, "ranked_shuffled": ranked_shuffled}
    looks = np.arange(len(study.LOOKS))
    return {n: np.ravel(9 + s * looks + rng.normal(size=shape)) for n, s in slopes.items()}


@pytest.mark.parametrize(
    ("ranked", "shuffled", "word"), [(1.0, 0.0, "holds"), (0.0, 0.0, "fails"), (1.0, 1.0, "fails")]
)
def test_a_trend_must_be_there_and_be_gone_where_weights_are_shuffled(ranked, shuffled, word):
    numbers = study.trends(planted(ranked, shuffled), seed=0, falsified=False)
    assert judge(numbers).verdict == word


def test_growth_is_that_of_three_looks_over_three():
    table = {n: np.tile(np.array(study.LOOKS, float), 15) for n in study.COLUMNS[4:]}
    numbers = study.trends(table, seed=0, falsified=False)
    assert numbers["growth_plain_2"].value == pytest.approx(6 * np.log(2))
    assert numbers["larger_plain"].value == pytest.approx(0)
