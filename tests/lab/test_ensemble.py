"""Many seeds as one stack: every member is the run it would be alone."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from forescale.errors import BadOption
from forescale.lab import inits, models, optimizers, rules, tasks
from forescale.lab._io import Images, Tokens, Vectors
from forescale.lab.config import Config, config

pytestmark = pytest.mark.lab

#: Real tasks, each with a model for it.
PAIRS: dict[str, dict[str, Any]] = {
    "gpt": {
        "task": "markov_bytes",
        "task_settings": {"context": 16, "validation": 32},
        "steps": 12,
        "marks": 3,
    },
    "mlp": {"task": "teacher", "task_settings": {"validation": 256}},
    "cnn": {"task": "mnist1d", "task_settings": {"examples": 200, "validation": 96}},
}


def seeds(n: int = 3, **changes: Any) -> list[Config]:
    base = {"model": "mlp", **PAIRS["mlp"], "steps": 20, "batch": 8}
    return [config({**base, **changes, "seed": s}) for s in range(n)]


def alike(one: Any, other: Any, tolerance: float) -> None:
    """Two runs with the same rows, to a tolerance in what was measured."""
    assert one.row.keys() == other.row.keys()
    measured = {"loss", "train_loss", "accuracy"}
    same = one.row.keys() - measured - {"seconds"}
    assert {k: one.row[k] for k in same} == {k: other.row[k] for k in same}
    assert len(one.curve) == len(other.curve)
    for a, b in zip((one.row, *one.curve), (other.row, *other.curve), strict=True):
        for k in measured:
            if a[k] is None or b[k] is None:
                assert a[k] is b[k]
            else:
                # A share of right answers moves in steps.
                absolute = 0.02 if k == "accuracy" else 0.0
                assert a[k] == pytest.approx(b[k], rel=tolerance, abs=absolute, nan_ok=True), k
        for k in a.keys() & {"step", "data", "flops", "lr"}:
            assert a[k] == b[k]


def same_as_alone(configs: list[Config], tolerance: float = 2e-5) -> list[Any]:
    from forescale.lab.ensemble import train_together
    from forescale.lab.trainer import train

    runs = train_together(configs)
    for run, c in zip(runs, configs, strict=True):
        alike(run, train(c), tolerance)
    return runs


@pytest.mark.parametrize("model", PAIRS)
def test_every_member_has_the_curve_of_the_run_alone(model: str, torch: ModuleType) -> None:
    runs = same_as_alone(seeds(model=model, **PAIRS[model]))
    # Nor are they one run three times.
    assert len({r.row["loss"] for r in runs}) == 3
    assert len({r.row["run"] for r in runs}) == 3


@pytest.fixture
def double(torch: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything in double precision, the tasks' vectors too."""
    get = tasks.get

    def wide(x: Any) -> Any:
        return x.double() if x.is_floating_point() else x

    def made(name: str) -> tasks.Task:
        def make(**settings: Any) -> tasks.Data:
            data = get(name).make(**settings)
            return replace(
                data,
                batch=lambda *a: tuple(wide(v) for v in data.batch(*a)),
                validation=tuple(wide(v) for v in data.validation),
            )

        return replace(get(name), make=make)

    monkeypatch.setattr(tasks, "get", made)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
@pytest.mark.usefixtures("double")
def test_in_double_precision_only_the_last_digits_differ(model: str) -> None:
    same_as_alone(seeds(2, model=model, steps=60, **PAIRS[model]), 1e-11)


IOS = (
    Tokens(11, 12),
    Tokens(11, 12, source=5),
    Tokens(11, 12, "last"),
    Vectors(10, 3),
    Images(1, 8, 3),
)


@pytest.mark.parametrize("name", models.names())
@pytest.mark.filterwarnings("error")
def test_a_stack_of_any_model_computes_what_its_members_do(
    name: str, torch: ModuleType, start: Any
) -> None:
    from forescale.lab.ensemble import Stack

    for io in (io for io in IOS if isinstance(io, models.get(name).takes)):
        model, every = models.get(name), isinstance(io, Tokens) and io.targets == "all"
        if every and (not model.causal or (model.reads_source and not io.source)):
            continue
        alone = [start(name, io, 2, seed=s)[0] for s in range(3)]
        stack = Stack(copy.deepcopy(alone))
        generator = torch.Generator().manual_seed(0)
        if isinstance(io, Tokens):
            x = torch.randint(io.vocab, (3, 4, io.context), generator=generator)
        else:
            shape = (io.inputs,) if isinstance(io, Vectors) else (io.channels, io.side, io.side)
            x = torch.randn(3, 4, *shape, generator=generator)
        scores = stack.forward(x)
        scores.square().sum().backward()
        for m, module in enumerate(alone):
            own = module(x[m])
            torch.testing.assert_close(scores[m], own)
            own.square().sum().backward()
            for n, p in module.named_parameters():
                # Without norms gradients are large, and so are their rounding errors.
                tiny = 1e-5 * max(1.0, float(p.grad.abs().max()))
                torch.testing.assert_close(stack.params[n].grad[m], p.grad, rtol=1e-4, atol=tiny)


def test_members_are_views_of_the_stack(torch: ModuleType, start: Any) -> None:
    from forescale.lab.ensemble import Stack

    stack = Stack([start("mlp", Vectors(4, 2), seed=s)[0] for s in range(2)])
    with torch.no_grad():
        stack.params["head.weight"][1].fill_(7.0)
        stack.members[0].head.weight.fill_(3.0)
    assert (stack.members[1].head.weight == 7).all()
    assert (stack.params["head.weight"][0] == 3).all()
    stack.whole.load_state_dict({n: torch.ones_like(p) for n, p in stack.params.items()})
    assert all((p == 1).all() for m in stack.members for p in m.parameters())
    stack.params["head.weight"].grad = torch.ones_like(stack.params["head.weight"])
    with stack.lent():
        stack.members[1].head.weight.grad.mul_(5.0)
    assert stack.params["head.weight"].grad.mean((1, 2)).tolist() == [1.0, 5.0]
    assert stack.members[1].head.weight.grad is None


def test_squared_relu_and_its_gradient_under_vmap_are_those_of_the_formula(
    torch: ModuleType,
) -> None:
    from torch.func import grad, vmap

    from forescale.lab.models._decoder import squared_relu

    x = torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(0), requires_grad=True)
    scale = torch.tensor([1.0, 2.0, 3.0])
    expected = x.detach().clamp_min(0)
    made = vmap(lambda x, c: c * squared_relu(x))(x, scale)
    torch.testing.assert_close(made, scale[:, None, None] * expected**2)
    # From outside the map, as the ensemble has it, and from inside.
    made.sum().backward()
    torch.testing.assert_close(x.grad, 2 * scale[:, None, None] * expected)
    inside = vmap(grad(lambda x: squared_relu(x).sum()))(x.detach())
    torch.testing.assert_close(inside, 2 * expected)
    both = vmap(vmap(squared_relu, in_dims=1, out_dims=1))(x)
    torch.testing.assert_close(both, expected**2)


@pytest.mark.parametrize("causal", [True, False])
def test_attention_of_a_stack_is_that_of_the_fused_kernel(causal: bool, torch: ModuleType) -> None:
    from forescale.lab.models._decoder import attention

    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 4, 6, 8, generator=generator, requires_grad=True) for _ in range(3))
    one, other = (
        attention(q, k, v, causal=causal, scale=0.3, stacked=stacked) for stacked in (True, False)
    )
    torch.testing.assert_close(one, other)
    for a, b in zip(
        torch.autograd.grad(one.square().sum(), (q, k, v)),
        torch.autograd.grad(other.square().sum(), (q, k, v)),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", optimizers.names())
def test_an_optimizer_steps_members_as_it_steps_one_or_says_that_it_does_not(name: str) -> None:
    from forescale.lab.ensemble import train_together

    configs = seeds(2, optimizer=name, model="cnn", **PAIRS["cnn"])
    if optimizers.get(name).elementwise:
        same_as_alone(configs)
    else:
        with pytest.raises(BadOption, match=f"optimizer '{name}' does not step entry by entry"):
            train_together(configs)


def test_muon_and_soap_are_among_those_that_do_not() -> None:
    assert not optimizers.get("muon").elementwise
    assert not optimizers.get("soap").elementwise


@pytest.mark.parametrize("name", rules.names())
def test_a_rule_acts_on_members_as_on_one_or_says_that_it_does_not(name: str) -> None:
    from forescale.lab.ensemble import train_together

    configs = seeds(2, rules={name: {}}, model="mlp", **PAIRS["cnn"])
    if rules.get(name).ensemble is None:
        with pytest.raises(BadOption, match=f"rule '{name}' does not serve"):
            train_together(configs)
    else:
        same_as_alone(configs)


def test_rules_of_both_kinds_act_together_on_parts_of_a_batch() -> None:
    four = {"mixup": {}, "sam": {}, "label_smoothing": {}, "clip": {"norm": 0.1}, "ema": {}}
    same_as_alone(seeds(2, rules=four, accumulate=2, model="mlp", **PAIRS["cnn"]))


def test_a_rule_that_says_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from forescale.lab.ensemble import train_together

    silent = replace(rules.get("clip"), ensemble=None)
    monkeypatch.setattr(rules, "get", lambda name: silent)
    with pytest.raises(BadOption, match="rule 'clip' does not serve many seeds"):
        train_together(seeds(2))


def test_decay_and_rates_of_a_stack_are_those_of_its_members(torch: ModuleType, start: Any) -> None:
    # A stacked vector has two axes, like a matrix, and is none.
    from forescale.lab.ensemble import Stack

    module, roles = start("mlp", Vectors(4, 2), 3, init="mup")
    stack = Stack([copy.deepcopy(module) for _ in range(2)])
    adamw, mup = optimizers.get("adamw"), inits.get("mup")
    one = adamw.over(module, roles, mup).parts[0].param_groups
    many = adamw.over(stack.whole, roles, mup, 1).parts[0].param_groups
    assert len(one) == len(many) > 1
    for a, b in zip(one, many, strict=True):
        assert (a["lr"], a["weight_decay"]) == (b["lr"], b["weight_decay"])
        assert [p.shape for p in a["params"]] == [p.shape[1:] for p in b["params"]]


def test_each_member_is_clipped_by_its_own_norm(torch: ModuleType, start: Any) -> None:
    from forescale.lab.ensemble import Stack

    alone = [start("mlp", Vectors(4, 2), seed=s)[0] for s in range(3)]
    stack = Stack(copy.deepcopy(alone))
    generator = torch.Generator().manual_seed(0)
    for n, p in stack.params.items():
        p.grad = torch.randn(p.shape, generator=generator)
        # Far above the limit, below it, and at about it.
        p.grad *= torch.tensor([100.0, 1e-3, 0.2]).view(-1, *[1] * (p.ndim - 1))
        for m, module in enumerate(alone):
            module.get_parameter(n).grad = p.grad[m].clone()
    hooks = rules.get("clip").hooks(norm=1.0)
    hooks.stacked = True
    hooks.gradients(stack.whole)
    for m, module in enumerate(alone):
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        for n, p in module.named_parameters():
            torch.testing.assert_close(stack.params[n].grad[m], p.grad)


def poisoned(monkeypatch: pytest.MonkeyPatch, seed: int, spoil: Callable[[int, Any], Any]) -> None:
    """A task whose targets are spoilt for one seed."""
    get = tasks.get

    def made(name: str) -> tasks.Task:
        def make(**settings: Any) -> tasks.Data:
            data = get(name).make(**settings)

            def batch(step: int, size: int, s: int) -> tuple[Any, Any]:
                x, y = data.batch(step, size, s)
                return x, spoil(step, y) if s == seed else y

            return replace(data, batch=batch)

        return replace(get(name), make=make)

    monkeypatch.setattr(tasks, "get", made)


def test_large_gradients_of_one_seed_do_not_clip_another(monkeypatch: pytest.MonkeyPatch) -> None:
    poisoned(monkeypatch, 1, lambda step, y: 100 * y)
    # Plain descent: Adam would forget the gradients' size.
    same_as_alone(seeds(2, optimizer="sgd", rules={"clip": {"norm": 0.5}}))


@pytest.mark.parametrize("rule", ["clip", "sam", "ema"])
def test_a_member_that_diverges_leaves_the_others_alone(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forescale.lab.ensemble import train_together

    rest = [c for c in seeds(4, rules={rule: {}}) if c.seed != 1]
    without = train_together(rest)
    poisoned(monkeypatch, 1, lambda step, y: y * (math.inf if step >= 6 else 1.0))
    configs = seeds(4, rules={rule: {}})
    runs = same_as_alone(configs)
    assert [r.row["diverged"] for r in runs] == [False, True, False, False]
    assert math.isnan(runs[1].row["loss"])
    assert runs[1].curve[-1]["step"] < 20
    assert runs[0].curve[-1]["step"] == 20
    for run, other in zip((r for r in runs if not r.row["diverged"]), without, strict=True):
        alike(run, other, 1e-6)


def test_a_member_that_arrives_leaves_the_others_alone() -> None:
    parity = {"subtasks": 1, "bits": 8, "k": 2, "examples": 128, "validation": 128}
    configs = seeds(
        3, task="sparse_parity", task_settings=parity, size=4, steps=100, batch=32, lr=1e-2,
        marks=20, until=0.9,
    )  # fmt: skip
    last = [run.curve[-1]["step"] for run in same_as_alone(configs, 1e-3)]
    assert len(set(last)) > 1 and min(last) < 100


def test_when_all_have_diverged_nothing_is_left_to_do() -> None:
    runs = same_as_alone(seeds(2, optimizer="sgd", lr=1e6, rules={}))
    assert all(r.row["diverged"] and r.curve[-1]["step"] < 20 for r in runs)


def test_bfloat16_members_train_too() -> None:
    # Products of stacked matrices are rounded elsewhere: about three digits are left.
    same_as_alone(seeds(2, model="gpt", dtype="bfloat16", **PAIRS["gpt"]), 2e-2)


class Killed(Exception):
    pass


@pytest.mark.parametrize("at", [3, 13])
def test_an_ensemble_that_was_killed_goes_on_to_the_same_bits(
    tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forescale.lab.ensemble import train_together

    poisoned(monkeypatch, 1, lambda step, y: y * (math.inf if step >= 6 else 1.0))
    three = {"clip": {"norm": 0.5}, "ema": {"decay": 0.9}, "grad_noise": {}}
    configs = seeds(rules=three)
    whole = train_together(configs)

    def die(member: int, row: dict[str, Any]) -> None:
        if row["step"] >= at:
            raise Killed

    with pytest.raises(Killed):
        train_together(configs, folder=tmp_path, every=0.0, say=die)
    assert len(list(tmp_path.glob("*.pt"))) == 1
    seen: list[tuple[int, int]] = []
    again = train_together(
        configs, folder=tmp_path, every=0.0, say=lambda m, row: seen.append((m, row["step"]))
    )
    assert min(step for _, step in seen) >= at
    # Who had diverged before the kill is not begun again.
    assert {m for m, _ in seen} == ({0, 2} if at == 13 else {0, 1, 2})
    for one, other in zip(again, whole, strict=True):
        alike(one, other, 0.0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("configs", "said"),
    [
        ([], "0 runs are not alike"),
        ([*seeds(1), seeds(2, lr=0.1)[1]], "2 runs are not alike but for the seed"),
        ([*seeds(2), *seeds(1)], "the same seed"),
    ],
)
def test_what_is_no_ensemble_is_refused(configs: list[Config], said: str) -> None:
    from forescale.lab.ensemble import train_together

    with pytest.raises(BadOption, match=said):
        train_together(configs)


@pytest.mark.parametrize(("seeds_", "kept"), [(20, 20), (30, 20)])
def test_orders_of_many_seeds_are_kept_side_by_side_up_to_a_bound(
    seeds_: int, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forescale.lab.tasks import _contract

    monkeypatch.setattr(_contract, "KEPT", 20 * 50)
    orders = _contract._Orders()
    made = [orders.get(50, 0, s) for s in range(seeds_)]
    assert len(orders.made) == kept
    last = range(seeds_ - kept, seeds_)
    assert all(orders.get(50, 0, s) is made[s] for s in last)
    # Of a set so large that one order is above the bound, those that a run needs.
    for s in range(6):
        orders.get(2000, 0, s)
    assert len(orders.made) == 4
    assert orders.numbers == sum(map(len, orders.made.values()))


@pytest.mark.parametrize("name", ["gpt", "mlp", "cnn"])
@pytest.mark.slow
def test_a_stack_compiles_without_a_break(name: str, torch: ModuleType, start: Any) -> None:
    from forescale.lab.ensemble import Stack

    io = Tokens(11, 12) if name == "gpt" else Images(1, 8, 3)
    stack = Stack([start(name, io, seed=s)[0] for s in range(2)])
    x = torch.zeros(2, 4, 12, dtype=torch.long) if name == "gpt" else torch.ones(2, 4, 1, 8, 8)
    torch._dynamo.reset()
    whole = torch.compile(stack.forward, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(whole(x), stack.forward(x))


@pytest.mark.slow
def test_a_compiled_stack_gives_the_same_curve(torch: ModuleType) -> None:
    from forescale.lab.ensemble import train_together

    configs = seeds(2, model="gpt", **PAIRS["gpt"])
    for one, other in zip(
        train_together(configs, compiled=True), train_together(configs), strict=True
    ):
        alike(one, other, 1e-4)
