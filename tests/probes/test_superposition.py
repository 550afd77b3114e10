"""Superposition: the arrangements of the paper have the shares of dimensions it names."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from forescale import probes  # noqa: E402
from forescale.errors import BadOption  # noqa: E402

pytestmark = pytest.mark.lab


def read(directions):
    """Of features given as rows."""
    model = torch.nn.Linear(*directions.shape, dtype=directions.dtype)
    model.weight.data.copy_(directions.T)
    return probes.read("superposition", model, torch.zeros(1, len(directions))).values


def polygon(n):
    angle = 2 * math.pi * torch.arange(n, dtype=torch.float64) / n
    return torch.stack([angle.cos(), angle.sin()], 1)


def test_orthogonal_features_have_a_dimension_each_and_no_overlap():
    found = read(3 * torch.eye(4, dtype=torch.float64))
    assert found == pytest.approx(
        {
            "features_per_dimension": 1,
            "represented": 1,
            "dimensionality": 1,
            "filled": 1,
            "overlap": 0,
        }
    )


@pytest.mark.parametrize("n", [3, 5, 8])
def test_polygons_share_their_plane(n):
    found = read(polygon(n))
    assert found["dimensionality"] == pytest.approx(2 / n)
    assert found["features_per_dimension"] == pytest.approx(n / 2)
    assert found["filled"] == pytest.approx(1)
    assert found["overlap"] == pytest.approx(n / 2 - 1)


def test_antipodal_pairs_have_half_a_dimension():
    pairs = torch.cat([torch.eye(3), -torch.eye(3)]).double()
    assert read(pairs)["dimensionality"] == pytest.approx(0.5)


def test_features_that_are_not_held_do_not_count():
    some = torch.cat([torch.eye(3), torch.zeros(3, 3)]).double()
    found = read(some)
    assert found["represented"] == 0.5
    assert found["dimensionality"] == found["filled"] == found["features_per_dimension"] == 1


def test_rows_of_an_embedding_are_features():
    embedding = torch.nn.Embedding(5, 2, dtype=torch.float64)
    embedding.weight.data.copy_(polygon(5))
    found = probes.read("superposition", embedding, torch.zeros(1)).values
    assert found == pytest.approx(read(polygon(5)))


def test_what_holds_nothing_is_nan_and_what_is_no_layer_is_said(model, batch):
    assert all(math.isnan(v) for v in read(torch.zeros(4, 2)).values())
    assert all(math.isnan(v) for v in read(torch.full((4, 2), math.inf)).values())
    with pytest.raises(BadOption, match="'1' is no"):
        probes.read("superposition", model, batch, layer="1")
