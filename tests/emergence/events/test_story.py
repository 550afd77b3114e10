"""A run and its forecasts; logs of runs: what is read, what is said, what is refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from forescale import datasets
from forescale.emergence.events import story
from forescale.emergence.events._held_out import held_out
from forescale.emergence.events.grokking import recorded
from forescale.emergence.events.outlook import outlooks
from forescale.errors import BadTable
from forescale.runs import read

STEPS = (1, 2, 4, 8, 16, 32, 50, 64, 90, 128, 180, 256, 400, 512, 800, 1024)


def rows(late: int = 700) -> list[dict[str, float]]:
    return [
        {
            "step": float(s),
            "train_loss": 3 * math.exp(-s / 15) + 1e-3,
            "test_loss": 4.0 if s < late else 0.05,
            "train_accuracy": min(1.0, s / 60),
            "test_accuracy": 0.03 if s < late else 0.99,
            "restricted_loss": 3.0 / (1 + s / 100),
        }
        for s in STEPS
    ]


@pytest.fixture(scope="module")
def told() -> story.GrokStory:
    curve = rows()
    return story.GrokStory(
        name="planted",
        settings={"lr": 1e-3},
        curves=story.columns_of(curve),
        memorised=story.memorised(curve),
        generalised=story.generalised(curve),
        forecasts=story.retold(curve, {"lr": 1e-3, "weight_decay": 1.0}),
        seconds=1.0,
    )


def test_a_story_says_when_and_each_forecast_is_made_before(told) -> None:
    assert (told.memorised, told.generalised) == (64, 800)
    assert [f.until for f in told.forecasts] == [50, 128, 256, 512]
    assert all(f.until < told.generalised for f in told.forecasts)
    for f in told.forecasts:
        assert told.kept(f) == (f.lo <= 800 <= f.hi)
    assert "12.5 times later" in told.verdict
    # 3 / (1 + s / 100) is half of its value at 64 from 228 on.
    assert told.halved == (256, 0.03)
    data = json.loads(json.dumps(told.to_dict(), allow_nan=False))
    assert data["kind"] == "grok_story"
    assert len(data["forecasts"]) == 4


def test_forecasts_made_live_are_those_made_afterwards(told) -> None:
    teller, curve = story.Foreteller({"lr": 1e-3, "weight_decay": 1.0}), rows()
    live = [teller.look(curve[: i + 1]) for i in range(len(curve))]
    assert [f for f in live if f is not None] == list(told.forecasts)


def test_a_run_without_an_end_leaves_forecasts_open(told) -> None:
    curve = rows(late=10_000)
    left = story.GrokStory(
        "open", {}, story.columns_of(curve), 64, story.generalised(curve), told.forecasts, 0.0
    )
    assert left.generalised is None
    assert "not generalised" in left.verdict
    for f in left.forecasts:
        assert left.kept(f) is (False if f.hi < 1024 else None)


def test_the_shipped_runs_end_in_every_way() -> None:
    known = recorded()
    assert len({k.task for k in known}) == 7
    came = [k for k in known if k.came]
    assert len(known) / 3 < len(came) < len(known) * 3 / 4
    learnt = [k.steps[np.argmax(k.curves["train_accuracy"] >= 0.99)] for k in came]
    delay = np.array([k.time / t for k, t in zip(came, learnt, strict=True)])
    assert delay.max() > 3
    assert delay.min() < 1.5


def test_the_norm_of_the_weights_is_read_from_their_squares() -> None:
    curve = [{**r, "squares": 900 / r["step"]} for r in rows()]
    made = story.Foreteller({"lr": 1e-3, "weight_decay": 1.0}).look(curve[:9])
    assert made is not None
    assert "weight_norm" in made.read


def test_the_shipped_runs_tell_of_tasks_left_out() -> None:
    names = ("step", "train_loss", "test_loss", "train_loss_slope", "test_loss_slope", "fallen")
    found = held_out(recorded(), names)
    assert found.forecasts > 700
    assert found.auc > 0.65
    assert 0.85 < found.coverage <= 1
    assert found.error < 0.6


def test_outlooks_of_shipped_curves_are_read_without_a_map() -> None:
    table = read(datasets.path("grok_runs_curves"), where="run < 6", pick="all")
    found = outlooks(table, until=60)
    assert len(found.runs) == 6
    assert any(o.forecast is not None for o in found.runs)
    assert {"train_loss", "test_loss", "train_accuracy", "test_accuracy"} <= set(found.read)
    for o in found.runs:
        assert (o.generalised is None) == (o.forecast is not None or "too early" in o.why)
        assert o.step <= 60
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["kind"] == "outlooks"


def log(tmp_path, columns: dict[str, list[float]]):
    path = tmp_path / "log.csv"
    lines = [
        ",".join(columns),
        *(",".join(map(str, v)) for v in zip(*columns.values(), strict=True)),
    ]
    path.write_text("\n".join(lines) + "\n")
    return read(path, pick="all")


def test_a_plain_log_of_losses_is_enough(tmp_path) -> None:
    curve = rows()[:10]
    names = {"step": "step", "train_loss": "train_loss", "test_loss": "val_loss"}
    table = log(tmp_path, {new: [r[old] for r in curve] for old, new in names.items()})
    (one,) = outlooks(table).runs
    assert one.forecast is not None
    assert one.forecast.read == ("train_loss", "test_loss")
    assert one.memorised is None


def test_a_log_without_both_losses_is_refused_with_a_way_out(tmp_path) -> None:
    table = log(tmp_path, {"step": [1, 2, 3], "val_loss": [3, 2, 1]})
    with pytest.raises(BadTable, match="no train loss.*--map train_loss=COLUMN"):
        outlooks(table)


def test_a_table_of_ends_has_no_curves() -> None:
    with pytest.raises(BadTable, match="no curves"):
        outlooks(read(datasets.path("stdlib_bytes")))
