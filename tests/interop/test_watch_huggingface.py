"""Under the Trainer of transformers a watched training is the unwatched one, to the last bit."""

from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from forescale import probes

pytestmark = pytest.mark.interop
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from forescale.probes.watching import huggingface  # noqa: E402

STEPS = 8
TOKENS = torch.randint(0, 31, (40, 12), generator=torch.Generator().manual_seed(0))


def disturb(sight: Any) -> dict[str, float]:
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


def next_token(out: Any, tokens: Any) -> Any:
    return torch.nn.functional.cross_entropy(
        out.logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()
    )


def watching() -> Any:
    return huggingface.callback(
        probes=("norms", PROBE), data=(TOKENS[:4], TOKENS[:4]), loss=next_token, every=1,
        budget=math.inf, mode="train",
    )  # fmt: skip


def trained(callback: Any, folder: Path, resume: str | None = None, **options: Any) -> list[Any]:
    """All that a training leaves; the model drops out."""
    transformers.set_seed(0)
    shape = {"n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 31, "n_positions": 12}
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**shape))
    losses: list[float] = []

    class Losses(transformers.TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            losses.extend(v for n, v in logs.items() if n in {"loss", "grad_norm"})

    trainer = transformers.Trainer(
        model,
        transformers.TrainingArguments(
            output_dir=str(folder), max_steps=STEPS, per_device_train_batch_size=4,
            logging_steps=1, save_steps=STEPS // 2, report_to=[], use_cpu=True,
            disable_tqdm=True, seed=0, **options,
        ),
        train_dataset=[{"input_ids": row, "labels": row} for row in TOKENS],
        callbacks=[Losses(), *([callback] if callback else [])],
    )  # fmt: skip
    trainer.train(resume_from_checkpoint=resume)
    return [torch.tensor(losses, dtype=torch.float64), *model.state_dict().values(),
            torch.get_rng_state()]  # fmt: skip


def at(table: dict[str, list[Any]], metric: str) -> list[int]:
    return [s for s, m in zip(table["step"], table["metric"], strict=True) if m == metric]


@pytest.mark.parametrize(
    "options", [{}, {"gradient_accumulation_steps": 2}, {"bf16": True}], ids=str
)
def test_a_watched_training_is_the_unwatched_one(tmp_path: Path, options: dict[str, Any]) -> None:
    callback = watching()
    with_it = trained(callback, tmp_path / "with", **options)
    without = trained(None, tmp_path / "without", **options)
    assert all(torch.equal(a, b) for a, b in zip(with_it, without, strict=True))
    assert callback.watch.step == STEPS
    table = callback.watch.table()
    assert at(table, "number") == list(range(STEPS + 1))
    assert at(table, "loss") == list(range(1, STEPS + 1))


def test_the_comparison_sees_a_reading_that_touches_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes._read, "untouched", lambda *_, **__: nullcontext())
    with_it, without = trained(watching(), tmp_path / "a"), trained(None, tmp_path / "b")
    assert not all(torch.equal(a, b) for a, b in zip(with_it, without, strict=True))


def test_a_training_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    whole = watching()
    trained(whole, tmp_path)
    again = watching()
    trained(again, tmp_path, resume=str(tmp_path / f"checkpoint-{STEPS // 2}"))
    assert again.watch.step == STEPS
    late = [(s, m, v) for s, m, v in rows(whole.watch.table()) if s > STEPS // 2]
    assert rows(again.watch.table()) == late


def rows(table: dict[str, list[Any]]) -> list[tuple[int, str, float]]:
    """Readings alone: what the trainer logs holds its speed as well."""
    columns = (table[n] for n in ("step", "probe", "metric", "value"))
    return [(s, m, v) for s, p, m, v in zip(*columns, strict=True) if p != "log"]
