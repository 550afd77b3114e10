"""What the study on hidden symmetries is built of, against known answers."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies.hidden_symmetries import DEPTHS, Shape, network


def test_parameters_and_units_are_counted() -> None:
    assert Shape(3, 4, 1).parameters == 16 + 5
    assert [s.parameters - s.hidden for s in DEPTHS] == [17, 33, 49]


@pytest.mark.lab
def test_the_network_has_that_shape_and_its_units_can_be_scaled() -> None:
    torch = pytest.importorskip("torch")
    shape = Shape(3, 4, 2)
    net = network(torch, np.random.default_rng(0), shape, "ReLU")
    assert sum(p.numel() for p in net.parameters()) == shape.parameters
    x = torch.randn(20, 3, dtype=torch.float64)
    before = net(x)
    with torch.no_grad():
        net[0].weight[1] *= 3
        net[0].bias[1] *= 3
        net[2].weight[:, 1] /= 3
    torch.testing.assert_close(net(x), before)
