"""Frequencies and degrees of functions that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from forescale.errors import BadOption  # noqa: E402
from forescale.probes import read  # noqa: E402
from forescale.probes.simplicity import mean_index, series  # noqa: E402

pytestmark = pytest.mark.lab
#: Two examples: every segment is the same, there and back.
ENDS = torch.tensor([[-1.0], [1.0]], dtype=torch.float64)


class Known(torch.nn.Module):
    def __init__(self, what):
        super().__init__()
        self.what = what

    def forward(self, x):
        return self.what(x)


@pytest.mark.parametrize("turns", [1, 3, 7])
def test_a_cosine_has_its_frequency(turns) -> None:
    model = Known(lambda x: 5 + torch.cos(math.pi * turns * (x + 1) / 2))
    assert read("simplicity", model, ENDS).values["frequency"] == pytest.approx(turns, rel=1e-9)


@pytest.mark.parametrize("degree", [1, 2, 5])
def test_a_polynomial_of_chebyshev_has_its_degree(degree) -> None:
    model = Known(lambda x: torch.cos(degree * torch.acos(x.clamp(-1, 1))))
    assert read("simplicity", model, ENDS).values["degree"] == pytest.approx(degree, rel=1e-6)


def test_the_series_is_the_one_that_numpy_fits() -> None:
    points = 12
    nodes = np.cos(np.pi * (np.arange(points) + 0.5) / points)
    values = np.exp(nodes) * np.sin(3 * nodes)
    fitted = np.polynomial.chebyshev.chebfit(nodes, values, points - 1)
    np.testing.assert_allclose((series(points).numpy() @ values), fitted, atol=1e-12)


def test_a_constant_is_flat_and_has_no_frequency() -> None:
    found = read("simplicity", Known(torch.ones_like), ENDS).values
    assert math.isnan(found["frequency"])
    assert math.isnan(found["degree"])
    assert found["flat"] == 1


def test_neither_scale_nor_shift_of_the_outputs_counts() -> None:
    given = torch.randn(5, 8, 3, dtype=torch.float64)
    moved = -3 * given
    moved[:, 0] += 7
    torch.testing.assert_close(mean_index(moved), mean_index(given))


def test_a_steeper_sine_network_is_less_simple() -> None:
    torch.manual_seed(0)
    weight, x = torch.randn(4, 2, dtype=torch.float64), torch.randn(20, 2, dtype=torch.float64)
    seen = [
        read("simplicity", Known(lambda x, s=s: torch.sin(s * x @ weight.T)), x).values
        for s in (0.5, 2.0, 8.0)
    ]
    for name in ("frequency", "degree"):
        assert seen[0][name] < seen[1][name] < seen[2][name]


def test_what_cannot_be_read_is_said(model) -> None:
    with pytest.raises(BadOption, match="two or more"):
        read("simplicity", model, torch.randn(1, 6))
    with pytest.raises(BadOption, match="points is 2"):
        read("simplicity", model, torch.randn(4, 6), points=2)
    with pytest.raises(BadOption, match="nothing between"):
        read("simplicity", model, torch.zeros(4, 6, dtype=torch.long))
