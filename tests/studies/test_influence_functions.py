"""The parts of the study of influence functions."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies import influence_functions as study


def test_agreement_is_over_examples_query_by_query():
    scores = np.random.default_rng(0).normal(size=(3, 20))
    # Each query may have its own size and level.
    assert study.agreement(scores, 5 * scores + np.arange(3)[:, None]) == pytest.approx(1)
    flipped = scores * np.array([1, 1, -1])[:, None]
    assert study.agreement(scores, flipped) == pytest.approx(1 / 3)


@pytest.mark.lab
def test_leaving_out_one_of_two_equal_examples_changes_less_than_the_only_one():
    torch = pytest.importorskip("torch")
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(12, 6, generator=draw), torch.arange(12) % 3
    x[0:6] = x[0]
    y[0:6] = 0
    asked = x[[0, 11]], y[[0, 11]]
    rise = study.left_out(0, x, y, asked, np.array([0, 11]))
    assert rise.shape == (2, 2)
    assert rise[1, 1] > abs(rise[0, 0])
    assert rise[1, 1] > 0
