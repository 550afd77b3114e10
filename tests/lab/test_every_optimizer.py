"""What every optimizer keeps; a new file in the room is tested by being there."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from forescale.errors import BadOption
from forescale.lab import inits, optimizers
from forescale.lab._io import Tokens, Vectors

pytestmark = pytest.mark.lab
NAMES = optimizers.names()
IO = Vectors(8, 2)


def without_decay(name: str) -> dict[str, float]:
    return {"weight_decay": 0.0} if "weight_decay" in optimizers.get(name).settings else {}


def fixed_gradients(torch, module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for p in module.parameters():
        p.grad = torch.randn(p.shape, generator=generator)


def problem(torch):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(256, 8, generator=generator)
    return x, torch.stack([x[:, 0] * x[:, 1], x.sum(1)], 1)


def descend(torch, module, stepper, lr: float, steps: int) -> list[float]:
    x, y = problem(torch)
    stepper.set_lr(lr)
    losses = []
    for _ in range(steps):
        stepper.zero_grad()
        loss = torch.nn.functional.mse_loss(module(x), y)
        loss.backward()
        stepper.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("name", NAMES)
def test_an_optimizer_says_what_and_whence_it_is(name: str, torch) -> None:
    optimizer = optimizers.get(name)
    assert optimizer.name == name
    assert optimizer.what.endswith(".")
    assert optimizer.source
    assert optimizer.lr > 0
    with pytest.raises(BadOption, match="has no setting colour"):
        optimizer.over(torch.nn.Linear(2, 2), {}, inits.get("standard"), colour=1)


@pytest.mark.parametrize("name", NAMES)
def test_it_lowers_the_loss_of_a_small_problem(name: str, torch, start) -> None:
    module, roles = start("mlp", IO)
    optimizer = optimizers.get(name)
    stepper = optimizer.over(module, roles, inits.get("standard"))
    losses = descend(torch, module, stepper, optimizer.lr, 150)
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("name", NAMES)
def test_taken_up_again_it_goes_on_as_if_nothing_had_been(name: str, torch, start) -> None:
    module, roles = start("mlp", IO)
    optimizer, init = optimizers.get(name), inits.get("standard")
    stepper = optimizer.over(module, roles, init)
    # Past a renewal of preconditioners, where there are any.
    descend(torch, module, stepper, optimizer.lr, 13)
    other = copy.deepcopy(module)
    resumed = optimizer.over(other, roles, init)
    resumed.load_state_dict(copy.deepcopy(stepper.state_dict()))
    assert descend(torch, module, stepper, optimizer.lr, 12) == descend(
        torch, other, resumed, optimizer.lr, 12
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_stepped_by_one_part(name: str, torch, start) -> None:
    module, roles = start("gpt", Tokens(11, 8), gated=True)
    stepper = optimizers.get(name).over(module, roles, inits.get("mup"))
    held = [id(p) for part in stepper.parts for g in part.param_groups for p in g["params"]]
    assert sorted(held) == sorted(id(p) for p in module.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_a_groups_factor_scales_its_steps_and_no_others(name: str, torch, start) -> None:
    tenth = replace(
        inits.get("standard"), scale=lambda role, family: 0.1 if role.kind == "hidden" else 1.0
    )
    moves = []
    for init in (inits.get("standard"), tenth):
        module, roles = start("mlp", IO)
        before = [p.detach().clone() for p in module.parameters()]
        stepper = optimizers.get(name).over(module, roles, init, **without_decay(name))
        stepper.set_lr(0.5)
        for seed in range(3):
            fixed_gradients(torch, module, seed)
            stepper.step()
        after = module.named_parameters()
        moves.append({n: p.detach() - b for (n, p), b in zip(after, before, strict=True)})
    for n, role in roles.items():
        factor = 0.1 if role.kind == "hidden" else 1.0
        assert moves[0][n].abs().max() > 0
        torch.testing.assert_close(moves[1][n], factor * moves[0][n], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_rate_is_that_which_was_set(name: str, torch, start) -> None:
    def move(lr: float):
        module, roles = start("mlp", IO)
        before = torch.cat([p.detach().flatten() for p in module.parameters()])
        stepper = optimizers.get(name).over(module, roles, inits.get("mup"), **without_decay(name))
        stepper.set_lr(lr)
        for seed in range(3):
            fixed_gradients(torch, module, seed)
            stepper.step()
        return torch.cat([p.detach().flatten() for p in module.parameters()]) - before

    torch.testing.assert_close(move(0.5), 2 * move(0.25), rtol=1e-3, atol=1e-5)
    assert not move(0.0).any()


@pytest.mark.parametrize("name", NAMES)
def test_decay_shrinks_matrices_by_the_rate_whatever_their_factor(name: str, torch, start) -> None:
    optimizer = optimizers.get(name)
    if "weight_decay" not in optimizer.settings:
        return
    quarter = replace(inits.get("standard"), scale=lambda role, family: 0.25)
    shrunk = []
    for decay in (0.0, 0.5):
        module, roles = start("gpt", Tokens(11, 8))
        stepper = optimizer.over(module, roles, quarter, weight_decay=decay)
        stepper.set_lr(0.1)
        for _ in range(2):
            fixed_gradients(torch, module, 0)
            stepper.step()
        shrunk.append({n: p.detach().clone() for n, p in module.named_parameters()})
    start_, _ = start("gpt", Tokens(11, 8))
    start_ = dict(start_.named_parameters())
    key = "blocks.0.up.weight"
    lost = shrunk[0][key] - shrunk[1][key]
    # Two steps, each of which takes 0.1 x 0.5 of the weight. SOAP's first moves nothing; SGD's
    # decay is in the gradient, so that the second step's momentum repeats the first.
    expected = {"soap": 0.05, "sgd": 0.0975 + 0.9 * 0.05}.get(name, 0.0975)
    share = float((lost * start_[key].detach()).sum() / start_[key].detach().square().sum())
    assert share == pytest.approx(expected, abs=0.01)
    assert torch.equal(shrunk[0]["embed.weight"], shrunk[1]["embed.weight"])


@pytest.mark.parametrize("shape", [(32, 32), (96, 32), (32, 128)])
def test_a_step_of_muon_has_the_spectral_norm_it_should(shape: tuple[int, int], torch) -> None:
    rows, columns = shape
    layer = torch.nn.Linear(columns, rows, bias=False)
    roles = {"weight": inits.Role("hidden", columns, rows)}
    stepper = optimizers.get("muon").over(layer, roles, inits.get("mup"), weight_decay=0.0)
    before = layer.weight.detach().clone()
    fixed_gradients(torch, layer, 0)
    stepper.set_lr(0.1)
    stepper.step()
    values = torch.linalg.svdvals(layer.weight.detach() - before)
    expected = 0.1 * max(1.0, rows / columns) ** 0.5
    # The iteration stops early on purpose: singular values lie in about [0.7, 1.2].
    assert float(values.max()) == pytest.approx(expected, rel=0.25)
    assert float(values.median()) == pytest.approx(expected, rel=0.3)


def test_muon_leaves_all_but_hidden_matrices_to_adam(torch, start) -> None:
    module, roles = start("gpt", Tokens(11, 8))
    muon, adam = optimizers.get("muon").over(module, roles, inits.get("standard")).parts
    held = {id(p) for g in muon.param_groups for p in g["params"]}
    named = {n for n, p in module.named_parameters() if id(p) in held}
    assert named == {n for n, r in roles.items() if r.kind == "hidden"}
    assert {g["lr"] for g in adam.param_groups} == {0.2}


@pytest.mark.parametrize("name", ["lion", "signum"])
def test_steps_of_sign_methods_have_the_size_of_the_rate(name: str, torch, start) -> None:
    module, roles = start("mlp", IO)
    before = [p.detach().clone() for p in module.parameters()]
    stepper = optimizers.get(name).over(module, roles, inits.get("standard"), **without_decay(name))
    stepper.set_lr(0.01)
    fixed_gradients(torch, module, 0)
    stepper.step()
    for p, b in zip(module.parameters(), before, strict=True):
        torch.testing.assert_close(p.detach() - b, -0.01 * p.grad.sign(), rtol=1e-4, atol=1e-7)


def test_signum_follows_the_sign_of_the_momentum(torch, start) -> None:
    module, roles = start("mlp", IO)
    stepper = optimizers.get("signum").over(
        module, roles, inits.get("standard"), momentum=0.7, weight_decay=0.0
    )
    stepper.set_lr(0.01)
    momentum = [torch.zeros_like(p) for p in module.parameters()]
    for seed in range(5):
        before = [p.detach().clone() for p in module.parameters()]
        fixed_gradients(torch, module, seed)
        momentum = [
            0.7 * m + 0.3 * p.grad for m, p in zip(momentum, module.parameters(), strict=True)
        ]
        stepper.step()
        for p, b, m in zip(module.parameters(), before, momentum, strict=True):
            torch.testing.assert_close(p.detach() - b, -0.01 * m.sign(), rtol=1e-3, atol=1e-6)
