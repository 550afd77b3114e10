"""What the joint sweep promises to a law in N and D."""

from __future__ import annotations

import csv
import gzip
import io
from itertools import pairwise

import numpy as np
import pytest

from forescale import datasets


def columns(name: str) -> dict[str, np.ndarray]:
    data = datasets.path(name).read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    numeric = [c for c in rows[0] if c != "run"]
    return {c: np.array([float(r[c]) for r in rows]) for c in numeric} | {
        "run": np.array([r["run"] for r in rows])
    }


@pytest.fixture(scope="module")
def runs() -> dict[str, np.ndarray]:
    return columns("stdlib_bytes")


def test_the_sweep_is_wide_enough_for_a_joint_law(runs):
    assert len(runs["loss"]) >= 60
    assert len(np.unique(runs["params"])) == 6
    assert np.log10(runs["params"].max() / runs["params"].min()) > 1.85
    assert np.log10(runs["tokens"].max() / runs["tokens"].min()) > 1.75
    assert len(np.unique(runs["tokens"])) == 7


def test_compute_is_six_n_d(runs):
    np.testing.assert_allclose(runs["flops"], 6 * runs["params"] * runs["tokens"], rtol=1e-5)
    np.testing.assert_array_equal(runs["tokens"], runs["steps"] * runs["batch_tokens"])


def test_parameters_are_what_the_shape_says(runs):
    blocks = 12 * runs["n_layers"] * runs["d_model"] ** 2
    np.testing.assert_array_equal(runs["params_nonembed"], blocks)
    np.testing.assert_array_equal(runs["params"], blocks + 256 * runs["d_model"])


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
    assert len(repeated) == 19
    assert np.sqrt(np.mean([v.var(ddof=1) for v in repeated])) < 0.01
    assert max(np.ptp(v) for v in repeated) < 0.03


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


def test_the_learning_rate_sweep_brackets_the_rule():
    sweep = columns("stdlib_bytes_lr")
    for width, tokens in ((24, 2**22), (56, 2**20), (112, 2**20)):
        row = (sweep["d_model"] == width) & (sweep["tokens"] == tokens)
        best = sweep["lr_peak"][row][sweep["loss"][row].argmin()]
        rule = 8.5e-3 * (width / 56) ** -1.2 * (tokens / 2**20) ** -0.25
        assert 0.5 <= best / rule <= 2
