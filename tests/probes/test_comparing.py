"""Two models: what permutations cannot change, what matching must undo, what lies between."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from forescale.errors import BadOption  # noqa: E402
from forescale.probes.comparing import (  # noqa: E402
    barrier,
    bent,
    chain,
    linear_cka,
    match,
    path,
    permuted,
)

pytestmark = pytest.mark.lab
LOSS = torch.nn.functional.cross_entropy


def net(seed=0, norm=False):
    torch.manual_seed(seed)
    layers = [torch.nn.Linear(5, 12), torch.nn.ReLU(), torch.nn.Linear(12, 9), torch.nn.ReLU()]
    if norm:
        layers.insert(1, torch.nn.BatchNorm1d(12))
    return torch.nn.Sequential(*layers, torch.nn.Linear(9, 3))


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(5)
    return torch.randn(20, 5, generator=generator), torch.arange(20) % 3


@pytest.mark.parametrize("norm", [False, True])
def test_reordered_units_are_the_same_function_and_matching_finds_the_order(norm, data):
    a, b = net(norm=norm), net(norm=norm)
    with torch.no_grad():
        a(data[0]), b(data[0])
    spec = chain(a)
    rng = np.random.default_rng(0)
    sizes = {"0": 12, ("3" if norm else "2"): 9}
    mixed = {u: torch.from_numpy(rng.permutation(n)) for u, n in sizes.items()}
    b.load_state_dict(permuted(b, mixed, spec))
    a.eval(), b.eval()
    assert torch.allclose(a(data[0]), b(data[0]), atol=1e-6)
    assert np.ptp(path(a, b, data, LOSS)) > 1e-3
    found = match(a, b, spec)
    for units, order in mixed.items():
        assert torch.equal(order[found[units]], torch.arange(sizes[units]))
    b.load_state_dict(permuted(b, found, spec))
    assert np.ptp(path(a, b, data, LOSS)) == pytest.approx(0, abs=1e-6)


def test_matching_never_ends_further_than_it_began():
    a, b = net(1), net(2)
    after = permuted(b, match(a, b))
    far = [
        sum(float((v - o[k]).square().sum()) for k, v in a.state_dict().items())
        for o in (b.state_dict(), after)
    ]
    assert far[1] < far[0]


def test_of_one_hidden_layer_matching_is_the_best_of_all_orders():
    from itertools import permutations

    torch.manual_seed(0)
    a, b = (torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Linear(5, 2)) for _ in range(2))

    def far(order):
        new = permuted(b, {"0": torch.tensor(order)})
        return sum(float((v - new[k]).square().sum()) for k, v in a.state_dict().items())

    best = min(permutations(range(5)), key=far)
    assert match(a, b)["0"].tolist() == list(best)


def test_a_spec_by_hand_may_tie_tensors_that_are_no_chain():
    # A residual stream: units of both layers are the same ones.
    torch.manual_seed(0)
    a = torch.nn.ModuleDict({"into": torch.nn.Linear(3, 6), "stay": torch.nn.Linear(6, 6)})
    b = torch.nn.ModuleDict({"into": torch.nn.Linear(3, 6), "stay": torch.nn.Linear(6, 6)})
    spec = {
        "into.weight": ("u", None),
        "into.bias": ("u",),
        "stay.weight": ("u", "u"),
        "stay.bias": ("u",),
    }
    order = torch.tensor([3, 1, 0, 5, 4, 2])
    b.load_state_dict(permuted(a, {"u": order}, spec))
    assert torch.equal(order[match(a, b, spec)["u"]], torch.arange(6))


def test_what_is_no_chain_is_said():
    with pytest.raises(BadOption, match="no chain"):
        chain(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(5, 2)))
    with pytest.raises(BadOption, match="no chain"):
        chain(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Linear(4, 2)))
    with pytest.raises(BadOption, match="shapes"):
        match(net(), torch.nn.Sequential(torch.nn.Linear(5, 7), *list(net())[1:]))


def test_the_path_of_a_quadratic_is_known(data):
    # Of a linear model the squared error is convex in its weights: there is no barrier.
    a, b = torch.nn.Linear(5, 1), torch.nn.Linear(5, 1)
    aims = torch.ones(20, 1)
    losses = path(a, b, (data[0], aims), torch.nn.functional.mse_loss, points=5)
    assert losses[0] == pytest.approx((a(data[0]) - 1).square().mean().item())
    assert losses[-1] == pytest.approx((b(data[0]) - 1).square().mean().item())
    second = np.diff(losses, 2)
    assert second == pytest.approx(np.full(3, second[0]), rel=1e-3)
    assert barrier(a, b, (data[0], aims), torch.nn.functional.mse_loss) == 0


def test_reading_a_path_leaves_both_models_as_they_were(data):
    a, b = net(1, norm=True), net(2, norm=True)
    before = [{k: v.clone() for k, v in m.state_dict().items()} for m in (a, b)]
    path(a, b, data, LOSS, points=3)
    assert a.training
    for model, old in zip((a, b), before, strict=True):
        assert all(torch.equal(v, old[k]) for k, v in model.state_dict().items())
    with pytest.raises(BadOption, match="same parameters"):
        path(a, net(1), data, LOSS)
    with pytest.raises(BadOption, match="points is 1"):
        path(a, b, data, LOSS, points=1)


def fitted(seed, data):
    model = net(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        LOSS(model(data[0]), data[1]).backward()
        optimizer.step()
    return model


def test_a_bent_way_goes_around_the_barrier_of_the_straight_line(data):
    a, b = fitted(1, data), fitted(2, data)
    before = [{k: v.clone() for k, v in m.state_dict().items()} for m in (a, b)]
    slopes = [p.grad.clone() for p in a.parameters()]
    straight = barrier(a, b, data, LOSS)
    way = bent(a, b, data, LOSS, steps=200, lr=0.02)
    assert straight > 0.3
    assert barrier(a, b, data, LOSS, by=way, points=21) < 0.1 * straight
    losses = path(a, b, data, LOSS, by=way, points=3)
    assert losses[0] == pytest.approx(LOSS(a(data[0]), data[1]).item(), rel=1e-5)
    assert losses[-1] == pytest.approx(LOSS(b(data[0]), data[1]).item(), rel=1e-5)
    for model, old in zip((a, b), before, strict=True):
        assert all(torch.equal(v, old[k]) for k, v in model.state_dict().items())
    assert all(torch.equal(p.grad, g) for p, g in zip(a.parameters(), slopes, strict=True))
    again = bent(a, b, data, LOSS, steps=200, lr=0.02)
    assert all(torch.equal(way[k], again[k]) for k in way)


def test_a_way_that_is_not_bent_is_the_straight_line(data):
    a, b = net(1, norm=True), net(2, norm=True)
    middle = {
        k: (v + b.state_dict()[k]) / 2 if v.is_floating_point() else v
        for k, v in a.state_dict().items()
    }
    assert path(a, b, data, LOSS, by=middle) == pytest.approx(path(a, b, data, LOSS), rel=1e-4)
    with pytest.raises(BadOption, match="steps is 0"):
        bent(a, b, data, LOSS, steps=0)


def test_cka_knows_rotations_and_scales_but_not_other_features():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200, 6, generator=generator, dtype=torch.float64)
    turned = x @ torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64))[0]
    assert linear_cka(x, 3 * turned + 1) == pytest.approx(1)
    assert linear_cka(x, torch.randn(200, 6, generator=generator)) < 0.1
    assert math.isnan(linear_cka(x, torch.ones(200, 2)))
    # Written out by kernels and by covariances it is one number.
    wide = torch.randn(200, 900, generator=generator, dtype=torch.float64)
    centred = x - x.mean(0), wide - wide.mean(0)
    k, m = (v @ v.T for v in centred)
    assert linear_cka(x, wide) == pytest.approx(float((k * m).sum() / k.norm() / m.norm()))
    low = centred[0].T @ centred[1]
    again = low.square().sum() / (x.T @ centred[0]).norm() / (wide.T @ centred[1]).norm()
    assert linear_cka(x, wide) == pytest.approx(float(again))
    with pytest.raises(BadOption, match="cannot be compared"):
        linear_cka(x, x[:10])
