"""Read-outs: what a line can tell and what it cannot, and a plain ridge."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from forescale import probes  # noqa: E402
from forescale.errors import BadOption  # noqa: E402
from forescale.probes.linear_probe import read_out  # noqa: E402

pytestmark = pytest.mark.lab


def cloud(n=120, d=4, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def read(model, x, y, **settings):
    return probes.read("linear_probe", model, (x, y), **settings).values


def test_what_a_line_tells_is_told_and_random_labels_are_not():
    x = cloud()
    model = torch.nn.Linear(4, 2, dtype=x.dtype)
    assert read(model, x, (x[:, 0] > 0).long())["accuracy/"] > 0.9
    drawn = torch.randint(2, (120,), generator=torch.Generator().manual_seed(1))
    found = read(model, x, drawn)
    assert found["accuracy/"] < 0.62
    assert found["commonest"] == pytest.approx(
        float(max(drawn.double().mean(), 1 - drawn.double().mean()))
    )


def test_an_exclusive_or_is_told_behind_the_layer_that_makes_it():
    x = cloud()
    y = ((x[:, 0] > 0) ^ (x[:, 1] > 0)).long()
    first, last = torch.nn.Linear(4, 4, dtype=x.dtype), torch.nn.Linear(4, 2, dtype=x.dtype)
    diagonals = torch.tensor([[1.0, 1], [-1, -1], [1, -1], [-1, 1]])
    first.weight.data = torch.cat([diagonals, torch.zeros(4, 2)], 1).to(x)
    first.bias.data.zero_()
    found = read(torch.nn.Sequential(first, torch.nn.ReLU(), last), x, y)
    assert found["accuracy/0"] < 0.65
    assert found["accuracy/2"] > 0.85


@pytest.mark.parametrize("d", [3, 60])
def test_it_is_a_plain_ridge_with_a_part_left_out(d):
    x, y, fold = cloud(40, d), torch.arange(40) % 3, torch.arange(40) % 4
    x[:, :3] += torch.nn.functional.one_hot(y, 3)
    right = 0
    for i in range(40):
        kept = fold != fold[i]
        a, told = x[kept], torch.nn.functional.one_hot(y[kept], 3).to(x)
        z = (a - a.mean(0)) / a.std(0, correction=0)
        w = torch.linalg.inv(z.T @ z + 2.0 * torch.eye(d)) @ z.T @ (told - told.mean(0))
        said = (x[i] - a.mean(0)) / a.std(0, correction=0) @ w + told.mean(0)
        right += int(said.argmax()) == int(y[i])
    assert float(read_out(x, y, fold, 4, 2.0)) == pytest.approx(right / 40)


def test_constant_and_infinite_features_and_few_examples():
    x, y = cloud(), torch.arange(120) % 2
    model = torch.nn.Linear(4, 2, dtype=x.dtype)
    assert math.isfinite(read(model, torch.ones_like(x), y)["accuracy/"])
    assert math.isnan(read(model, x[:3], y[:3])["accuracy/"])
    x[0, 0] = math.nan
    assert math.isnan(read(model, x, y)["accuracy/"])


def test_a_useless_setting_is_said(model, batch):
    for wrong in ({"folds": 1}, {"ridge": 0}, {"layers": "0"}, {"layers": ()}):
        with pytest.raises(BadOption, match=next(iter(wrong))):
            read(model, *batch, **wrong)
