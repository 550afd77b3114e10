"""The features model of the study: closed forms at its limits, and its optimum."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies import depthwise_collapse as study


def few(seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), 8)
    return np.eye(3, 5)[labels] + 0.3 * rng.normal(size=(24, 5)), labels, np.eye(3)[labels]


def loss(w, h, given, targets):
    n, k = targets.shape
    fit = ((h @ w.T - targets) ** 2).sum() + study.NORM * (h**2).sum()
    return fit + study.NEAR * ((h - given) ** 2).sum() + study.HEAD * n / k * (w**2).sum()


def test_variability_is_the_quotient_of_traces():
    h, labels, _ = few()
    means = np.stack([h[labels == c].mean(0) for c in range(3)])
    inside = sum(np.cov(h[labels == c].T, bias=True) for c in range(3)) / 3
    assert study.variability(h, labels) == pytest.approx(
        np.trace(inside) / np.trace(np.cov(means.T, bias=True))
    )
    assert study.variability(means[labels], labels) == pytest.approx(0, abs=1e-20)


def test_the_optimum_is_flat_in_the_features_and_in_the_head():
    given, _, targets = few()
    h = study.optimised(given, targets, rounds=400)
    w = study.head(h, targets)
    best = loss(w, h, given, targets)
    rng = np.random.default_rng(1)
    for size in (1e-2, 1e-3):
        dw, dh = size * rng.normal(size=w.shape), size * rng.normal(size=h.shape)
        assert loss(w + dw, h + dh, given, targets) > best


def test_the_prediction_is_exact_as_the_noise_vanishes_and_not_for_shuffled_targets(monkeypatch):
    monkeypatch.setattr(study, "NOISE", 1e-4)
    errors = [study.near_collapse(np.random.default_rng(s), shuffled=False) for s in range(3)]
    assert max(errors) < 1e-5
    assert study.near_collapse(np.random.default_rng(0), shuffled=True) > 0.2


def test_what_the_head_does_not_see_shrinks_by_the_norm_alone():
    # Along the means deviations shrink more.
    assert study.predicted(1.0) < study.predicted(0.0)


def test_the_flow_lowers_variability_and_shuffled_targets_need_not():
    h, labels, targets = few()
    step, total = study.flow(h, labels, targets)
    assert step < 1
    assert total < 0.8
    shuffled = np.random.default_rng(0).permutation(targets)
    assert study.flow(h, labels, shuffled)[0] > 1
