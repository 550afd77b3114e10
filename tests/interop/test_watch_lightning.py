"""Under Lightning's own trainer a watched fit is the unwatched one, to the last bit."""

from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from forescale import probes

pytestmark = pytest.mark.interop
torch = pytest.importorskip("torch")
pl = pytest.importorskip("lightning.pytorch")

from forescale.probes.watching import lightning  # noqa: E402

LOSS = torch.nn.functional.cross_entropy
STEPS = 12


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


class Classifier(pl.LightningModule):
    """Everything a reading could touch: dropout, batch statistics, momenta; it keeps its losses."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(6, 16),
            torch.nn.BatchNorm1d(16),
            torch.nn.Dropout(0.2),
            torch.nn.Linear(16, 3),
        )
        self.losses: list[Any] = []

    def forward(self, x: Any) -> Any:
        return self.net(x)

    def training_step(self, batch: Any, at: int) -> Any:
        loss = LOSS(self(batch[0]), batch[1])
        self.losses.append(loss.detach().clone())
        return loss

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=0.01)


def examples() -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(48, 6, generator=generator), torch.arange(48) % 3


def fitted(
    callback: Any, *, steps: int = STEPS, save: Path | None = None, resume: Path | None = None,
    **options: Any,
) -> list[Any]:  # fmt: skip
    """All that a fit leaves."""
    pl.seed_everything(3, verbose=False)
    model = Classifier()
    data = torch.utils.data.TensorDataset(*examples())
    loader = torch.utils.data.DataLoader(data, batch_size=16, shuffle=True)
    trainer = pl.Trainer(
        max_steps=steps,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        callbacks=[callback] if callback else [],
        **options,
    )
    trainer.fit(model, loader, ckpt_path=resume, weights_only=False)
    if save:
        trainer.save_checkpoint(save)
    kept = [v for s in trainer.optimizers[0].state.values() for v in s.values()]
    return [*model.losses, *model.state_dict().values(), *kept, torch.get_rng_state()]


def watching(**options: Any) -> Any:
    given = {"probes": ("norms", PROBE), "every": 1, "budget": math.inf, "mode": "train"}
    return lightning.callback(data=examples(), loss=LOSS, **given | options)


def at(table: dict[str, list[Any]], metric: str) -> list[int]:
    return [s for s, m in zip(table["step"], table["metric"], strict=True) if m == metric]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"accumulate_grad_batches": 3},
        {"gradient_clip_val": 0.1},
        {"precision": "bf16-mixed"},
    ],
    ids=str,
)
def test_a_watched_fit_is_the_unwatched_one(options: dict[str, Any]) -> None:
    callback = watching()
    with_it, without = fitted(callback, **options), fitted(None, **options)
    assert all(torch.equal(a, b) for a, b in zip(with_it, without, strict=True))
    table = callback.watch.table()
    assert callback.watch.step == STEPS
    assert at(table, "number") == list(range(STEPS + 1))
    batches = STEPS * options.get("accumulate_grad_batches", 1)
    assert len(at(table, "loss")) == batches


def test_the_comparison_sees_a_reading_that_touches_the_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probes._read, "untouched", lambda *_, **__: nullcontext())
    with_it, without = fitted(watching()), fitted(None)
    assert not all(torch.equal(a, b) for a, b in zip(with_it, without, strict=True))


def test_a_fit_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    whole = watching()
    fitted(whole)
    fitted(watching(), steps=STEPS // 2, save=tmp_path / "half.ckpt")
    again = watching()
    fitted(again, resume=tmp_path / "half.ckpt")
    assert again.watch.step == STEPS
    assert at(again.watch.table(), "number") == at(whole.watch.table(), "number")
    assert at(again.watch.table(), "loss") == at(whole.watch.table(), "loss")
