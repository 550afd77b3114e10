"""Rules that make or break generalisation, against closed forms and slow plain twins."""

from __future__ import annotations

import pytest

from forescale.errors import BadOption
from forescale.lab import rules
from forescale.lab._io import IGNORED, Vectors

pytestmark = pytest.mark.lab


def filled(torch, module, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    for p in module.parameters():
        p.grad = torch.randn(p.shape, generator=generator)
    return [p.grad.clone() for p in module.parameters()]


def test_perp_grad_turns_each_gradient_away_from_its_weights(torch, start) -> None:
    module, _ = start("mlp", Vectors(10, 3))
    before = filled(torch, module, 7)
    rules.get("perp_grad").hooks().gradients(module)
    for p, g in zip(module.parameters(), before, strict=True):
        assert float(p.grad.norm()) == pytest.approx(float(g.norm()), rel=1e-5)
        if not p.detach().any():
            assert torch.equal(p.grad, g)
            continue
        assert float((p.grad * p.detach()).sum()) == pytest.approx(0.0, abs=1e-4)
        w = p.detach() / p.detach().norm()
        plain = g - (w * g).sum() * w
        torch.testing.assert_close(p.grad / p.grad.norm(), plain / plain.norm())


def test_perp_grad_does_not_turn_rounding_into_a_step(torch) -> None:
    from forescale.lab.rules.perp_grad import perpendicular

    w = torch.randn(50, generator=torch.Generator().manual_seed(0))
    assert not perpendicular(0.3 * w, w).any()
    assert not perpendicular(torch.tensor([0.1]), torch.tensor([0.7])).any()


@pytest.mark.parametrize("settings", [{}, {"filter": "ma", "window": 3, "gain": 5.0}])
def test_grokfast_adds_the_slow_part(settings, torch) -> None:
    module = torch.nn.Linear(2, 1, bias=False)
    hooks = rules.get("grokfast").hooks(**{"alpha": 0.9, **settings})
    seen, slow = [], None
    for step in range(6):
        g = torch.randn(1, 2, generator=torch.Generator().manual_seed(step))
        seen.append(g)
        module.weight.grad = g.clone()
        hooks.gradients(module)
        if settings:
            expected = g + 5 * sum(seen[-3:]) / 3 if step >= 2 else g
        else:
            slow = g if slow is None else 0.9 * slow + 0.1 * g
            expected = g + 2 * slow
        torch.testing.assert_close(module.weight.grad, expected)


@pytest.mark.parametrize("over", ["whole", "layer"])
@pytest.mark.parametrize(("factor", "norm"), [(1.0, 0.0), (2.0, 0.0), (1.0, 3.0)])
def test_norm_constraint_keeps_the_norms(over, factor, norm, torch, start) -> None:
    module, _ = start("mlp", Vectors(10, 3))
    hooks = rules.get("norm_constraint").hooks(over=over, factor=factor, norm=norm)

    def norms():
        each = torch.stack([p.detach().norm() for p in module.parameters()])
        return each.norm()[None] if over == "whole" else each

    first = norms()
    held = torch.full_like(first, norm) if norm else factor * first
    for step in range(3):
        filled(torch, module, step)
        hooks.gradients(module)
        with torch.no_grad():
            for p in module.parameters():
                p.sub_(0.1 * p.grad)
        moved = norms()
        hooks.after(module)
        # By layer, biases start at zero and are free.
        torch.testing.assert_close(norms(), torch.where(first > 0, held, moved))


def test_label_noise_replaces_the_share_and_lets_ignored_targets_be(torch) -> None:
    from forescale.lab._run import criterion

    hooks = rules.get("label_noise").hooks(share=0.3)
    y = torch.zeros(20_000, dtype=torch.long)
    y[:100] = IGNORED
    _, noisy = hooks.inputs(None, y, torch.Generator().manual_seed(0))
    seen = []

    def spy(scores, targets):
        seen.append(targets)
        return criterion("cross_entropy")(scores, targets)

    hooks.criterion(spy)(torch.zeros(len(y), 5), noisy)
    (said,) = seen
    assert (said[:100] == IGNORED).all()
    shares = torch.bincount(said[100:], minlength=5) / (len(y) - 100)
    torch.testing.assert_close(
        shares, torch.tensor([0.76, 0.06, 0.06, 0.06, 0.06]), atol=0.01, rtol=0
    )
    other = hooks.inputs(None, y, torch.Generator().manual_seed(1))[1]
    assert not torch.equal(other, noisy)


def test_label_noise_and_mixup_go_together(torch) -> None:
    from forescale.lab.config import config
    from forescale.lab.trainer import train

    settings = {"examples": 100, "validation": 50, "noise": 0.2}
    base = {"task": "mnist1d", "model": "mlp", "steps": 4, "task_settings": settings}
    for order in (("label_noise", "mixup"), ("mixup", "label_noise")):
        assert train(config({**base, "rules": {n: {} for n in order}})).row["loss"] < 5


def test_float64_loss_goes_on_where_float32_absorbs(torch) -> None:
    from forescale.lab._run import criterion

    plain = criterion("cross_entropy")
    z = torch.tensor([[25.0, 0.0, 0.0]], requires_grad=True)
    y = torch.tensor([0])
    assert float(plain(z, y).detach()) == 0.0
    loss = rules.get("float64_loss").hooks().criterion(plain)(z, y)
    assert loss.dtype == torch.float32
    assert float(loss.detach()) == pytest.approx(2 * 2.718281828459045**-25, rel=1e-4)
    (slope,) = torch.autograd.grad(loss, z)
    assert float(slope[0, 0]) == pytest.approx(-2 * 2.718281828459045**-25, rel=1e-4)


@pytest.mark.parametrize("with_sam", [False, True])
def test_init_scale_is_a_run_that_started_there(with_sam, torch, start) -> None:
    from forescale.lab._run import criterion, take_step

    x = torch.randn(16, 10, generator=torch.Generator().manual_seed(0))
    y = torch.arange(16) % 3

    def after_two(names, factor):
        module, _ = start("mlp", Vectors(10, 3))
        with torch.no_grad():
            for p in module.parameters():
                p.mul_(factor)
        hooks = [rules.get(n).hooks(**({"alpha": 3.0} if n == "init_scale" else {})) for n in names]
        stepper = torch.optim.SGD(module.parameters(), lr=0.1)

        def gradient():
            module.zero_grad()
            loss = criterion("cross_entropy")(module(x), y)
            loss.backward()
            return loss.detach()

        for hook in hooks:
            hook.begin(module)
        for _ in range(2):
            take_step(module, stepper, hooks, gradient)
        return torch.cat([p.detach().flatten() for p in module.parameters()])

    rest = ["sam"] if with_sam else []
    torch.testing.assert_close(after_two(["init_scale", *rest], 1.0), after_two(rest, 3.0))


def test_a_run_from_a_large_start_is_not_taken_for_a_diverged_one(torch) -> None:
    """Its first loss is that of the scaled weights, and what it loses later is held against it."""
    from forescale.lab.config import config
    from forescale.lab.trainer import train

    run = train(
        config(
            {
                "task": "digits",
                "model": "mlp",
                "size": 1,
                "steps": 20,
                "batch": 32,
                "init": "standard",
                "rules": {"init_scale": {"alpha": 6.0}},
            }
        )
    )
    assert not run.row["diverged"]
    assert run.curve[-1]["step"] == 20
    assert run.curve[0]["train_loss"] > 20


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("grokfast", {"filter": "median"}),
        ("grokfast", {"alpha": 1.0}),
        ("grokfast", {"window": 0}),
        ("norm_constraint", {"over": "head"}),
        ("norm_constraint", {"factor": 0.0}),
        ("label_noise", {"share": 1.5}),
        ("init_scale", {"alpha": 0.0}),
        ("prune", {"method": "best"}),
        ("prune", {"keep": 0.0}),
        ("prune", {"method": "file"}),
    ],
)
def test_settings_that_make_no_sense_are_refused(name, settings, torch) -> None:
    with pytest.raises(BadOption):
        rules.get(name).hooks(**settings)
