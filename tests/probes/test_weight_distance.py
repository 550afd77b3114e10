"""Distances are those of the flat vectors, and a start that would move along is refused."""

from __future__ import annotations

import copy
import math

import pytest

torch = pytest.importorskip("torch")

from forescale import probes  # noqa: E402
from forescale.errors import BadOption  # noqa: E402

pytestmark = pytest.mark.lab


def moved(model, by):
    """A copy of the model's state, and the model with its parameters moved at random."""
    start = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        for p in model.parameters():
            p += by * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()))
    return start


def test_the_whole_is_the_distance_of_flat_vectors(model, batch):
    flat = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    start = moved(model, 0.1)
    now = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    found = probes.read("weight_distance", model, batch, start=start).values
    assert found["weight_norm"] == pytest.approx(float(now.norm()), rel=1e-5)
    assert found["distance"] == pytest.approx(float((now - flat).norm()), rel=1e-5)
    assert found["relative_distance"] == pytest.approx(
        float((now - flat).norm() / flat.norm()), rel=1e-5
    )


def test_parameters_add_up_in_squares_and_one_that_stands_still_is_at_zero(model, batch):
    start = moved(model, 0.1)
    with torch.no_grad():
        model[0].weight.copy_(start["0.weight"])
    found = probes.read("weight_distance", model, batch, start=start).values
    assert found["distance/0.weight"] == 0
    each = [v for n, v in found.items() if n.startswith("distance/")]
    assert math.hypot(*each) == pytest.approx(found["distance"])


def test_frozen_parameters_do_not_count(model, batch):
    start = moved(model, 0.1)
    model[0].weight.requires_grad_(False)
    found = probes.read("weight_distance", model, batch, start=start).values
    assert "distance/0.weight" not in found


def test_what_began_at_zero_has_no_relative_distance(batch):
    model = torch.nn.Linear(6, 3)
    torch.nn.init.zeros_(model.bias)
    found = probes.read("weight_distance", model, batch, start=moved(model, 0.1)).values
    assert found["distance/bias"] > 0
    assert math.isnan(found["relative_distance/bias"])


def test_without_a_start_there_are_only_norms(model, batch):
    found = probes.read("weight_distance", model, batch).values
    assert found["weight_norm"] > 0
    assert math.isnan(found["distance"])


def test_a_start_that_cannot_be_one_is_refused(model, batch):
    with pytest.raises(BadOption, match="live parameter"):
        probes.read("weight_distance", model, batch, start=model.state_dict())
    with pytest.raises(BadOption, match="missing"):
        probes.read("weight_distance", model, batch, start={})
    with pytest.raises(BadOption, match="start is int"):
        probes.read("weight_distance", model, batch, start=3)


def test_a_watch_measures_from_the_start_it_was_given(model, batch):
    from forescale.probes.watching import watch

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    start = copy.deepcopy(model.state_dict())
    given = {"weight_distance": {"start": start}}
    with watch(model, optimizer, given, data=batch, every=1, budget=100.0) as seen:
        for _ in range(3):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
            optimizer.step()
    table = seen.table()
    course = [v for m, v in zip(table["metric"], table["value"], strict=True) if m == "distance"]
    assert course[0] == 0
    assert len(course) > 1
    assert course[-1] > 0
