"""When runs on facts that follow have learnt: planted curves, the table, and runs made anew."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from forescale.studies._swept import recorded
from forescale.studies.two_hop_grokking import (
    CHANCE,
    COLUMNS,
    EVERY,
    GRAPHS,
    RATIOS,
    SETS,
    STEPS,
    WORLDS,
    curves,
    learnt,
    measured,
    slopes,
    timed,
)


def risen(steps: int, *at: int) -> np.ndarray:
    """Curves that jump from nothing to all at given looks, a row each."""
    return np.stack([np.arange(steps) >= a for a in at]).astype(float)


def test_a_world_has_learnt_at_its_first_look_above_and_at_the_last_where_there_is_none() -> None:
    right = np.array([[0.1, 0.9, 0.2, 0.95], [0.95, 0, 0, 0], [0.8, 0.85, 0.89, 0.1]])
    np.testing.assert_array_equal(learnt(right), [1, 0, 3])


def test_the_fit_waits_for_both_kinds_of_facts_and_a_run_that_never_finds_is_not_late_enough(
) -> None:  # fmt: skip
    runs = {
        "atomic": risen(40, 3, 1),
        "shown": risen(40, 1, 4),
        "inside": risen(40, 23, 99) + np.array([[0.0], [0.25]]),
    }
    found = timed(runs)
    np.testing.assert_array_equal(found["fit"], EVERY * np.array([4, 5]))
    # The second is known to have taken all 40 looks at least, and is said not to have come.
    np.testing.assert_array_equal(found["found"], EVERY * np.array([24, 40]))
    np.testing.assert_allclose(found["late"], [6, 8])
    np.testing.assert_array_equal(found["came"], [1, 0])
    np.testing.assert_array_equal(found["before"], [0, 0.25])


def test_the_slope_is_the_power_that_was_planted() -> None:
    ratios = np.array(RATIOS["composition"], float)
    found = ratios[:, None] ** np.array([-2.0, 0.0, 1.0]) * np.array([9e4, 700.0, 3.0])
    np.testing.assert_allclose(slopes(ratios, found), [-2, 0, 1], atol=1e-9)


def test_the_table_has_every_look_at_every_run() -> None:
    table, _ = recorded("two_hop_grokking")
    assert tuple(table) == COLUMNS
    expected = [
        (kind, ratio, world, step)
        for world in range(WORLDS)
        for kind, ratios in RATIOS.items()
        for ratio in ratios
        for step in range(EVERY, STEPS[kind] + 1, EVERY)
    ]
    assert list(zip(*(table[c].tolist() for c in COLUMNS[:4]), strict=True)) == expected
    for kind, ratios in RATIOS.items():
        found = curves(table, kind, ratios[0])
        looks = STEPS[kind] // EVERY
        assert {found[s].shape for s in SETS} == {(WORLDS, looks)}
        # A share of so many facts held out.
        hits = found["inside"] * GRAPHS[kind]["held"]
        np.testing.assert_allclose(hits, np.round(hits), atol=1e-3)


@pytest.mark.lab
def test_guessing_is_right_as_often_as_is_said() -> None:
    pytest.importorskip("torch")
    from forescale.lab import tasks

    for kind, chance in CHANCE.items():
        tops = []
        for draw in range(8):
            about = {"kind": kind, "ratio": 1.0, "judged": "outside", "draw": draw}
            _, said = tasks.get("knowledge_graph").data(**about, **GRAPHS[kind]).validation
            _, counts = np.unique(said.numpy(), return_counts=True)
            tops.append(counts.max() / counts.sum())
        # The likeliest answer of a finite set is likelier than that of all.
        assert chance < np.mean(tops) < chance + 0.1


@pytest.mark.lab
def test_runs_are_made_as_recorded() -> None:
    pytest.importorskip("torch")
    rows = list(itertools.islice(measured(0, worlds=1), 2))
    assert [row[:4] for row in rows] == [("composition", 8, 0, EVERY * k) for k in (1, 2)]
    table, _ = recorded("two_hop_grokking")
    for k, row in enumerate(rows):
        # Other machines round otherwise; so early that is all that differs.
        np.testing.assert_allclose([table[s][k] for s in SETS], row[4:], atol=0.1)
