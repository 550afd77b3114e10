"""The watch: counts what the optimizer did, looks when it should, and changes nothing."""

from __future__ import annotations

import copy
import json
import math
import sys
import time
import types

import pytest

torch = pytest.importorskip("torch")

from forescale import probes  # noqa: E402
from forescale.errors import BadOption, BadTable, ForescaleWarning, MissingExtra  # noqa: E402
from forescale.probes.watching import huggingface, lightning, load, watch  # noqa: E402
from forescale.probes.watching.budget import Budget  # noqa: E402
from forescale.probes.watching.schedule import schedule  # noqa: E402

pytestmark = pytest.mark.lab
LOSS = torch.nn.functional.cross_entropy
FREELY = math.inf


def made(run, *, name="made"):
    """A probe that gives what `run` returns."""
    return probes.Probe(
        name=name,
        what="A number.",
        measures=(probes.Measure("number", "1", "a number"),),
        run=lambda sight: {"number": run(sight)},
        cost=probes.Cost(forwards=1),
        source="none",
    )


def disturb(sight):
    """Does to a model all that a reading may do."""
    sight.model(sight.batch.inputs)
    torch.rand(7)
    sight.value().backward()
    return sum(float(p.grad.sum()) for p in sight.parameters() if p.grad is not None)


def trained(
    model,
    batch,
    optimizer,
    *,
    watched=True,
    steps=12,
    accumulate=1,
    set_to_none=True,
    wrap=lambda m: m,
    **options,
):
    """The run's losses and all its state at the end; batches come from a shuffling loader."""
    torch.manual_seed(5)
    called = wrap(model)
    optimizer = optimizer(model.parameters())
    given = {"probes": ("norms", made(disturb)), "budget": FREELY, "mode": "train"} | options
    w = watch(called, optimizer, data=batch, loss=LOSS, **given) if watched else None
    data = torch.utils.data.TensorDataset(*batch)
    loader = torch.utils.data.DataLoader(data, batch_size=16, shuffle=True)
    losses = []
    while len(losses) < steps * accumulate:
        for x, y in loader:
            loss = LOSS(called(x), y)
            loss.backward()
            losses.append(loss.detach().clone())
            if len(losses) % accumulate == 0:
                optimizer.step()
                if w:
                    w.log(loss=loss)
                optimizer.zero_grad(set_to_none=set_to_none)
    if w:
        w.close()
    state = [
        *losses,
        *model.state_dict().values(),
        *(v for s in optimizer.state.values() for v in s.values() if torch.is_tensor(v)),
        torch.get_rng_state(),
    ]
    return state, w


RUNS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "fused adamw": lambda p: torch.optim.AdamW(p, lr=0.01, fused=True),
}


@pytest.mark.parametrize("optimizer", RUNS)
@pytest.mark.parametrize("settings", [{}, {"accumulate": 3}, {"set_to_none": False}], ids=str)
def test_the_run_is_the_same_to_the_last_bit(classifier, batch, optimizer, settings):
    with_it, w = trained(classifier(), batch, RUNS[optimizer], **settings)
    without, _ = trained(classifier(), batch, RUNS[optimizer], watched=False, **settings)
    assert w.step == 12
    assert w.table()["probe"].count("made") == 13
    assert all(torch.equal(a, b) for a, b in zip(with_it, without, strict=True))


def test_a_compiled_run_is_the_same_too(classifier, batch):
    def wrap(m):
        return torch.compile(m, backend="eager")

    adam = RUNS["adam"]
    with_it, w = trained(classifier(), batch, adam, wrap=wrap)
    without, _ = trained(classifier(), batch, adam, watched=False, wrap=wrap)
    assert w.step == 12
    assert all(torch.equal(a, b) for a, b in zip(with_it, without, strict=True))


def test_the_comparison_sees_a_reading_that_touches_the_run(classifier, batch, monkeypatch):
    from contextlib import nullcontext

    monkeypatch.setattr(probes._read, "untouched", lambda *_, **__: nullcontext())
    with_it, _ = trained(classifier(), batch, RUNS["sgd"])
    without, _ = trained(classifier(), batch, RUNS["sgd"], watched=False)
    assert not all(torch.equal(a, b) for a, b in zip(with_it, without, strict=True))


def test_autocast_around_the_loop_is_not_around_the_readings(classifier, batch):
    """There the casts of the weights are from before the step, and half precision."""

    options = {"data": batch, "loss": LOSS, "every": 1, "budget": FREELY}

    def run(watched):
        model = classifier().eval()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        with torch.autocast("cpu", torch.bfloat16):
            w = watch(model, optimizer, **options) if watched else None
            run_on(w, model, optimizer, batch, 4)
        return model, w

    (model, w), (plain, _) = run(True), run(False)
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), plain.parameters(), strict=True)
    )
    t = w.table()
    last = {
        m: v for s, p, m, v in zip(*list(t.values())[:4], strict=True) if (s, p) == (4, "norms")
    }
    assert last == probes.read("norms", model, batch, LOSS).values


def test_a_reading_seeds_no_device_it_does_not_put_back(monkeypatch, model, batch):
    def refuse(_):
        raise AssertionError("all devices were seeded")

    monkeypatch.setattr(torch.cuda, "manual_seed_all", refuse)
    probes.read(made(disturb), model, batch, LOSS)


def test_a_module_compiled_in_place_is_read_as_it_was_written(model, batch):
    def compiled(*inputs):
        calls.append(model.training)
        return model._call_impl(*inputs)

    calls = []
    model._compiled_call_impl = compiled
    probes.read("norms", model, batch, LOSS)
    assert calls == []
    model(batch[0])
    assert calls == [True]


def test_a_reading_is_what_a_call_at_that_step_gives(classifier, batch):
    model = classifier()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    w = watch(model, optimizer, probes="norms", data=batch, loss=LOSS, every=2, budget=FREELY)
    expected = {}
    for step in range(1, 7):
        LOSS(model(batch[0]), batch[1]).backward()
        if step == 1:
            # The first forward pass has moved the batch statistics.
            expected[0] = probes.read("norms", model, batch, LOSS).values
        optimizer.step()
        if step % 2 == 0:
            expected[step] = probes.read("norms", model, batch, LOSS).values
    t = w.table()
    found = {}
    for step, metric, value in zip(t["step"], t["metric"], t["value"], strict=True):
        found.setdefault(step, {})[metric] = value
    assert found == expected


def test_the_batch_is_the_one_given_at_the_start(classifier, batch):
    model, x = classifier(), batch[0].clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    w = watch(model, optimizer, data=(x, batch[1]), loss=LOSS, every=1)
    LOSS(model(x), batch[1]).backward()
    x.zero_()
    optimizer.step()
    t = w.table()
    half = len(t["value"]) // 2
    assert t["value"][:half] == t["value"][half:]


@pytest.mark.parametrize("fused", [False, True])
def test_a_step_that_the_scaler_skips_is_none(classifier, batch, fused):
    model = classifier()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    w = watch(model, optimizer, data=batch, loss=LOSS, every=2, budget=FREELY)
    for n in range(8):
        optimizer.zero_grad()
        factor = math.inf if n in (1, 2, 5) else 1.0
        scaler.scale(factor * LOSS(model(batch[0]), batch[1])).backward()
        scaler.step(optimizer)
        w.log(batch=n)
        scaler.update()
    steps = [int(s["step"]) for s in optimizer.state.values()]
    assert set(steps) == {w.step} == {5}
    t = w.table()
    at = {p: [s for s, q in zip(t["step"], t["probe"], strict=True) if p == q] for p in t["probe"]}
    assert sorted(set(at["norms"])) == [0, 2, 4]
    assert at["log"] == [1, 1, 1, 2, 3, 3, 4, 5]


def test_the_log_schedule_is_dense_early_and_forty_a_decade_later():
    due = schedule("log")
    looks = [s for s in range(100_001) if due(s)]
    assert looks[:18] == list(range(18))
    assert {10, 100, 1000, 10_000, 100_000} <= set(looks)
    for low in (100, 1000, 10_000):
        assert sum(low < s <= 10 * low for s in looks) == 40
    assert len(looks) == 169


@pytest.mark.parametrize("every", [0, -3, True, 2.5, "linear"])
def test_what_is_no_schedule_is_refused(every):
    with pytest.raises(BadOption, match="schedule"):
        schedule(every)


def planned(costs, *, share, every=1, steps=10_000, step_seconds=0.01, noise=0.0, slow=math.inf):
    """Readings of each probe in a simulated run, and the share of its time they took.

    One step in `slow` takes ten times as long.
    """
    budget = Budget(share, tuple(costs))
    generator = torch.Generator().manual_seed(0)
    made = dict.fromkeys(costs, 0)
    look = schedule(every)
    last = 0
    for step in range(1, steps + 1):
        if not look(step):
            continue
        late = step // slow - last // slow
        budget.passed(step - last, step_seconds * (step - last + 9 * late))
        for name, cost in costs.items():
            if budget.affords(name, step, step - last):
                wobble = math.exp(noise * float(torch.randn((), generator=generator)))
                budget.paid(name, step, cost * wobble)
                made[name] += 1
        last = step
    return made, budget


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
def test_the_sum_stays_under_the_budget(share, noise):
    costs = {"cheap": 1e-5, "middling": 2e-3, "dear": 0.1}
    made, budget = planned(costs, share=share, noise=noise)
    beyond_the_first_two = 2 * sum(costs.values()) / budget.run_seconds
    assert budget.spent <= share * (1.1 if noise else 1.0) + beyond_the_first_two
    assert budget.spent >= 0.7 * share
    assert made["cheap"] == 10_000
    assert made["cheap"] > made["middling"] > made["dear"] > 5


@pytest.mark.parametrize("slow", [7, 20, 300])
def test_slow_steps_now_and_then_do_not_let_readings_crowd(slow):
    costs = {"middling": 2e-3, "dear": 0.1}
    _, budget = planned(costs, share=0.02, slow=slow, noise=0.3)
    counted = budget.spent - sum(a.free for a in budget.accounts.values()) / budget.run_seconds
    assert 0.6 * 0.02 <= counted <= 0.02 * 1.02


def test_a_slow_start_is_not_spent_at_once():
    budget = Budget(0.02, ("p",))
    budget.passed(1, 60.0)
    made = []
    for step in range(1, 301):
        budget.passed(1, 0.01)
        if budget.affords("p", step, 1):
            budget.paid("p", step, 0.01)
            made.append(step)
    # One in 50 steps, though the first minute would pay for many more.
    assert sum(step > 50 for step in made) == 5


def test_without_a_limit_all_looks_are_made():
    made, budget = planned({"dear": 0.1}, share=math.inf, steps=100)
    assert made["dear"] == 100
    assert budget.spent > 5


def test_a_first_reading_that_pays_for_a_warm_up_is_forgotten():
    budget = Budget(0.05, ("p",))
    for step, seconds in ((1, 5.0), (2, 1e-4)):
        assert budget.affords("p", step, 1)
        budget.passed(1, 0.01)
        budget.paid("p", step, seconds)
    assert budget.affords("p", 3, 1)


def test_a_slow_probe_is_read_more_rarely(classifier, batch):
    def slow(_):
        time.sleep(0.03)
        return 1.0

    model = classifier()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    both = [made(slow, name="slow"), made(lambda _: 1.0, name="quick")]
    w = watch(model, optimizer, both, batch, LOSS, every=1, budget=0.2)
    for _ in range(40):
        time.sleep(0.01)
        LOSS(model(batch[0]), batch[1]).backward()
        optimizer.step()
    found = w.table()["probe"]
    slowly = found.count("slow")
    # How much more rarely depends on what else the machine does.
    assert 2 <= slowly < found.count("quick")
    assert 0 < w.spent < 1
    assert "of the run's time" in repr(w)
    assert f"slow: {slowly} readings" in w.summary()


def run_on(w, model, optimizer, batch, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        loss = LOSS(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        if w:
            w.log(loss=loss)


@pytest.fixture
def started(classifier, batch, tmp_path):
    """Makes a watch on a file, anew as after a crash."""

    def start(path=tmp_path / "watch.jsonl", **options):
        model = classifier()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        options = {"every": 1, "budget": FREELY} | options
        return (
            watch(model, optimizer, data=batch, loss=LOSS, path=path, **options),
            model,
            optimizer,
        )

    return start


def at(table, metric):
    return [s for s, m in zip(table["step"], table["metric"], strict=True) if m == metric]


def test_a_file_says_what_memory_says(started, batch):
    tables = []
    for path in ({}, {"path": None}):
        w, model, optimizer = started(**path)
        run_on(w, model, optimizer, batch, 5)
        tables.append({k: v for k, v in w.table().items() if k != "seconds"})
        w.close()
        assert tables[-1] == {k: v for k, v in w.table().items() if k != "seconds"}
    assert tables[0] == tables[1]
    assert at(tables[0], "weight_norm") == [0, 1, 2, 3, 4, 5]
    assert at(tables[0], "loss") == [1, 2, 3, 4, 5]


def test_each_line_is_a_reading(started, batch):
    w, model, optimizer = started()
    run_on(w, model, optimizer, batch, 2)
    w.close()
    lines = [json.loads(t) for t in w.path.read_text().splitlines()]
    assert lines[0] == {"after": -1}
    assert lines[1].keys() == {"step", "probe", "values", "seconds"}
    assert lines[-1]["closed"] == 2
    assert lines[-1]["seconds"]["norms"] > 0
    assert load(w.path) == w.table()


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_half_last_line_is_dropped(started, batch, cut):
    w, model, optimizer = started()
    run_on(w, model, optimizer, batch, 4)
    w.flush()
    whole = load(w.path)
    w.path.write_bytes(w.path.read_bytes()[:-cut])
    found = load(w.path)
    if cut > 1:
        assert at(whole, "loss") == [1, 2, 3, 4]
        assert at(found, "loss") == [1, 2, 3]
    again, model, optimizer = started()
    run_on(again, model, optimizer, batch, 1)
    again.close()
    assert at(load(w.path), "weight_norm") == [0, 1]


def test_a_line_that_is_broken_in_the_midst_is_told(started, batch):
    w, model, optimizer = started()
    run_on(w, model, optimizer, batch, 4)
    w.close()
    lines = w.path.read_text().splitlines()
    w.path.write_text("\n".join([*lines[:2], lines[2][:9], *lines[3:]]))
    with pytest.raises(BadTable, match="line 3"):
        load(w.path)


@pytest.mark.parametrize("options", [{}, {"path": None}], ids=["file", "memory"])
def test_a_run_goes_on_from_a_checkpoint(started, batch, options):
    w, model, optimizer = started(**options)
    run_on(w, model, optimizer, batch, 4)
    saved = copy.deepcopy((w.state_dict(), model.state_dict(), torch.get_rng_state()))
    run_on(w, model, optimizer, batch, 3)
    expected = w.table()
    again, model, optimizer = started(**options)
    again.load_state_dict(json.loads(json.dumps(saved[0])))
    assert at(again.table(), "loss") == [1, 2, 3, 4]
    model.load_state_dict(saved[1])
    torch.set_rng_state(saved[2])
    run_on(again, model, optimizer, batch, 3)
    found = again.table()
    assert {k: v for k, v in found.items() if k != "seconds"} == {
        k: v for k, v in expected.items() if k != "seconds"
    }


def test_what_is_logged_is_copied(started):
    w, _, _ = started()
    total = torch.zeros(())
    w.log(total=total, plain=2, scores=torch.tensor([[3]]))
    total += 1
    assert w.table()["value"] == [0.0, 2.0, 3.0]
    with pytest.raises(BadOption, match="no number"):
        w.log(loss=torch.zeros(2))
    with pytest.raises(BadOption, match="no number"):
        w.log(loss="low")


def test_closing_leaves_the_optimizer(started, batch):
    w, model, optimizer = started()
    with w:
        run_on(w, model, optimizer, batch, 2)
    w.close()
    run_on(w, model, optimizer, batch, 2)
    assert w.step == 2
    assert not optimizer._optimizer_step_post_hooks
    assert not optimizer._optimizer_step_pre_hooks


def test_a_probe_that_fails_later_does_not_end_the_run(started, batch):
    seen = []

    def tires(_):
        seen.append(1)
        if len(seen) > 3:
            raise RuntimeError("no memory")
        return 1.0

    w, model, optimizer = started(probes=["norms", made(tires)])
    with pytest.warns(ForescaleWarning, match="step 3: probe 'made' .* no memory"):
        run_on(w, model, optimizer, batch, 6)
    assert at(w.table(), "number") == [0, 1, 2]
    assert at(w.table(), "weight_norm") == list(range(7))


def test_a_probe_that_never_worked_says_so_at_once(started, batch):
    def broken(_):
        raise RuntimeError("never")

    w, model, optimizer = started(probes=[made(broken)])
    with pytest.raises(RuntimeError, match="never"):
        run_on(w, model, optimizer, batch, 1)


def test_what_cannot_be_watched_is_told_at_the_door(model, batch, tmp_path):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for options, match in (
        ({"data": None}, "needs a batch"),
        ({"loss": None}, "needs a loss"),
        ({"budget": 0}, "no time"),
        ({"probes": ()}, "nothing to watch"),
        ({"path": tmp_path / "none" / "w.jsonl"}, "no folder"),
    ):
        with pytest.raises(BadOption, match=match):
            watch(model, optimizer, **({"data": batch, "loss": LOSS} | options))
    with pytest.raises(BadOption, match="tells nobody"):
        watch(model, object(), data=batch, loss=LOSS)
    model[0].weight.ds_id = 1
    with pytest.raises(BadOption, match="'0.weight' is spread over devices"):
        watch(model, optimizer, data=batch, loss=LOSS)


def test_of_several_processes_one_looks(monkeypatch, started, batch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    w, model, optimizer = started()
    run_on(w, model, optimizer, batch, 2)
    w.close()
    assert w.step == 2
    assert w.table()["value"] == []
    assert not w.path.exists()


def step_of(model, batch, optimizer):
    optimizer.zero_grad()
    loss = LOSS(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()


def test_lightning_calls_it_in_its_order(monkeypatch, model, batch):
    """Saved state is loaded before the start, and saved again after the end."""
    library = types.ModuleType("lightning.pytorch")
    library.Callback = type("Callback", (), {})
    monkeypatch.setitem(sys.modules, "lightning", types.ModuleType("lightning"))
    monkeypatch.setitem(sys.modules, "lightning.pytorch", library)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    trainer = types.SimpleNamespace(optimizers=[optimizer])

    def fit(saved=None):
        callback = lightning.callback(data=batch, loss=LOSS, every=1, budget=FREELY)
        assert isinstance(callback, library.Callback)
        if saved:
            callback.load_state_dict(saved)
        callback.on_train_start(trainer, model)
        for index in range(3):
            loss = step_of(model, batch, optimizer)
            callback.on_train_batch_end(trainer, model, {"loss": loss}, batch, index)
        callback.on_train_end(trainer, model)
        return callback

    first = fit()
    second = fit(first.state_dict())
    assert at(second.watch.table(), "loss") == [1, 2, 3, 4, 5, 6]
    assert at(second.watch.table(), "weight_norm") == list(range(7))


def test_transformers_calls_it_in_its_order(monkeypatch, model, batch):
    library = types.ModuleType("transformers")
    library.TrainerCallback = type("TrainerCallback", (), {})
    monkeypatch.setitem(sys.modules, "transformers", library)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    wrapped = types.SimpleNamespace(optimizer=optimizer)
    callback = huggingface.callback(data=batch, loss=LOSS, every=1, budget=FREELY)
    assert isinstance(callback, library.TrainerCallback)
    state = types.SimpleNamespace(global_step=0)
    given = {"model": model, "optimizer": wrapped}
    callback.on_train_begin(None, state, None, **given)
    for _ in range(2):
        loss = step_of(model, batch, optimizer)
        callback.on_log(None, state, None, logs={"loss": float(loss), "note": "x"}, **given)
    callback.on_train_end(None, state, None, **given)
    assert at(callback.watch.table(), "loss") == [1, 2]
    state.global_step = 2
    callback.on_train_begin(None, state, None, **given)
    step_of(model, batch, optimizer)
    assert at(callback.watch.table(), "weight_norm") == [3]


@pytest.mark.parametrize("adapter", [lightning, huggingface])
def test_an_absent_library_is_named(monkeypatch, adapter):
    for name in ("lightning", "lightning.pytorch", "pytorch_lightning", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match="pip install"):
        adapter.callback()


def test_the_room_lists_only_probes():
    assert "watching" not in probes.names()
