"""Neurons and ways between them: graphs against a plain twin, controls that must agree."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from forescale import probes  # noqa: E402
from forescale.errors import BadOption  # noqa: E402
from forescale.probes.neuron_multifractality import distances, ranked  # noqa: E402

pytestmark = pytest.mark.lab


def plain(edges, count):
    """All shortest ways by Floyd and Warshall."""
    d = np.full((count, count), np.inf)
    np.fill_diagonal(d, 0)
    for i, j, length in edges:
        d[i, j] = d[j, i] = length
    for k in range(count):
        d = np.minimum(d, d[:, k : k + 1] + d[k])
    return d


def mlp(*widths, seed=0):
    torch.manual_seed(seed)
    pairs = itertools.pairwise(widths)
    return torch.nn.Sequential(*(torch.nn.Linear(a, b, bias=False) for a, b in pairs))


def read(model, **settings):
    found = probes.read("neuron_multifractality", model, torch.zeros(1, 1), **settings)
    return found.values


def test_ways_are_the_shortest_and_values_feed_what_is_narrower():
    rng = np.random.default_rng(0)
    # Six outputs, of which the last two feed the next; three inputs after its two begin anew.
    sizes = [np.abs(rng.normal(size=s)) for s in ((6, 3), (2, 2), (2, 3))]
    sizes[0][1, 1] = 0.0
    edges = [(i, 3 + o, 1 / w) for (o, i), w in np.ndenumerate(sizes[0]) if w]
    edges += [(3 + 4 + i, 9 + o, 1 / w) for (o, i), w in np.ndenumerate(sizes[1])]
    edges += [(11 + i, 14 + o, 1 / w) for (o, i), w in np.ndenumerate(sizes[2])]
    np.testing.assert_allclose(distances(sizes, 10, rng), plain(edges, 16))


def test_as_many_neurons_are_drawn_as_asked_for():
    sizes = [np.ones((20, 30)), np.ones((3, 20))]
    ways = distances(sizes, 5, np.random.default_rng(0))
    assert ways.shape == (13, 13)
    assert ways.max() == 2.0


def test_the_unit_of_the_weights_does_not_matter():
    model = mlp(10, 20, 20)
    one = read(model)
    for p in model.parameters():
        p.data *= 4
    assert read(model) == pytest.approx(one)


def test_ranks_keep_order_and_undo_any_rising_map():
    sizes = np.random.default_rng(0).lognormal(size=(40, 30))
    found = ranked(sizes)
    np.testing.assert_array_equal(found.ravel().argsort(), sizes.ravel().argsort())
    np.testing.assert_array_equal(found, ranked(sizes**3))
    assert (found**2).mean() == pytest.approx(1, rel=0.01)


def test_uneven_rows_change_the_spectrum_and_shuffling_takes_that_away():
    model = mlp(32, 32, 32, 32)
    even = read(model, ranked=True)["width"]
    generator = torch.Generator().manual_seed(0)
    for p in model.parameters():
        order = torch.randperm(len(p), generator=generator)
        p.data *= torch.logspace(-1.5, 1.5, len(p))[order][:, None]
    arranged = read(model, ranked=True)["width"]
    shuffled = read(model, ranked=True, shuffled=True)["width"]
    assert abs(arranged / even - 1) > 2 * abs(shuffled / even - 1)
    # Not so where only the spread of weights is looked at.
    assert read(model, shuffled=True)["width"] < 0.7 * even


def test_neurons_that_are_all_alike_have_no_spectrum_to_speak_of():
    model = mlp(8, 8)
    model[0].weight.data.fill_(0.5)
    assert read(model)["width"] == pytest.approx(0, abs=1e-9)


def test_what_is_no_network_is_said_so():
    model = mlp(8, 8)
    model[0].weight.data[0, 0] = math.inf
    assert all(math.isnan(v) for v in read(model).values())
    model[0].weight.data.zero_()
    assert all(math.isnan(v) for v in read(model).values())
    with pytest.raises(BadOption, match="names"):
        read(model, layers=("3",))
    with pytest.raises(BadOption, match="has one"):
        read(torch.nn.Identity())
    with pytest.raises(BadOption, match="network"):
        read(model, nodes=1)
