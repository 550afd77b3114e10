"""Massive activations: planted in one feature, and none in a cloud."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from forescale import probes  # noqa: E402
from forescale.errors import BadOption  # noqa: E402

pytestmark = pytest.mark.lab


class Stream(torch.nn.Module):
    """Two blocks that pass on what they are given, the second with one feature raised."""

    def __init__(self, factor):
        super().__init__()
        self.blocks = torch.nn.ModuleList([torch.nn.Identity(), Raise(factor)])

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class Raise(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        x = x.clone()
        x[:, 0, 3] *= self.factor
        return x


def cloud(b=20, t=6, d=9):
    x = torch.randn(b, t, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x[:, 0, 3] = 1.0
    return x


def read(model, x, **settings):
    return probes.read("massive_activations", model, x, **settings).values


def test_the_ratio_is_that_of_a_plain_loop():
    x = cloud()
    found = read(Stream(1.0), x)
    ratios = []
    for row in x:
        ordered = sorted(abs(v) for v in row.reshape(-1).tolist())
        ratios.append(ordered[-1] / ordered[(len(ordered) - 1) // 2])
    assert found["ratio/blocks.0"] == found["ratio/blocks.1"]
    assert found["ratio/blocks.0"] == pytest.approx(sum(ratios) / len(ratios))
    assert found["largest/blocks.0"] == pytest.approx(float(x.abs().max()))
    assert found["massive/blocks.0"] == 0
    assert found["one_place/blocks.0"] < 0.5


def test_a_raised_feature_is_massive_in_its_block_alone():
    found = read(Stream(3000.0), cloud())
    assert found["ratio/blocks.1"] > 1000
    assert found["ratio/blocks.0"] < 20
    assert found["massive/blocks.1"] == 1
    assert found["one_place/blocks.1"] == 1
    assert found["largest/blocks.1"] == pytest.approx(3000)


def test_without_blocks_linear_layers_are_read_and_layers_can_be_named(model, batch):
    assert {n for n in read(model, batch[0]) if "ratio" in n} == {"ratio/0", "ratio/4", "ratio/6"}
    assert set(read(model, batch[0], layers=("5",))) == {
        f"{n}/5" for n in ("ratio", "largest", "massive", "one_place")
    }


def test_blocks_that_give_tuples_are_read_at_their_first():
    class Pair(torch.nn.Module):
        def forward(self, x):
            return x, None

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleList([Pair()])

        def forward(self, x):
            return self.layers[0](x)[0]

    assert math.isfinite(read(Model(), cloud())["ratio/layers.0"])


def test_where_half_is_0_or_something_infinite_there_is_no_ratio():
    assert math.isnan(read(Stream(1.0), torch.relu(cloud() - 1))["ratio/blocks.0"])
    x = cloud()
    x[3, 1, 1] = math.inf
    assert all(math.isnan(v) for v in read(Stream(1.0), x).values())


def test_a_layer_that_cannot_be_read_is_said(model, batch):
    with pytest.raises(BadOption, match="no layer 'x'"):
        read(model, batch[0], layers=("x",))
    with pytest.raises(BadOption, match="no list"):
        read(model, batch[0], layers="4")
    with pytest.raises(BadOption, match="no row"):
        read(torch.nn.Identity(), batch[0])
