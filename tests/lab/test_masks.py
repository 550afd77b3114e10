"""Masks against closed forms, and the rule that keeps to them."""

from __future__ import annotations

import pytest

from forescale.errors import BadOption
from forescale.lab import rules
from forescale.lab._io import Vectors

pytestmark = pytest.mark.lab


@pytest.fixture
def net(torch, start):
    module, _ = start("mlp", Vectors(6, 3), act="tanh")
    x = torch.randn(20, 6, generator=torch.Generator().manual_seed(1))
    y = torch.arange(20) % 3
    return module, x, y


def value_of(torch, module, x, y):
    return lambda: torch.nn.functional.cross_entropy(module(x), y)


def test_magnitude_keeps_the_largest_over_all_matrices(torch, net) -> None:
    from forescale.lab import masks

    module, *_ = net
    found = masks.mask(masks.magnitude(module), 0.3)
    weights = torch.cat([p.detach().abs().flatten() for p in module.parameters() if p.ndim > 1])
    kept = torch.cat([m.flatten() for m in found.values()])
    assert int(kept.sum()) == round(0.3 * len(kept))
    assert weights[kept].min() >= weights[~kept].max()
    assert all(not name.endswith("bias") for name in found)


def test_snip_is_the_slope_of_the_loss_in_a_weight_s_own_scale(torch, net) -> None:
    from forescale.lab import masks

    module, x, y = net
    module, x = module.double(), x.double()
    value = value_of(torch, module, x, y)
    score = masks.snip(module, value)["head.weight"][1, 2]
    w, h = module.head.weight, 1e-5
    with torch.no_grad():
        kept = w[1, 2].clone()
        w[1, 2] = kept * (1 + h)
        up = value()
        w[1, 2] = kept * (1 - h)
        down = value()
    assert float(score) == pytest.approx(abs(float((up - down) / (2 * h))), rel=1e-5)


def test_grasp_is_the_loss_of_gradient_norm_by_removal(torch, net) -> None:
    from forescale.lab import masks

    module, x, y = net
    module, x = module.double(), x.double()
    value = value_of(torch, module, x, y)

    def squared():
        weights = [p for p in module.parameters() if p.ndim > 1]
        return sum(float(g.square().sum()) for g in torch.autograd.grad(value(), weights))

    score = masks.grasp(module, value)["layers.0.weight"][3, 4]
    w, h = module.layers[0].weight, 1e-4
    with torch.no_grad():
        kept = w[3, 4].clone()
        w[3, 4] = kept * (1 - h)
    less = squared()
    with torch.no_grad():
        w[3, 4] = kept * (1 + h)
    # d|g|^2 along -w is -2 w (H g).
    assert -2 * float(score) == pytest.approx((less - squared()) / (2 * h), rel=1e-4)


def test_synflow_scores_of_a_linear_chain_are_its_paths(torch) -> None:
    from forescale.lab import masks

    a, b = torch.nn.Linear(3, 2, bias=False), torch.nn.Linear(2, 1, bias=False)
    module = torch.nn.Sequential(a, b)
    before = [p.detach().clone() for p in module.parameters()]
    found = masks.synflow(module, torch.zeros(1, 3), 1.0, rounds=1)
    torch.testing.assert_close(
        found["0.weight"], a.weight.detach().abs() * b.weight.detach().abs().T
    )
    # What flows through a layer is the same for all: synaptic flow is conserved.
    assert float(found["0.weight"].sum()) == pytest.approx(float(found["1.weight"].sum()))
    assert all(torch.equal(p, q) for p, q in zip(module.parameters(), before, strict=True))


def test_synflow_cuts_no_layer_through_where_magnitude_does(torch) -> None:
    from forescale.lab import masks

    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(30, 30), torch.nn.Linear(30, 30))
    with torch.no_grad():
        module[1].weight.mul_(1e-3)
    x = torch.zeros(1, 30)
    kept = masks.mask(masks.synflow(module, x, 0.02), 0.02)
    assert all(m.any() for m in kept.values())
    assert not masks.mask(masks.magnitude(module), 0.02)["1.weight"].any()


def test_scores_that_tell_nothing_are_refused(torch, start) -> None:
    from forescale.lab import masks

    module, _ = start("mlp", Vectors(6, 3), init="mup")
    assert "head.weight" not in masks.magnitude(module)
    x, y = torch.ones(4, 6), torch.arange(4) % 3
    with pytest.raises(BadOption, match="every weight scores 0"):
        masks.synflow(module, x, 0.5)
    with pytest.raises(BadOption, match="every weight scores 0"):
        masks.mask(masks.snip(module, value_of(torch, module, x, y)), 0.5)


def test_the_distance_of_masks(torch) -> None:
    from forescale.lab import masks

    one = {"w": torch.tensor([True, True, False, False])}
    two = {"w": torch.tensor([True, False, True, False])}
    assert masks.distance(one, one) == 0.0
    assert masks.distance(one, two) == pytest.approx(1 - 1 / 3)


@pytest.mark.parametrize("method", ["magnitude", "random", "snip", "grasp", "synflow"])
def test_pruned_weights_stay_zero_under_decay_and_momentum(method, torch, net) -> None:
    from forescale.lab._run import criterion, take_step

    module, x, y = net
    hooks = rules.get("prune").hooks(method=method, keep=0.25)
    loss = hooks.criterion(criterion("cross_entropy"))
    stepper = torch.optim.AdamW(module.parameters(), lr=0.01, weight_decay=1.0)
    for _ in range(3):
        xs, ys = hooks.inputs(x, y, torch.Generator())

        def gradient(xs=xs, ys=ys):
            module.zero_grad()
            value = loss(module(xs), ys)
            value.backward()
            return value.detach()

        take_step(module, stepper, [hooks], gradient)
    matrices = [p.detach() for p in module.parameters() if p.ndim > 1]
    whole = sum(w.numel() for w in matrices)
    assert sum(int((w != 0).sum()) for w in matrices) == round(0.25 * whole)


def test_a_mask_file_comes_back_and_must_fit(torch, net, tmp_path) -> None:
    from forescale.lab import masks

    module, *_ = net
    kept = masks.mask(masks.random(module, seed=3), 0.5)
    masks.save(tmp_path / "kept.safetensors", kept)
    hooks = rules.get("prune").hooks(method="file", file=str(tmp_path / "kept.safetensors"))
    assert hooks.twice(module)
    for n, m in kept.items():
        assert torch.equal(dict(module.named_parameters())[n] != 0, m)
    with pytest.raises(BadOption, match="does not have"):
        masks.load(tmp_path / "kept.safetensors", torch.nn.Linear(2, 2))
    with pytest.raises(BadOption, match="no mask file"):
        masks.load(tmp_path / "none.safetensors", module)
