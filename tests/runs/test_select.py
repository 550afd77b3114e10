"""Frontier, iso-FLOP groups and the order of scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forescale.errors import BadOption, BadTable
from forescale.runs import compute, frontier, isoflop_groups, read, scale_name, scale_order


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=2, max_size=12, unique=True)
)
def test_the_frontier_is_what_no_cheaper_run_beats(points):
    flops, losses = zip(*points, strict=True)
    runs = read({"flops": list(map(float, flops)), "loss": list(map(float, losses))})
    best = frontier(runs)
    slow = {
        (c, loss)
        for c, loss in points
        if not any(c2 <= c and loss2 <= loss and (c2, loss2) != (c, loss) for c2, loss2 in points)
    }
    assert set(zip(best["C"].tolist(), best["L"].tolist(), strict=True)) == slow
    assert (np.diff(best["C"]) > 0).all() and (np.diff(best["L"]) < 0).all()


def test_runs_of_one_budget_share_a_group():
    runs = read({"flops": [1e18, 3e18, 1.05e18, 3.1e18, None], "loss": [3, 2.8, 3.1, 2.9, 2.7]})
    assert isoflop_groups(runs).tolist() == [0, 1, 0, 1, -1]
    assert isoflop_groups(runs, tol=0.01).tolist() == [0, 2, 1, 3, -1]
    with pytest.raises(BadOption):
        isoflop_groups(runs, tol=0)


def test_scale_is_compute_where_there_is_any_and_else_the_one_scale():
    assert scale_name(read({"flops": [1e18], "loss": [3]})) == "C"
    assert compute(read({"params": [1e8], "tokens": [1e9], "loss": [3]}))[0] == 6e17
    examples = read({"examples": [10, 20], "loss": [3, 2]})
    assert scale_name(examples) == "n" and scale_order(examples).tolist() == [10, 20]
    both = read({"params": [10.0, 20.0], "examples": [10, 20], "loss": [3, 2]})
    assert scale_order(both).tolist() == [100, 400]
    with pytest.raises(BadTable, match="scale"):
        scale_name(read({"loss": [3, 2]}))
    with pytest.raises(BadTable, match="no loss"):
        frontier(read({"flops": [1e18]}))
