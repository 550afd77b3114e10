"""A watched run is the unwatched one to the last bit, whatever stands around model and optimizer.

The plain loop, gradient accumulation and torch.compile's "eager" are in `test_watching.py`, and
Lightning's and transformers' own trainers in `tests/interop`.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from forescale import probes  # noqa: E402
from forescale.probes.watching import watch  # noqa: E402

pytestmark = pytest.mark.lab
LOSS = torch.nn.functional.cross_entropy
FREELY = math.inf
STEPS = 12


def disturb(sight):
    """Does to a model all that a reading may do."""
    sight.model(sight.batch.inputs)
    torch.rand(7)
    sight.value().backward()
    return {"number": sum(float(p.grad.sum()) for p in sight.parameters() if p.grad is not None)}


PROBE = probes.Probe(
    name="disturb",
    what="A number.",
    measures=(probes.Measure("number", "1", "a number"),),
    run=disturb,
    cost=probes.Cost(forwards=1),
    source="none",
)


def run(model, batch, *, watched, wrap=lambda m: m, infinite=None):
    """All that a run leaves, and its watch.

    Args:
        model: A model.
        batch: Examples and labels.
        watched: Whether a watch looks at every step.
        wrap: What is put around the model.
        infinite: Steps whose gradient overflows, under a gradient scaler; None for no scaler.
    """
    torch.manual_seed(5)
    called = wrap(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler(
        "cpu", init_scale=2.0**40, growth_interval=3, enabled=infinite is not None
    )
    given = {"probes": ("norms", PROBE), "every": 1, "budget": FREELY, "mode": "train"}
    w = watch(called, optimizer, data=batch, loss=LOSS, **given) if watched else None
    losses, scales = [], []
    for step in range(STEPS):
        rows = torch.randperm(len(batch[0]))[:16]
        loss = LOSS(called(batch[0][rows]), batch[1][rows])
        factor = math.inf if step in (infinite or ()) else 1.0
        scaler.scale(factor * loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        losses.append(loss.detach())
        scales.append(torch.tensor(scaler.get_scale()))
    if w:
        w.close()
    kept = [v for s in optimizer.state.values() for v in s.values()]
    return [*losses, *scales, *model.state_dict().values(), *kept, torch.get_rng_state()], w


def assert_same(classifier, batch, **options):
    with_it, w = run(classifier(), batch, watched=True, **options)
    without, _ = run(classifier(), batch, watched=False, **options)
    assert all(torch.equal(a, b) for a, b in zip(with_it, without, strict=True))
    return w


@pytest.mark.parametrize("infinite", [(), (0,), (1, 2, 7)], ids=str)
def test_under_a_gradient_scaler_that_skips_steps(classifier, batch, infinite):
    w = assert_same(classifier, batch, infinite=infinite)
    made = STEPS - len(infinite)
    assert w.step == made
    steps = [s for s, p in zip(*list(w.table().values())[:2], strict=True) if p == "disturb"]
    assert steps == list(range(made + 1))


def compiled(backend):
    def wrap(model):
        torch.compiler.reset()
        return torch.compile(model, backend=backend)

    return wrap


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_under_a_compiler(classifier, batch, backend):
    assert assert_same(classifier, batch, wrap=compiled(backend)).step == STEPS


def test_a_watch_does_not_have_a_model_compiled_anew(classifier, batch):
    graphs = []

    def wrap(model):
        def backend(graph, _):
            graphs.append(graph)
            return graph.forward

        torch.compiler.reset()
        return torch.compile(model, backend=backend)

    counts = []
    for watched in (True, False):
        graphs.clear()
        run(classifier(), batch, watched=watched, wrap=wrap)
        counts.append(len(graphs))
    assert counts[0] == counts[1] > 0


#: Two processes train each case with and without the watch in one job, since starting them takes
#: longer than training; what both say goes to files.
JOB = """
import importlib.util, json, sys
from contextlib import nullcontext
from pathlib import Path
import torch
import torch.distributed as dist
from forescale.probes.watching import watch

spec = importlib.util.spec_from_file_location("same", sys.argv[1])
same = importlib.util.module_from_spec(spec)
spec.loader.exec_module(same)
torch.set_num_threads(1)
dist.init_process_group("gloo")
rank = dist.get_rank()

def trained(watched, accumulate, settings):
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(6, 16), torch.nn.BatchNorm1d(16), torch.nn.ReLU(), torch.nn.Dropout(0.2),
        torch.nn.Linear(16, 12), torch.nn.Tanh(), torch.nn.Linear(12, 3),
    )
    called = torch.nn.parallel.DistributedDataParallel(model, **settings)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    torch.manual_seed(7 + rank)
    x, y = torch.randn(32, 6), torch.arange(32) % 3
    w = None
    if watched:
        w = watch(called, optimizer, ("norms", same.PROBE), (x, y), same.LOSS, every=1,
                  budget=same.FREELY, mode="train")
    left = []
    for step in range(same.STEPS * accumulate):
        last = (step + 1) % accumulate == 0
        with nullcontext() if last else called.no_sync():
            loss = same.LOSS(called(x), y)
            loss.backward()
        left.append(loss.detach())
        if last:
            optimizer.step()
            optimizer.zero_grad()
    if w:
        w.close()
    left += [*model.state_dict().values(), torch.get_rng_state()]
    return left, w

told = {}
for name, (accumulate, settings) in json.loads(sys.argv[2]).items():
    (with_it, w), (without, _) = (trained(k, accumulate, settings) for k in (True, False))
    told[name] = {
        "same": all(torch.equal(a, b) for a, b in zip(with_it, without, strict=True)),
        "steps": w.step,
        "readings": w.table()["probe"].count("disturb"),
    }
Path(sys.argv[3] + str(rank)).write_text(json.dumps(told))
dist.destroy_process_group()
"""

CASES = {
    "plain": (1, {}),
    "accumulated": (3, {}),
    "views of the buckets": (1, {"gradient_as_bucket_view": True}),
    "one graph": (1, {"static_graph": True}),
    "unused searched": (1, {"find_unused_parameters": True}),
}


@pytest.mark.slow
def test_in_two_processes_of_data_parallel(tmp_path):
    job = tmp_path / "job.py"
    job.write_text(JOB)
    source = str(Path(probes.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
         str(job), __file__, json.dumps(CASES), str(tmp_path / "rank")],
        env={**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    for rank, readings in ((0, STEPS + 1), (1, 0)):
        told = json.loads((tmp_path / f"rank{rank}").read_text())
        assert told == {
            name: {"same": True, "steps": STEPS, "readings": readings} for name in CASES
        }
