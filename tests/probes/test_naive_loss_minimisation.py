"""Cosines with the weights against Euler's theorem and exact directions."""

from __future__ import annotations

import itertools
import math

import pytest

torch = pytest.importorskip("torch")

from forescale import probes  # noqa: E402

pytestmark = pytest.mark.lab
LOSS = torch.nn.functional.cross_entropy


def read(model, batch, loss=LOSS):
    return probes.read(probes.get("naive_loss_minimisation"), model, batch, loss).values


def relu_net(depth, width=12):
    torch.manual_seed(0)
    sizes = [6, *[width] * (depth - 1), 3]
    layers = []
    for a, b in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(a, b, bias=False), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1]).double()


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_homogeneous_network_gains_its_depth_times_what_its_logits_do(depth, examples) -> None:
    found = read(relu_net(depth), examples(dtype=torch.float64))
    assert found["weight_gain"] == pytest.approx(depth * found["logit_gain"], rel=1e-9)


def test_biases_break_the_law(examples) -> None:
    model = relu_net(3)
    model[4] = torch.nn.Linear(12, 3).double()
    found = read(model, examples(dtype=torch.float64))
    assert abs(found["weight_gain"] - 3 * found["logit_gain"]) > 1e-4


def test_scaling_up_a_fit_is_all_that_is_left_to_do(examples) -> None:
    """A linear model along its own descent direction, and at right angles to it."""
    x, y = examples(dtype=torch.float64)
    model = torch.nn.Linear(6, 3, bias=False).double()
    with torch.no_grad():
        model.weight.zero_()
    g = torch.autograd.grad(LOSS(model(x), y), model.weight)[0]
    assert math.isnan(read(model, (x, y))["cosine"])
    with torch.no_grad():
        model.weight.copy_(-1e-9 * g)
    found = read(model, (x, y))
    assert found["cosine"] == pytest.approx(1.0, abs=1e-6)
    assert found["cosine/weight"] == found["cosine"]
    assert found["scaling_share"] == pytest.approx(1.0, abs=1e-6)
    other = torch.randn(3, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    with torch.no_grad():
        model.weight.copy_(1e-9 * (other - (other * g).sum() / g.square().sum() * g))
    found = read(model, (x, y))
    assert found["cosine"] == pytest.approx(0.0, abs=1e-6)
    assert found["scaling_share"] == pytest.approx(0.0, abs=1e-6)


def test_weights_that_are_too_large_say_so_with_a_negative_cosine(examples) -> None:
    model, (x, _) = relu_net(1), examples(dtype=torch.float64)
    with torch.no_grad():
        y = model(x).argmin(1)
    assert read(model, (x, y))["cosine"] < 0
