"""What the studies of conformal methods are built of, against slow or known answers."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.runs import RunTable
from forescale.studies import nonexchangeable_risk as drift
from forescale.studies import reusable_holdout as holdout
from forescale.studies import sequential_conformal as memory
from forescale.studies import simpsons_bias as simpson


def test_dice_is_that_of_sets_and_an_empty_batch_is_right() -> None:
    truth, told = np.random.default_rng(0).integers(0, 2, (2, 40)).astype(bool)
    plain = 2 * np.sum(truth & told) / (truth.sum() + told.sum())
    assert simpson.score(told, truth, 40, "dice") == pytest.approx(plain)
    nothing = np.zeros(8, bool)
    assert simpson.score(nothing, nothing, 8, "dice") == 1.0


def test_pooled_dice_nears_that_of_unlimited_examples_and_batches_do_not() -> None:
    rng, recall, false = np.random.default_rng(1), 0.4, 0.02
    truth = rng.random(1 << 20) < simpson.POSITIVES
    told = simpson.calls(rng, truth, recall, false)
    share = recall * simpson.POSITIVES + false * (1 - simpson.POSITIVES)
    expected = 2 * recall * simpson.POSITIVES / (share + simpson.POSITIVES)
    pooled = simpson.score(told, truth, len(truth), "dice")
    assert pooled == pytest.approx(expected, abs=0.01)
    assert simpson.score(told, truth, 8, "dice") - pooled > 0.2
    right = [simpson.score(told, truth, size, "accuracy") for size in (8, len(truth))]
    assert right[0] == pytest.approx(right[1], abs=1e-12)


def test_the_wrong_law_is_a_line_through_the_runs_so_far() -> None:
    """The same errors by numpy's own fit, for one ladder."""
    found = drift.extrapolated(2, 3, 1.7)
    rng = np.random.default_rng([3, 2311])
    x = np.log(drift.STEP) * np.arange(drift.RUNS)
    noise = np.exp(rng.uniform(np.log(0.003), np.log(0.02), (2, 1)))
    y = np.log(1.7 + 1.8 * np.exp(-0.15 * x)) + noise * rng.normal(size=(2, drift.RUNS))
    k = 30
    at = x[k + drift.AHEAD - 1]
    line, residual, *_ = np.polyfit(x[:k], y[1, :k], 1, full=True)
    d = x[:k] - x[:k].mean()
    spread = 1 + 1 / k + (at - x[:k].mean()) ** 2 / (d @ d)
    error = abs(y[1, k + drift.AHEAD - 1] - np.polyval(line, at))
    wanted = error / np.sqrt(residual[0] / (k - 2) * spread)
    assert found[1, k - drift.FIRST] == pytest.approx(wanted)


def test_curves_that_are_straight_on_logs_leave_no_residual() -> None:
    step = np.geomspace(1, 100, 12)
    runs = RunTable(
        {
            "run": np.repeat(np.array(["a", "b"], object), 12),
            "step": np.tile(step, 2),
            "L": np.concatenate([3 * step**-0.2, 2 * step**-0.3]),
        }
    )
    found = memory.curve_residuals(runs)
    assert [len(r) for r in found] == [12 - memory.POINTS] * 2
    np.testing.assert_allclose(np.concatenate(found), 0, atol=1e-12)


def test_contexts_end_where_the_residual_begins() -> None:
    r = np.arange(6.0)
    assert memory.contexts(r).tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]


def test_an_analyst_is_fooled_without_the_guard_and_not_with_it() -> None:
    naive, told, spent = holdout.analyst(1500, 7, guarded=True)
    assert naive > 60
    assert abs(told - 50) < 4
    assert 0 < spent < 0.2
    naive, told, _ = holdout.analyst(1500, 7, guarded=False)
    # Thresholds of a billionth still move features whose answer is exactly chance.
    assert told == pytest.approx(naive, abs=2)
