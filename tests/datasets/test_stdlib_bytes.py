"""What our own runs promise: to a law in N and D, to rates, batches and schedules."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
from itertools import pairwise

import numpy as np
import pytest

from forescale import datasets

TEXT = ("run", "schedule")


def columns(name: str) -> dict[str, np.ndarray]:
    data = datasets.path(name).read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    return {c: np.array([r[c] if c in TEXT else float(r[c]) for r in rows]) for c in rows[0]}


@pytest.fixture(scope="module")
def runs() -> dict[str, np.ndarray]:
    return columns("stdlib_bytes")


def test_five_sizes_by_five_budgets_by_two_seeds_are_whole(runs):
    wanted = set(itertools.product((16, 32, 48, 80, 128), 1024 * 256 * 2 ** np.arange(5), (0, 1)))
    cells = set(zip(runs["d_model"], runs["tokens"], runs["seed"], strict=True))
    assert len(cells) == len(runs["run"]) == len(set(runs["run"]))
    assert wanted <= cells
    assert np.log10(runs["params"].max() / runs["params"].min()) > 2.2
    assert np.log10(runs["tokens"].max() / runs["tokens"].min()) > 1.45


def test_compute_is_what_the_products_take(runs):
    looked_up = 256 * runs["d_model"]
    rule = 6 * (runs["params"] - looked_up) * runs["tokens"]
    np.testing.assert_allclose(runs["flops_6nd"], rule, rtol=1e-5)
    # Scores and means of values: twice two FLOPs per width, block and place, times three.
    attention = 12 * 128 * runs["d_model"] * runs["n_layers"] * runs["tokens"]
    np.testing.assert_allclose(runs["flops"], rule + attention, rtol=1e-5)
    np.testing.assert_array_equal(runs["tokens"], runs["steps"] * runs["batch_tokens"])


def test_parameters_are_what_the_shape_says(runs):
    blocks = 12 * runs["n_layers"] * runs["d_model"] ** 2
    np.testing.assert_array_equal(runs["params_nonembed"], blocks)
    np.testing.assert_array_equal(runs["params"], blocks + 2 * 256 * runs["d_model"])


def test_no_byte_is_seen_twice(runs):
    np.testing.assert_array_equal(runs["unique_tokens"], runs["tokens"])


def mean_by_cell(runs) -> dict[tuple[float, float], float]:
    cells: dict[tuple[float, float], list[float]] = {}
    for n, d, loss in zip(runs["params"], runs["tokens"], runs["loss"], strict=True):
        cells.setdefault((n, d), []).append(loss)
    return {cell: float(np.mean(losses)) for cell, losses in cells.items()}


def test_twice_the_data_lowers_the_loss_of_every_size(runs):
    cells = mean_by_cell(runs)
    for n, d in cells:
        if (n, 2 * d) in cells:
            assert cells[n, 2 * d] < cells[n, d]


def test_a_larger_model_is_better_once_there_is_data_for_it(runs):
    cells = mean_by_cell(runs)
    sizes = sorted({n for n, _ in cells})
    for small, large in pairwise(sizes):
        shared = max(d for n, d in cells if n == large and (small, d) in cells)
        assert cells[large, shared] < cells[small, shared]


def test_seeds_agree_to_about_a_percent(runs):
    logs = [
        np.log(runs["loss"][(runs["params"] == n) & (runs["tokens"] == d)])
        for n, d in mean_by_cell(runs)
    ]
    repeated = [v for v in logs if len(v) > 1]
    assert len(repeated) >= 25
    assert np.sqrt(np.mean([v.var(ddof=1) for v in repeated])) < 0.015


def test_every_run_has_a_curve_that_ends_near_its_loss(runs):
    curves = columns("stdlib_bytes_curves")
    assert set(curves["run"]) == set(runs["run"])
    final = curves["is_final"] == 1
    assert final.sum() == len(runs["run"])
    ends = dict(zip(curves["run"][final], curves["loss"][final], strict=True))
    gap = np.log([ends[r] for r in runs["run"]]) - np.log(runs["loss"])
    # The curve's windows are an eighth of the table's: one common shift, little scatter.
    assert abs(gap.mean()) < 0.03
    assert gap.std() < 0.01
    assert (curves["lr"][final] < 0.03 * curves["lr"].max()).all()


def best(table: dict[str, np.ndarray], rows: np.ndarray) -> float:
    return float(table["lr_peak"][rows][table["loss"][rows].argmin()])


def test_one_learning_rate_serves_all_widths(runs):
    sweep = columns("stdlib_bytes_lr")
    short = sweep["steps"] == 512
    found = {best(sweep, short & (sweep["d_model"] == w)) for w in (16, 48, 128)}
    assert found == {0.032}
    assert set(runs["lr_peak"]) == {0.03}


def test_larger_batches_want_larger_rates_and_waste_bytes():
    grid = columns("stdlib_bytes_batch")
    batches = np.unique(grid["batch_tokens"])
    rows = [grid["batch_tokens"] == b for b in batches]
    assert len(batches) == 6
    assert best(grid, rows[-1]) > 2 * best(grid, rows[0])
    assert (np.diff([grid["loss"][r].min() for r in rows]) > 0).all()


def test_a_rate_that_falls_beats_one_that_stays():
    curves = columns("stdlib_bytes_schedules")
    final = curves["is_final"] == 1
    ends = {
        (s, d): curves["loss"][final & (curves["schedule"] == s) & (curves["budget"] == d)].mean()
        for s in np.unique(curves["schedule"])
        for d in np.unique(curves["budget"])
    }
    assert len(ends) == 12
    for (schedule, budget), loss in ends.items():
        if schedule != "constant":
            assert loss < 0.98 * ends["constant", budget]
