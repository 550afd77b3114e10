"""The training Jacobian against finite differences, a closed form, and known subspaces."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from forescale.errors import BadOption  # noqa: E402
from forescale.probes import Batch  # noqa: E402
from forescale.probes._training_jacobian import training_jacobian  # noqa: E402
from forescale.studies.training_jacobian import overlap, tanh_network  # noqa: E402

pytestmark = pytest.mark.lab
LOSS = torch.nn.functional.cross_entropy


def test_of_a_linear_model_it_is_a_power_of_one_step():
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 1, bias=False).double()
    x, y = torch.randn(8, 3).double(), torch.randn(8, 1).double()
    hessian = 2 * x.T @ x / 8
    jacobian, last = training_jacobian(model, [Batch(x, y)] * 5, torch.nn.functional.mse_loss, 0.1)
    step = torch.eye(3).double() - 0.1 * hessian
    assert torch.allclose(jacobian, torch.linalg.matrix_power(step, 5))
    theta = model.weight.detach()[0]
    for _ in range(5):
        theta = theta - 0.2 * x.T @ (x @ theta - y[:, 0]) / 8
    assert torch.allclose(last, theta)


def test_of_a_network_it_is_what_finite_differences_say():
    model = tanh_network(4, 2, torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    batches = [
        Batch(torch.randn(6, 4, generator=generator).double(), torch.arange(6)) for _ in range(4)
    ]
    before = [p.detach().clone() for p in model.parameters()]
    whole, _ = training_jacobian(model, batches, LOSS, 0.5)
    parts, _ = training_jacobian(model, batches, LOSS, 0.5, chunk=7)
    assert torch.allclose(whole, parts)
    assert all(torch.equal(p, b) for p, b in zip(model.parameters(), before, strict=True))

    def end():
        return training_jacobian(model, batches, LOSS, 0.5)[1]

    for at, shift in ((0, 1e-5), (3, 1e-5)):
        with torch.no_grad():
            model[0].weight.view(-1)[at] += shift
            high = end()
            model[0].weight.view(-1)[at] -= 2 * shift
            low = end()
            model[0].weight.view(-1)[at] += shift
        assert torch.allclose(whole[:, at], (high - low) / (2 * shift), atol=1e-7)


def test_what_cannot_be_trained_is_said():
    model = torch.nn.Linear(2, 2)
    with pytest.raises(BadOption, match="no targets"):
        training_jacobian(model, [Batch(torch.ones(1, 2))], LOSS, 0.1)
    model.requires_grad_(False)
    with pytest.raises(BadOption, match="no parameter"):
        training_jacobian(model, [], LOSS, 0.1)


def test_subspaces_overlap_by_nothing_beyond_chance_and_wholly_with_themselves():
    rng = np.random.default_rng(0)
    drawn = [np.linalg.qr(rng.normal(size=(60, 60)))[0] for _ in range(20)]
    assert overlap(drawn[0][:20], drawn[0][:30]) == pytest.approx(1)
    chance = [overlap(a[:20], b[:30]) for a, b in zip(drawn[::2], drawn[1::2], strict=True)]
    assert np.mean(chance) == pytest.approx(0, abs=0.03)
