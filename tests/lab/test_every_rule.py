"""What every rule keeps; a new file in the room is tested by being there."""

from __future__ import annotations

import copy
import math

import pytest

from forescale.errors import BadOption
from forescale.lab import rules
from forescale.lab._io import Vectors

pytestmark = pytest.mark.lab
NAMES = rules.names()


def small(**changed):
    from forescale.lab.config import config

    values = {
        "task": "mnist1d",
        "model": "mlp",
        "size": 2,
        "steps": 80,
        "batch": 32,
        "lr": 0.01,
        "marks": 1,
        "task_settings": {"examples": 400, "validation": 200, "noise": 0.2},
    }
    return config({**values, **changed})


def steps(torch, module, hooks, first: int, last: int) -> None:
    """A plain loop of gradient descent with hooks, as the trainer calls them."""
    from forescale.lab._run import criterion

    generator = torch.Generator().manual_seed(0)
    xs = torch.randn(last, 16, 10, generator=generator)
    ys = torch.randint(3, (last, 16), generator=generator)
    trained_on = hooks.criterion(criterion("cross_entropy"))

    for step in range(first, last):
        x, y = hooks.inputs(xs[step], ys[step], torch.Generator().manual_seed(step))

        def gradient(x=x, y=y) -> None:
            module.zero_grad()
            trained_on(module(x), y).backward()

        gradient()
        if hooks.twice(module):
            gradient()
            hooks.back(module)
        hooks.gradients(module)
        with torch.no_grad():
            for p in module.parameters():
                p.sub_(0.1 * p.grad)
        hooks.after(module)


def judged(torch, module, hooks) -> list:
    with hooks.evaluating(module):
        return [p.detach().clone() for p in module.parameters()]


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_says_what_and_whence_it_is(name: str, torch) -> None:
    rule = rules.get(name)
    assert rule.name == name
    assert rule.what.endswith(".")
    assert rule.source
    with pytest.raises(BadOption, match="has no setting colour"):
        rule.hooks(colour=1)


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_falls_with_it(name: str, torch) -> None:
    from forescale.lab.trainer import train

    run = train(small(rules={name: {}}))
    assert not run.row["diverged"]
    assert run.row["loss"] < 0.95 * math.log(10)
    assert run.curve[0]["loss"] > run.curve[-1]["loss"]


@pytest.mark.parametrize("name", NAMES)
def test_parts_of_a_batch_are_as_good_as_the_whole(name: str, torch) -> None:
    from forescale.lab.trainer import train

    whole = train(small(rules={name: {}}, steps=6))
    parts = train(small(rules={name: {}}, steps=6, accumulate=4))
    assert parts.row["loss"] == pytest.approx(whole.row["loss"], rel=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_taken_up_again_it_goes_on_as_if_nothing_had_been(name: str, torch, start) -> None:
    module, _ = start("mlp", Vectors(10, 3))
    hooks = rules.get(name).hooks()
    steps(torch, module, hooks, 0, 7)
    other, resumed = copy.deepcopy(module), rules.get(name).hooks()
    resumed.load_state_dict(copy.deepcopy(hooks.state_dict()))
    steps(torch, module, hooks, 7, 12)
    steps(torch, other, resumed, 7, 12)
    for one, two in zip(judged(torch, module, hooks), judged(torch, other, resumed), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("name", NAMES)
def test_judging_leaves_the_weights_as_they_were(name: str, torch, start) -> None:
    module, _ = start("mlp", Vectors(10, 3))
    hooks = rules.get(name).hooks()
    steps(torch, module, hooks, 0, 3)
    before = [p.detach().clone() for p in module.parameters()]
    judged(torch, module, hooks)
    assert all(torch.equal(b, p) for b, p in zip(before, module.parameters(), strict=True))


def gradients(torch, module, size: float):
    generator = torch.Generator().manual_seed(0)
    for p in module.parameters():
        p.grad = torch.randn(p.shape, generator=generator)
    norm = torch.cat([p.grad.flatten() for p in module.parameters()]).norm()
    for p in module.parameters():
        p.grad.mul_(size / norm)
    return [p.grad.clone() for p in module.parameters()]


def test_clip_bounds_the_norm_and_leaves_small_gradients(torch, start) -> None:
    module, _ = start("mlp", Vectors(10, 3))
    clip = rules.get("clip").hooks(norm=2.0)
    large = gradients(torch, module, 10.0)
    clip.gradients(module)
    for g, p in zip(large, module.parameters(), strict=True):
        torch.testing.assert_close(p.grad, g / 5)
    low = gradients(torch, module, 1.0)
    clip.gradients(module)
    assert all(torch.equal(g, p.grad) for g, p in zip(low, module.parameters(), strict=True))


def test_ema_is_a_mean_at_first_and_its_recursion_later(torch) -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    ema = rules.get("ema").hooks(decay=0.75)
    values = [1.0, 5.0, 3.0, -1.0, 2.0, 8.0, 4.0]
    expected = 0.0
    for n, value in enumerate(values, 1):
        with torch.no_grad():
            module.weight.fill_(value)
        ema.after(module)
        keep = min(0.75, 1 - 1 / n)
        expected = keep * expected + (1 - keep) * value
        [average] = judged(torch, module, ema)
        assert float(average) == pytest.approx(expected, rel=1e-6)
        if n <= 4:
            assert expected == pytest.approx(sum(values[:n]) / n)


def test_sam_moves_by_rho_along_the_gradient_and_exactly_back(torch, start) -> None:
    module, _ = start("mlp", Vectors(10, 3))
    sam = rules.get("sam").hooks(rho=0.3)
    g = torch.cat([v.flatten() for v in gradients(torch, module, 7.0)])
    before = [p.detach().clone() for p in module.parameters()]
    assert sam.twice(module)
    moved = torch.cat(
        [(p.detach() - b).flatten() for p, b in zip(module.parameters(), before, strict=True)]
    )
    assert float(moved.norm()) == pytest.approx(0.3, rel=1e-5)
    torch.testing.assert_close(moved, 0.3 * g / 7.0, rtol=1e-3, atol=1e-6)
    for p in module.parameters():
        p.grad = torch.ones_like(p)
    sam.back(module)
    assert all(torch.equal(b, p) for b, p in zip(before, module.parameters(), strict=True))
    assert all((p.grad == 1).all() for p in module.parameters())


def scores_and_targets(torch, scale: float = 3.0):
    generator = torch.Generator().manual_seed(0)
    z = scale * torch.randn(4, 6, 9, generator=generator)
    return z.requires_grad_(), torch.randint(9, (4, 6), generator=generator)


def wrapped(name: str, **settings):
    from forescale.lab._run import criterion

    return rules.get(name).hooks(**settings).criterion(criterion("cross_entropy"))


def test_label_smoothing_has_the_value_of_its_formula(torch) -> None:
    z, y = scores_and_targets(torch)
    torch.testing.assert_close(
        wrapped("label_smoothing", share=0.2)(z, y),
        torch.nn.functional.cross_entropy(z.flatten(0, 1), y.flatten(), label_smoothing=0.2),
    )


def test_z_loss_adds_the_squared_log_of_the_denominator(torch) -> None:
    z, y = scores_and_targets(torch)
    plain = torch.nn.functional.cross_entropy(z.flatten(0, 1), y.flatten())
    penalty = z.exp().sum(-1).log().square().mean()
    torch.testing.assert_close(wrapped("z_loss", coefficient=0.5)(z, y), plain + 0.5 * penalty)


def test_stablemax_has_the_value_of_its_formula(torch) -> None:
    z, y = scores_and_targets(torch)
    s = torch.where(z >= 0, z + 1, 1 / (1 - z.clamp(max=0)))
    p = s / s.sum(-1, keepdim=True)
    expected = -p.gather(-1, y[..., None]).log().mean()
    torch.testing.assert_close(wrapped("stablemax")(z, y), expected)
    (gradient,) = torch.autograd.grad(wrapped("stablemax")(z, y), z)
    assert torch.isfinite(gradient).all()


def test_stablemax_has_a_gradient_at_scores_of_zero(torch) -> None:
    # The head starts at zero under mup: a sign that is zero there must not stop learning.
    z = torch.zeros(2, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(wrapped("stablemax")(z, torch.tensor([0, 2])), z)
    expected = torch.tensor([[-2.0, 1.0, 1.0], [1.0, 1.0, -2.0]]) / 6
    torch.testing.assert_close(gradient, expected)


def test_log1p_loss_is_the_cross_entropy(torch) -> None:
    z, y = scores_and_targets(torch)
    plain = torch.nn.functional.cross_entropy(z.flatten(0, 1), y.flatten())
    torch.testing.assert_close(wrapped("log1p_loss")(z, y), plain)
    one = torch.autograd.grad(wrapped("log1p_loss")(z, y), z)[0]
    torch.testing.assert_close(one, torch.autograd.grad(plain, z)[0])


@pytest.mark.parametrize("lead", [20.0, 50.0, 80.0])
def test_log1p_loss_goes_on_where_float32_absorbs(lead: float, torch) -> None:
    z = torch.tensor([[lead, 0.0, 0.0]], requires_grad=True)
    y = torch.tensor([0])
    assert float(torch.nn.functional.cross_entropy(z, y).detach()) == 0.0
    loss = wrapped("log1p_loss")(z, y)
    assert float(loss.detach()) == pytest.approx(2 * math.exp(-lead), rel=1e-4)
    (gradient,) = torch.autograd.grad(loss, z)
    assert float(gradient[0, 0]) == pytest.approx(-2 * math.exp(-lead), rel=1e-4)
    # And it does not overflow when the right class is far behind.
    behind = torch.tensor([[-1000.0, 0.0, 0.0]])
    assert float(wrapped("log1p_loss")(behind, y)) == pytest.approx(1000 + math.log(2))


def test_mixup_of_classes_is_the_loss_against_mixed_targets(torch) -> None:
    generator = torch.Generator().manual_seed(5)
    x, y = torch.randn(6, 4, generator=generator), torch.tensor([0, 1, 2, 0, 1, 2])
    z = torch.randn(6, 3, generator=generator)
    hooks = rules.get("mixup").hooks(alpha=1.0)
    mixed, pairs = hooks.inputs(x, y, generator)
    assert 0 < hooks.share < 1
    soft = sum(
        share * torch.nn.functional.one_hot(pairs[:, k], 3)
        for k, share in enumerate((hooks.share, 1 - hooks.share))
    )
    from forescale.lab._run import criterion

    torch.testing.assert_close(
        hooks.criterion(criterion("cross_entropy"))(z, pairs),
        torch.nn.functional.cross_entropy(z, soft),
    )
    # The same partners in the inputs: what is left of x is a row of x.
    partners = (mixed - hooks.share * x) / (1 - hooks.share)
    found = (partners[:, None] - x).abs().amax(-1).argmin(1)
    assert sorted(found.tolist()) == list(range(6))
    assert torch.equal(y[found], pairs[:, 1])


def test_mixup_of_values_mixes_the_targets(torch) -> None:
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(6, 4, generator=generator)
    mixed, y = rules.get("mixup").hooks(alpha=1.0).inputs(x, 2 * x, generator)
    torch.testing.assert_close(y, 2 * mixed)
    assert not torch.equal(mixed, x)


def test_grad_noise_has_the_stated_variance_and_fades(torch) -> None:
    module = torch.nn.Linear(100, 100, bias=False)
    hooks = rules.get("grad_noise").hooks(eta=0.04, gamma=1.0)
    for step in range(3):
        module.weight.grad = torch.zeros(100, 100)
        hooks.inputs(None, None, torch.Generator().manual_seed(step))
        hooks.gradients(module)
        assert float(module.weight.grad.std()) == pytest.approx(0.2 / (1 + step) ** 0.5, rel=0.03)


def test_a_loss_in_place_of_the_plain_one_goes_innermost(torch) -> None:
    from forescale.lab.trainer import train

    one = train(small(steps=8, rules={"mixup": {}, "stablemax": {}})).row["loss"]
    two = train(small(steps=8, rules={"stablemax": {}, "mixup": {}})).row["loss"]
    assert one == two


def test_two_losses_in_place_of_the_plain_one_are_refused(torch) -> None:
    from forescale.lab.trainer import train

    with pytest.raises(BadOption, match="log1p_loss and stablemax"):
        train(small(rules={"log1p_loss": {}, "stablemax": {}}))


@pytest.mark.parametrize("name", NAMES)
def test_a_task_of_values_is_refused_where_classes_are_needed(name: str, torch) -> None:
    from forescale.lab.trainer import train

    config = small(task="teacher", task_settings={"validation": 64}, steps=2, rules={name: {}})
    if rules.get(name).classes:
        with pytest.raises(BadOption, match="needs classes"):
            train(config)
    else:
        assert math.isfinite(train(config).row["loss"])


def test_mixup_of_tokens_is_refused(torch) -> None:
    from forescale.lab.trainer import train

    tokens = {"task": "recall", "model": "gpt", "task_settings": {}}
    with pytest.raises(BadOption, match="mixes inputs"):
        train(small(**tokens, rules={"mixup": {}}))
