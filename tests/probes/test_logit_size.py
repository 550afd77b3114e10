"""The level of logits: invariances of the loss are what it must see."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from forescale import probes  # noqa: E402

pytestmark = pytest.mark.lab


def read(logits):
    """Of a model that says its inputs."""
    return probes.read("logit_size", torch.nn.Identity(), logits).values


def test_numbers_are_those_of_a_plain_loop():
    rows = torch.randn(7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    levels = [math.log(sum(math.exp(v) for v in row)) for row in rows.tolist()]
    found = read(rows)
    assert found["log_partition"] == pytest.approx(sum(levels) / 7)
    assert found["divergence"] == pytest.approx(math.sqrt(sum(v * v for v in levels) / 7))
    assert found["largest_logit"] == pytest.approx(float(rows.max()))
    assert found["least_logit"] == pytest.approx(float(rows.min()))
    assert found["spread"] == pytest.approx(sum(max(r) - min(r) for r in rows.tolist()) / 7)


def test_log_probabilities_have_not_drifted_and_zeros_are_flat():
    rows = torch.randn(7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = read(rows.log_softmax(1))
    assert found["divergence"] == pytest.approx(0, abs=1e-12)
    flat = read(torch.zeros(2, 3, 11))
    assert flat["log_partition"] == pytest.approx(math.log(11))
    assert flat["above_flat"] == pytest.approx(0, abs=1e-12)


def test_a_shift_that_the_loss_does_not_see_is_seen():
    rows = torch.randn(7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.zeros(7, dtype=torch.long)
    loss = torch.nn.functional.cross_entropy
    assert loss(rows + 40, labels) == pytest.approx(float(loss(rows, labels)))
    before, after = read(rows), read(rows + 40)
    assert after["log_partition"] == pytest.approx(before["log_partition"] + 40)
    assert after["spread"] == pytest.approx(before["spread"])


def test_a_run_that_has_diverged_is_nan():
    assert all(math.isnan(v) for v in read(torch.tensor([[0.0, math.inf]])).values())
