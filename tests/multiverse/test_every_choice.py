"""The contract of a choice file, over the whole folder: a new one is tested by being there."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.fit import specify
from forescale.fit.objective import objective
from forescale.multiverse import kinds
from forescale.multiverse._analysis import Analysis, Ask, Choice
from forescale.multiverse._quantity import Exponent
from forescale.runs import RunTable

NAMES = kinds.names()


def everything(runs: RunTable) -> RunTable:
    """The table with whatever any choice asks for: checkpoints, counts, marks, variants."""
    end = len(runs)
    rows = np.repeat(np.arange(end), 3)
    share = np.tile([0.25, 0.6, 1.0], end)
    d = runs["D"][rows] * share
    return RunTable(
        {
            "run": np.array([f"r{i}" for i in rows], object),
            "N": runs["N"][rows],
            "N_nonembed": runs["N"][rows] - 1e5,
            "D": d,
            "C": 6 * runs["N"][rows] * d,
            "L": runs["L"][rows] * (1 + 0.1 * (1 - share)),
            "outlier": (rows % 9 == 0).astype(float),
            "weight": 1.0 + rows % 2,
            "variant": np.where(rows % 2, "odd", "even").astype(object),
        }
    )


@pytest.fixture(scope="module")
def start(planted) -> tuple[Analysis, Ask]:
    runs = everything(planted())
    law = specify(runs, "chinchilla").law
    ask = Ask(
        Exponent(3e18), vary=("variant",), rows=("weight<2",), weights="weight", forms=("coupled",)
    )
    return Analysis(runs, np.ones(len(runs), bool), law, objective("huber")), ask


@pytest.mark.parametrize("name", NAMES)
def test_a_choice_says_what_it_decides_and_who_showed_that_it_matters(name: str) -> None:
    choice = kinds.get(name)
    assert isinstance(choice, Choice)
    assert choice.name == name
    assert choice.what and "\n" not in choice.what
    assert any(c.isdigit() for c in choice.source)


def test_no_two_choices_take_the_same_turn() -> None:
    turns = [kinds.get(n).turn for n in NAMES]
    assert len(set(turns)) == len(turns)


@pytest.mark.parametrize("name", NAMES)
def test_each_option_gives_an_analysis_and_leaves_the_first_one_alone(name: str, start) -> None:
    at, ask = start
    if name == "estimator":
        # Parabolas need budgets, which points along the way blur.
        at = kinds.get("checkpoints").axes(at, ask)[0].options[0].change(at)
    axes = kinds.get(name).axes(at, ask)
    assert axes
    before = (at.runs.hash, at.keep.copy(), at.law, at.objective)
    for axis in axes:
        assert axis.what
        names = [o.name for o in axis.options]
        assert len(set(names)) == len(names) > 1
        keys = set()
        for option in axis.options:
            made = option.change(at)
            assert made.keep.shape == (len(made.runs),)
            assert made.keep.any()
            assert 0 < len(made.rows) <= len(at.runs)
            keys.add(made.key)
        # Options that change nothing would be counted as choices.
        assert len(keys) > 1
    after = (at.runs.hash, at.keep, at.law, at.objective)
    assert all(np.all(a == b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("name", ["vary", "rows", "checkpoints", "counting"])
def test_a_table_that_leaves_nothing_to_choose_has_no_axis(name: str, planted) -> None:
    runs = planted()
    at = Analysis(runs, np.ones(len(runs), bool), specify(runs, "chinchilla").law)
    assert kinds.get(name).axes(at, Ask(Exponent(1e18))) == ()
