"""Functional dimension of networks whose symmetries are known."""

from __future__ import annotations

import itertools
import math

import pytest

torch = pytest.importorskip("torch")

from forescale.errors import BadOption  # noqa: E402
from forescale.probes import read  # noqa: E402
from forescale.probes.functional_dimension import jacobian_rank  # noqa: E402

pytestmark = pytest.mark.lab


def net(*widths, act=torch.nn.ReLU):
    torch.manual_seed(0)
    layers = []
    for a, b in itertools.pairwise(widths):
        layers += [torch.nn.Linear(a, b), act()]
    return torch.nn.Sequential(*layers[:-1])


def points(n, d):
    generator = torch.Generator().manual_seed(5)
    return 5 * torch.randn(n, d, generator=generator, dtype=torch.float64)


def test_a_relu_unit_costs_one_parameter_and_a_tanh_unit_none() -> None:
    x = points(400, 3)
    relu = read("functional_dimension", net(3, 4, 1), x).values
    assert (relu["parameters"], relu["rank"], relu["missing"]) == (21, 17, 4)
    tanh = read("functional_dimension", net(3, 4, 1, act=torch.nn.Tanh), x / 5).values
    assert tanh["missing"] == 0
    assert tanh["share"] == 1


def test_a_linear_chain_has_the_dimension_of_its_product() -> None:
    """Maps of rank r from a to c make a manifold of r (a + c - r) dimensions."""
    torch.manual_seed(0)
    layers = (torch.nn.Linear(5, 2, bias=False), torch.nn.Linear(2, 4, bias=False))
    found = read("functional_dimension", torch.nn.Sequential(*layers), points(30, 5)).values
    assert found["rank"] == 2 * (5 + 4 - 2)
    assert found["missing"] == 18 - 14


def test_a_dead_unit_hides_all_its_parameters() -> None:
    model, x = net(3, 4, 1), points(400, 3)
    with torch.no_grad():
        model[0].bias[0] = -1e6
    # Three weights, a bias and the weight out of it, of which one was missing before.
    assert read("functional_dimension", model, x).values["missing"] == 4 - 1 + 5


def test_few_points_bound_the_rank_and_say_so() -> None:
    found = read("functional_dimension", net(3, 4, 1), points(9, 3)).values
    assert found["rank"] <= 9
    assert found["points_share"] <= 1
    assert math.isnan(found["missing"])


def test_the_rank_is_that_of_numpy() -> None:
    torch.manual_seed(0)
    a = torch.randn(40, 6, dtype=torch.float64) @ torch.randn(6, 15, dtype=torch.float64)
    assert jacobian_rank(a, 1e-9) == 6 == int(torch.linalg.matrix_rank(a))
    assert jacobian_rank(a.T, 1e-9) == 6
    assert jacobian_rank(torch.zeros(4, 3, dtype=torch.float64), 1e-9) == 0


def test_frozen_parameters_do_not_count_and_branching_models_are_read() -> None:
    class Branching(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = net(3, 4, 1)

        def forward(self, x):
            return self.inner(x) if float(x.sum()) > -1e9 else x

    x = points(60, 3)
    whole = read("functional_dimension", net(3, 4, 1), x).values
    assert read("functional_dimension", Branching(), x).values == whole
    model = net(3, 4, 1)
    for p in model[0].parameters():
        p.requires_grad_(False)
    assert read("functional_dimension", model, x).values["rank"] == 5


@pytest.mark.parametrize(
    ("settings", "says"), [({"tolerance": 2.0}, "tolerance"), ({"points": 0}, "0 points")]
)
def test_what_cannot_be_read_is_said(settings, says) -> None:
    with pytest.raises(BadOption, match=says):
        read("functional_dimension", net(3, 4, 1), points(9, 3), **settings)


def test_a_jacobian_too_large_is_refused() -> None:
    with pytest.raises(BadOption, match="too large"):
        read("functional_dimension", net(400, 400, 400, 10), points(1000, 400))
