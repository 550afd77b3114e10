"""The fast form is the published one: its loss, its gradients, its path."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.lab
torch = pytest.importorskip("torch")

from forescale.errors import BadOption  # noqa: E402
from forescale.lab.grok import losses, progress, reference, rules  # noqa: E402
from forescale.lab.grok.fast import Fast  # noqa: E402
from forescale.lab.grok.reference import Published, Setup, split  # noqa: E402
from forescale.lab.tasks import modular  # noqa: E402

SMALL = Setup(p=11, share=0.6, width=16, heads=2, lr=1e-2)
DOUBLE = torch.float64


@pytest.mark.parametrize("operation", ["+", "/", "x^3+xy"])
@pytest.mark.parametrize("loss", ["log1p", "softmax", "softmax_f64"])
def test_loss_and_gradients_are_those_of_autograd_on_the_published_form(operation, loss) -> None:
    setup = Setup(**{**vars(SMALL), "operation": operation, "loss": loss, "seed": 3})
    data = split(setup)
    slow, fast = Published(setup, data, DOUBLE), Fast(setup, data, DOUBLE)
    value = slow.loss(*slow.train)
    value.backward()
    torch.testing.assert_close(fast.gradient().mean(), value.detach())
    for name, p in slow.net.named_parameters():
        torch.testing.assert_close(fast.gradients[name], p.grad, rtol=1e-6, atol=1e-12)
    x, _ = slow.test
    torch.testing.assert_close(fast.run(fast.test).scores_nv, slow.net(x)[:, -1].detach())


def test_fifty_steps_are_those_of_the_published_form() -> None:
    data = split(SMALL)
    slow, fast = Published(SMALL, data, DOUBLE), Fast(SMALL, data, DOUBLE)
    for _ in range(50):
        expected, _ = slow.step()
        found = float(fast.step().mean())
        assert found == pytest.approx(expected, rel=1e-9)
    for name, p in slow.net.named_parameters():
        torch.testing.assert_close(fast.weights[name], p.detach(), rtol=1e-7, atol=1e-9)


def test_a_group_of_any_kind_can_be_the_table() -> None:
    # Z_2 x Z_3, numbered by 3 i + j.
    each = np.arange(6)
    a, b = np.repeat(each, 6), np.tile(each, 6)
    table = np.stack([a, b, 3 * ((a // 3 + b // 3) % 2) + (a + b) % 3], 1)
    setup = Setup(**{**vars(SMALL), "share": 0.5})
    data = split(setup, table)
    assert (data.elements, len(data.train)) == (6, 18)
    np.testing.assert_array_equal(data.rows, table)
    slow, fast = Published(setup, data, DOUBLE), Fast(setup, data, DOUBLE)
    assert float(fast.gradient().mean()) == pytest.approx(float(slow.loss(*slow.train).detach()))
    assert progress.projectors(data).shape == (4, 6, 6)


def test_scores_of_attention_far_below_the_largest_give_no_missing_numbers() -> None:
    fast = Fast(SMALL, split(SMALL))
    fast.weights["q.weight"].mul_(1e4)
    losses_n = fast.gradient()
    assert torch.isfinite(losses_n).all()
    assert torch.isfinite(fast.flat.grad).all()


@pytest.mark.parametrize("name", losses.LOSSES)
def test_a_losses_gradient_is_that_of_its_mean(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    z = 5 * torch.randn(7, 5, generator=generator, dtype=DOUBLE)
    right = torch.randint(5, (7,), generator=generator)
    _, found = losses.LOSSES[name](z.clone(), right)
    moved = torch.zeros_like(z)
    for i in range(7):
        for j in range(5):
            up, down = z.clone(), z.clone()
            up[i, j] += 1e-5
            down[i, j] -= 1e-5
            high, low = (losses.LOSSES[name](v, right)[0].mean() for v in (up, down))
            moved[i, j] = (high - low) / 2e-5
    torch.testing.assert_close(found, moved, rtol=1e-6, atol=1e-9)


def test_only_the_usual_softmax_is_flat_where_the_right_class_leads_by_far() -> None:
    z, right = torch.tensor([[40.0, 0.0, 1.0]]), torch.tensor([0])
    for name, floor in (("log1p", 1e-18), ("softmax_f64", 0.0), ("stablemax", 0.01)):
        loss, gradient = losses.LOSSES[name](z.clone(), right)
        if name == "log1p":
            expected = np.log1p(np.exp(-40) + np.exp(-39))
            assert float(loss) == pytest.approx(expected, rel=1e-6)
            assert float(gradient[0, 0]) == pytest.approx(-expected, rel=1e-6)
        assert float(loss) >= floor
    assert losses.softmax(z, right)[0].item() == 0.0
    # Where a wrong class leads by more than exp can hold, the loss is the lead.
    far, slope = losses.log1p(torch.tensor([[-300.0, 0.0, -300.0]]), right)
    assert (float(far), slope.tolist()) == (300.0, [[-1.0, 1.0, 0.0]])


def test_perp_grad_leaves_no_part_along_the_weights_and_keeps_the_length() -> None:
    fast = Fast(Setup(**{**vars(SMALL), "rule": "perp_grad"}), split(SMALL))
    fast.gradient()
    before = {n: g.clone() for n, g in fast.gradients.items()}
    fast.rule.apply()
    for n, g in fast.gradients.items():
        assert abs(float((g * fast.weights[n]).sum())) < 1e-5 * float(g.norm() + 1)
        torch.testing.assert_close(g.norm(), before[n].norm())


def test_grokfast_adds_means_of_past_gradients() -> None:
    flat = torch.zeros(3)
    ema = rules.GrokfastEMA([], [], flat, strength=2.0, memory=0.75)
    means, seen, past = rules.GrokfastMA([], [], flat, strength=5.0, window=2), [], []
    mean = None
    for k in range(4):
        g = torch.tensor([1.0, k, -(k**2)])
        past.append(g)
        mean = g if mean is None else 0.75 * mean + 0.25 * g
        flat.copy_(g)
        ema.apply()
        torch.testing.assert_close(flat, g + 2 * mean)
        flat.copy_(g)
        means.apply()
        seen.append(flat.clone())
    torch.testing.assert_close(seen[0], past[0])
    torch.testing.assert_close(seen[3], past[3] + 5 * (past[2] + past[3]) / 2)


def test_what_makes_no_run_is_refused() -> None:
    with pytest.raises(BadOption, match="log1p"):
        Setup(loss="hinge")
    with pytest.raises(BadOption, match="perp_grad"):
        Setup(rule="magic")
    with pytest.raises(BadOption, match="between 0 and 1"):
        Setup(share=1.5)
    with pytest.raises(BadOption, match="multiple of the heads"):
        Setup(width=10, heads=4)
    with pytest.raises(BadOption, match="some to train on"):
        split(Setup(p=5, share=0.01))
    assert modular.table("+", 5)[1] == reference.split(Setup(p=5)).elements
