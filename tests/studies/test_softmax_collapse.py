"""The pieces of the study: the table, the network that can hold it, and the arms."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from forescale.studies._modular import accuracy, network, steps, table  # noqa: E402
from forescale.studies.softmax_collapse import readings  # noqa: E402

pytestmark = pytest.mark.lab


def test_the_table_holds_every_pair_once_with_its_sum() -> None:
    data = table(np.random.default_rng(0), 7, 0.6, torch.float32)
    assert len(data.x) == round(0.6 * 49)
    x, y = torch.cat([data.x, data.x_test]), torch.cat([data.y, data.y_test])
    a, b = x[:, :7].argmax(1), x[:, 7:].argmax(1)
    assert len(set(zip(a.tolist(), b.tolist(), strict=True))) == 49
    assert torch.equal((a + b) % 7, y)
    assert (x.sum(1) == 2).all()


def test_waves_written_by_hand_answer_every_pair() -> None:
    """Squares of waves hold products of cosines, from which the sum's wave is read off."""
    p, phases, wave = 11, 6, 3
    net = network(np.random.default_rng(0), p, phases, 1.0, torch.float64)
    n = torch.arange(p, dtype=torch.float64) * 2 * torch.pi * wave / p
    shift = torch.arange(phases, dtype=torch.float64) * 2 * torch.pi / phases
    with torch.no_grad():
        inner = torch.cos(n[:, None] + shift / 2)
        net.inner.copy_(torch.cat([inner, inner]))
        net.outer.copy_(torch.cos(n[None, :] + shift[:, None]))
    data = table(np.random.default_rng(0), p, 0.5, torch.float64)
    assert accuracy(net, data.x, data.y) == 1.0
    assert accuracy(net, data.x_test, data.y_test) == 1.0


def test_steps_of_a_rule_are_those_of_torch_with_its_gradient() -> None:
    data = table(np.random.default_rng(0), 5, 0.6, torch.float64)
    one, two = (network(np.random.default_rng(1), 5, 8, 1.0, torch.float64) for _ in range(2))
    assert list(steps(one, data, {}, 3, lr=0.01, beta2=0.99)) == [1, 2, 3]
    plain = torch.optim.Adam(two.parameters(), lr=0.01, betas=(0.9, 0.99), eps=1e-25)
    for _ in range(3):
        plain.zero_grad()
        torch.nn.functional.cross_entropy(two(data.x), data.y).backward()
        plain.step()
    torch.testing.assert_close(one.inner, two.inner)


def test_a_fit_scaled_up_collapses_in_float32_and_not_in_float64() -> None:
    found = {}
    for dtype in (torch.float32, torch.float64):
        data = table(np.random.default_rng(0), 11, 0.6, dtype)
        net = network(np.random.default_rng(1), 11, 64, 1.0, dtype)
        for _ in steps(net, data, {}, 60, lr=0.02, beta2=0.99):
            pass
        assert accuracy(net, data.x, data.y) == 1.0
        with torch.no_grad():
            scores = net(data.x)
            lead = scores.topk(2).values.diff().abs().median()
            # Median lead of 25 nats: beyond float32's 16.6, short of float64's 36.7.
            net.outer.mul_(25 / lead)
        found[dtype] = readings(net, data)[0]
    assert found[torch.float32] > 0.5
    assert found[torch.float64] < 0.2
