"""Influence: against matrices written out, and where the factors are exact."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from forescale.errors import BadOption  # noqa: E402
from forescale.probes.influence import influence  # noqa: E402

pytestmark = pytest.mark.lab
LOSS = torch.nn.functional.cross_entropy


def squared(out, target):
    return 0.5 * (out - target).square().sum(1).mean()


def test_exact_is_the_damped_gauss_newton_written_out(small):
    model, (x, y) = small
    params = dict(model.named_parameters())
    start = torch.cat([p.detach().flatten() for p in params.values()])

    def logits(flat, inputs):
        parts = flat.split([p.numel() for p in params.values()])
        named = {n: v.view_as(p) for (n, p), v in zip(params.items(), parts, strict=True)}
        return torch.func.functional_call(model, named, inputs)

    bent = torch.zeros(len(start), len(start)).double()
    pulls = []
    for i in range(len(x)):
        j = torch.func.jacrev(logits)(start, x[i : i + 1])[0]
        p = logits(start, x[i : i + 1])[0].softmax(0)
        bent += j.T @ (p.diag() - torch.outer(p, p)) @ j / len(x)
        pulls.append(j.T @ (p - torch.eye(3)[y[i]]))
    pulls = torch.stack(pulls)
    added = 0.1 * bent.diagonal().mean()
    slow = pulls[:4] @ torch.linalg.inv(bent + added * torch.eye(len(start))) @ pulls.T
    found = influence(model, (x, y), (x[:4], y[:4]), LOSS, method="exact")
    np.testing.assert_allclose(found.scores, slow, rtol=1e-6)
    assert found.damping == pytest.approx(added.item())


@pytest.mark.parametrize("method", ["ekfac", "exact"])
def test_a_linear_regression_left_alone_by_one_example(method):
    # One output and squared loss: the block's outer factor is a number, and both are exact.
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(40, 3, generator=draw).double()
    y = x @ torch.ones(3, 1).double() + 0.1 * torch.randn(40, 1, generator=draw).double()
    model = torch.nn.Linear(3, 1, bias=False).double()

    def fitted(kept):
        return torch.linalg.lstsq(x[kept], y[kept]).solution.T

    everything = torch.arange(40)
    with torch.no_grad():
        model.weight.copy_(fitted(everything))
    found = influence(model, (x, y), (x[:5], y[:5]), squared, method=method, damping=1e-9).scores
    each = 0.5 * (x @ model.weight.T - y).square()[:5, 0]
    for out in (7, 21):
        without = 0.5 * (x @ fitted(everything[everything != out]).T - y).square()[:5, 0]
        rise = (without - each).detach().numpy()
        np.testing.assert_allclose(found[:, out] / 40, rise, rtol=0.25, atol=2e-5)


def test_ekfac_follows_exact_and_both_leave_the_model_alone(small):
    model, (x, y) = small
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(50):
        optimizer.zero_grad()
        LOSS(model(x), y).backward()
        optimizer.step()
    before = [p.clone() for p in model.parameters()]
    fast, exact = (
        influence(model, (x, y), (x[:8], y[:8]), LOSS, method=m) for m in ("ekfac", "exact")
    )
    assert fast.damping == pytest.approx(exact.damping)
    assert np.corrcoef(fast.scores.ravel(), exact.scores.ravel())[0, 1] > 0.8
    assert all(torch.equal(p, b) for p, b in zip(model.parameters(), before, strict=True))
    assert not any(m._forward_hooks for m in model.modules())
    # An example helps itself.
    assert (np.diagonal(fast.scores[:, :8]) > 0).all()
    assert fast.top(0, 3).shape == (3,)


def test_layers_are_read_at_every_place():
    class Mean(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 3).double()

        def forward(self, x):
            return self.layer(x).mean(1)

    torch.manual_seed(0)
    model = Mean()
    x = torch.randn(12, 5, 4).double()
    y = torch.arange(12) % 3
    # The mean over places of a linear layer is the layer of the mean: damped so much that the
    # curvature is lost, both are products of gradients.
    placed = influence(model, (x, y), (x, y), LOSS, damping=1e6)
    flat = influence(model.layer, (x.mean(1), y), (x.mean(1), y), LOSS, damping=1e6)
    np.testing.assert_allclose(placed.scores, flat.scores, rtol=1e-3)


def test_what_it_cannot_do_is_said(small):
    model, batch = small
    for settings in ({"method": "guess"}, {"damping": 0.0}):
        with pytest.raises(BadOption):
            influence(model, batch, batch, LOSS, **settings)
    normed = torch.nn.Sequential(torch.nn.LayerNorm(6).double(), *model)
    with pytest.raises(BadOption, match="of no linear layer"):
        influence(normed, batch, batch, LOSS)
    layer = torch.nn.Linear(6, 6).double()
    with pytest.raises(BadOption, match="called twice"):
        influence(torch.nn.Sequential(layer, layer), batch, batch, LOSS)
