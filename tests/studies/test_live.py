"""What studies of live networks share: against torch's Adam and scipy's ranks."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from forescale import studies
from forescale.errors import MissingExtra, NotReached
from forescale.studies._live import Descent, live, need_torch, rank_correlation, ranks


def test_ranks_are_scipy_s_with_ties_and_what_says_nothing_correlates_with_nothing():
    rng = np.random.default_rng(0)
    a, b = rng.integers(6, size=30) / 2, rng.normal(size=30)
    np.testing.assert_allclose(ranks(a), rankdata(a))
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert rank_correlation(b, -np.exp(b)) == pytest.approx(-1)
    assert rank_correlation(b, np.ones(30)) == 0
    assert rank_correlation([1, 2, np.nan], [1, 2, 3]) == 0


@pytest.mark.lab
def test_descent_is_adamw():
    torch = pytest.importorskip("torch")
    start = torch.randn(5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ours, theirs = (start.clone().requires_grad_() for _ in range(2))
    descent = Descent([ours], lr=0.1, decay=0.3)
    other = torch.optim.AdamW([theirs], lr=0.1, weight_decay=0.3)
    for _ in range(7):
        descent.step((ours.sin() * ours).sum())
        other.zero_grad()
        (theirs.sin() * theirs).sum().backward()
        other.step()
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("absent", ["none", "raises"])
def test_without_torch_a_study_is_not_tested_rather_than_broken(monkeypatch, absent) -> None:
    def find(name: str, *_: object) -> None:
        if absent == "raises":
            raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    with pytest.raises(NotReached, match="need torch"):
        live()
    with pytest.raises(MissingExtra, match="need torch"):
        need_torch(MissingExtra)
    found = studies.run("hidden_symmetries")
    assert found.verdict == "undecided"
    assert found.why.startswith("not tested")
