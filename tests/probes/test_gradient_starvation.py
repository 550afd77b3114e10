"""Gradient starvation, on features whose modes are known."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from forescale import probes  # noqa: E402
from forescale.errors import BadOption  # noqa: E402
from forescale.probes import gradient_starvation  # noqa: E402

pytestmark = pytest.mark.lab
LOSS = torch.nn.functional.cross_entropy


def read(model, batch, **settings):
    return probes.read("gradient_starvation", model, batch, **settings).values


def linear(x, y, steps=0, lr=0.5):
    """A linear classifier of two classes, from zero, after some steps of descent."""
    model = torch.nn.Linear(x.shape[1], 2, bias=False).double()
    torch.nn.init.zeros_(model.weight)
    for _ in range(steps):
        (g,) = torch.autograd.grad(LOSS(model(x), y), [model.weight])
        with torch.no_grad():
            model.weight -= lr * g
    return model


def two_features(strong, n=64):
    """A feature that all examples have, and one that a quarter has alone for itself."""
    y = torch.arange(n) % 2
    side = 2.0 * y - 1
    weak = torch.where(torch.arange(n) < n // 4, side, 0.0)
    return torch.stack([strong * side, weak], 1).double(), y


def test_cross_entropy_is_a_function_of_the_margin(small):
    model, (x, y) = small
    margin = gradient_starvation.margin(model(x), y)
    assert torch.nn.functional.softplus(-margin).mean().item() == pytest.approx(
        LOSS(model(x), y).item()
    )


def test_modes_are_those_of_the_margins_gradients_written_out(small):
    model, (x, y) = small
    params = list(model.parameters())
    rows = []
    for i in range(len(x)):
        logits = model(x[i : i + 1])[0]
        others = torch.cat([logits[: y[i]], logits[y[i] + 1 :]])
        g = torch.autograd.grad(logits[y[i]] - others.logsumexp(0), params)
        rows.append(torch.cat([part.flatten() for part in g]))
    left, size, _ = torch.linalg.svd(torch.stack(rows), full_matrices=False)
    signal = 1 - model(x).softmax(1).gather(1, y[:, None])[:, 0].detach()
    gradient = size.square() * (left.T @ signal).square()
    g = torch.autograd.grad(LOSS(model(x), y), params)
    whole = sum(part.square().sum() for part in g)
    assert gradient.sum().item() == pytest.approx(len(x) ** 2 * whole.item())
    found = read(model, (x, y))
    share = gradient / gradient.sum()
    assert found["signal"] == pytest.approx(signal.mean().item())
    assert found["strongest"] == pytest.approx(share[0].item())
    assert found["modes"] == pytest.approx(1 / share.square().sum().item())
    spread = size.square() / size.square().sum()
    assert found["feature_modes"] == pytest.approx(1 / spread.square().sum().item())


def test_a_strong_feature_takes_the_gradient_and_learning_uses_the_signal_up():
    x, y = two_features(strong=4.0)
    start, end = (read(linear(x, y, steps), (x, y)) for steps in (0, 100))
    assert start["signal"] == pytest.approx(0.5)
    assert start["strongest"] > 0.95
    assert end["signal"] < 0.01


def test_examples_that_only_a_weak_feature_tells_apart_are_starved():
    x, y = two_features(strong=4.0)
    # Some have lost the strong feature: their signal stays, and lies in a mode of small value.
    x[:4, 0] = 0
    found = read(linear(x, y, 3, lr=0.05), (x, y), held=0.9)
    even = two_features(strong=1.0)
    assert found["starved"] > 0.3
    assert found["starved"] > read(linear(*even), even, held=0.9)["starved"] + 0.1
    assert found["modes"] < 1.2


def test_equal_features_of_their_own_examples_share_alike():
    n = 24
    y = torch.arange(n) % 2
    x = torch.eye(n).double() * (2.0 * y - 1)[:, None]
    found = read(linear(x, y), (x, y))
    assert found["modes"] == pytest.approx(found["feature_modes"]) == pytest.approx(n)
    assert found["starved"] < 0.06


def test_an_example_without_a_class_is_refused(small):
    model, (x, y) = small
    with pytest.raises(BadOption, match="no class"):
        read(model, (x, torch.where(y == 1, -1, y)))


def test_layers_that_norm_over_the_batch_have_no_modes(model, batch):
    found = probes.read("gradient_starvation", model, batch, mode="train").values
    assert all(math.isnan(v) for v in found.values())


@pytest.mark.parametrize("settings", [{"examples": 0}, {"examples": 2.5}, {"held": 1.0}])
def test_settings_out_of_range_are_refused(small, settings):
    with pytest.raises(BadOption):
        read(*small, **settings)
