"""Partners share luck: pairing uses it, and is left where there is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from forescale.compare import compare
from forescale.compare._noise import design, partners, pool
from forescale.runs import RunTable

Planted = Callable[..., RunTable]


def width(made: object) -> float:
    m = made.main.multiplier  # type: ignore[attr-defined]
    return float(np.log(m.hi / m.lo))


def test_pairing_sees_a_gap_that_shared_luck_hides(planted: Planted) -> None:
    runs = planted("offset", 1, noise=0.002, shared=0.15, runs=16)
    paired = compare(runs, "method", resamples=99)
    alone = compare(runs, "method", resamples=99, pair="none")
    assert paired.design.kind == "pairs"
    assert "16 pairs of equal scale" in paired.design.note
    assert paired.main.p_same < 0.05 <= alone.main.p_same
    assert width(paired) < 0.5 * width(alone)


def test_partners_without_shared_luck_are_not_paired(planted: Planted) -> None:
    made = compare(planted("offset", 5, runs=30), "method", resamples=99)
    assert made.design.kind == "rows"
    assert "share no luck" in made.design.note


def test_seeds_tell_partners_apart(planted: Planted) -> None:
    one, two = planted("same", 0), planted("same", 1)
    both = RunTable({
        **{c: np.concatenate([one[c], two[c]]) for c in ("C", "L", "method")},
        "seed": np.repeat([0.0, 1.0], 24),
    })  # fmt: skip
    plan = design(both, "method", ("C",), 2)
    assert plan.kind == "pairs"
    assert len(partners(plan.unit, both["method"] == "new")) == 24
    without = RunTable({k: v for k, v in both.columns.items() if k != "seed"})
    # Two runs of a method at one size: nobody knows whose partner is whose.
    assert design(without, "method", ("C",), 2).kind == "rows"


def test_a_named_column_pairs_runs_of_unequal_scale(planted: Planted) -> None:
    runs = planted("same").with_column("size", np.tile(np.arange(12.0), 2))
    moved = runs.with_column("C", runs["C"] * np.where(runs["method"] == "new", 1.1, 1.0))
    assert design(moved, "method", ("C",), 2).kind == "rows"
    plan = design(moved, "method", ("C",), 2, "size")
    assert (plan.kind, plan.note) == ("pairs", "12 pairs of equal size")


def test_points_of_one_run_err_together(planted: Planted) -> None:
    runs = planted("same").with_column("run", np.repeat(np.arange(8.0), 3))
    plan = design(runs, "method", ("C",), 2)
    assert plan.kind == "runs"
    source = pool(np.ones(24), 0.8, unit=plan.unit, method=(runs["method"] == "new").astype(int))
    drawn = source.draw(np.random.default_rng(0), 50, scale=False).reshape(50, 8, 3)
    assert (drawn == drawn[:, :, :1]).all()
    assert len(np.unique(drawn)) == 6


@pytest.mark.parametrize("paired", [True, False])
def test_drawn_noise_keeps_the_size_and_the_correlation_it_came_from(paired: bool) -> None:
    rng = np.random.default_rng(0)
    luck = rng.normal(size=400)
    e = np.concatenate([luck + 0.5 * rng.normal(size=400) for _ in range(2)])
    unit = np.tile(np.arange(400), 2) if paired else np.arange(800)
    method = np.repeat([0, 1], 400)
    drawn = pool(e, 1.0, unit=unit, method=method).draw(rng, 200, scale=False)
    assert drawn.std() == pytest.approx(e.std(), rel=0.05)
    found = np.corrcoef(drawn[:, :400].ravel(), drawn[:, 400:].ravel())[0, 1]
    assert found == pytest.approx(np.corrcoef(e[:400], e[400:])[0, 1] if paired else 0, abs=0.02)
