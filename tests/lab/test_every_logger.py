"""Loggers: what they wrote is read back by the tracker's own library, each point once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forescale.errors import MissingExtra, UnknownName
from forescale.lab import loggers, sweep, worker
from forescale.lab.config import Config, config
from forescale.lab.how import How, results

pytestmark = pytest.mark.lab

Points = dict[str, list[tuple[int, float]]]


def read_tensorboard(folder: Path, c: Config) -> tuple[Points, Points, dict[str, str]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder / "tensorboard" / c.key), size_guidance={"scalars": 0})
    found.Reload()
    tags = found.Tags()["scalars"]
    all_of = {t: [(e.step, e.value) for e in found.Scalars(t)] for t in tags}
    final = {t.removeprefix("final/"): v for t, v in all_of.items() if t.startswith("final/")}
    curve = {t: v for t, v in all_of.items() if not t.startswith("final/")}
    start = found.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    from tensorboard.plugins.hparams import metadata

    plain = metadata.parse_session_start_info_plugin_data(start).hparams
    return curve, final, {k: str(getattr(v, v.WhichOneof("kind"))) for k, v in plain.items()}


def read_mlflow(folder: Path, c: Config) -> tuple[Points, Points, dict[str, str]]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    number = client.get_experiment_by_name(folder.name).experiment_id
    runs = [r for r in client.search_runs([number]) if r.info.run_name == c.key]
    assert [r.info.status for r in runs] == ["FINISHED"]
    all_of = {
        t: [(m.step, m.value) for m in client.get_metric_history(runs[0].info.run_id, t)]
        for t in runs[0].data.metrics
    }
    final = {t.removeprefix("final_"): v for t, v in all_of.items() if t.startswith("final_")}
    curve = {t: sorted(v) for t, v in all_of.items() if not t.startswith("final_")}
    return curve, final, dict(runs[0].data.params)


READERS: dict[str, Callable[[Path, Config], tuple[Points, Points, dict[str, str]]]] = {
    "tensorboard": read_tensorboard,
    "mlflow": read_mlflow,
}


def small(**changes: Any) -> Config:
    return config({"task": "teacher", "model": "mlp", "steps": 30, "batch": 16, **changes})


@pytest.mark.parametrize("name", loggers.names())
def test_a_logger_says_what_it_is(name: str) -> None:
    found = loggers.get(name)
    assert found.name == name
    assert found.what.endswith(".")
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8")
    assert f"\n{found.extra} = [" in text


@pytest.mark.parametrize("name", loggers.names())
def test_without_its_library_it_is_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=f"pip install 'forescale\\[{name}\\]'"):
        sweep.sweep([small()], tmp_path, log=[name])
    assert not list(tmp_path.glob("*.json"))


def test_a_logger_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no logger 'tensorbord'.*'tensorboard'"):
        sweep.sweep([small()], tmp_path, log=["tensorbord"])


class Killed(Exception):
    pass


@pytest.mark.parametrize("name", loggers.names())
def test_a_run_that_is_killed_at_any_point_logs_each_point_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(name)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    from forescale.lab import trainer

    run, folder, real = small(), tmp_path / "a folder", trainer.train
    folder.mkdir()
    stores = {name: loggers.get(name).prepare(folder)}

    def once(point: float, at: str) -> None:
        """One attempt, killed at a point, before or after its row is logged, or not at all."""

        def train(c: Config, *, say: Any, **how: Any) -> Any:
            def dying(row: dict[str, Any]) -> None:
                if row["step"] >= point and at == "before":
                    raise Killed
                say(row)
                if row["step"] >= point:
                    raise Killed

            return real(c, say=dying, **how)

        monkeypatch.setattr(trainer, "train", train)
        worker.make([run], folder, How(every=0.0, logs=stores), device="cpu")

    for point, at in ((3, "before"), (8, "after"), (30, "before")):
        with pytest.raises(Killed):
            once(point, at)
    once(1e9, "")
    # A result that is lost after it was logged: made again, and there once.
    (folder / f"{run.key}.json").unlink()
    once(1e9, "")
    made = results([run], folder)[0]
    curve, final, settings = READERS[name](folder, run)
    assert set(curve) == {"data", "flops", "lr", "loss", "train_loss"}
    for column, points in curve.items():
        assert [s for s, _ in points] == [p["step"] for p in made["curve"]]
        assert [v for _, v in points] == pytest.approx([p[column] for p in made["curve"]], 1e-6)
    assert [s for s, _ in final["loss"]] == [30]
    assert final["loss"][0][1] == pytest.approx(made["row"]["loss"], rel=1e-6)
    assert settings["model"] == "mlp"
    assert float(settings["steps"]) == 30


@pytest.mark.parametrize("name", loggers.names())
def test_a_run_killed_after_its_last_point_is_whole(name: str, tmp_path: Path) -> None:
    pytest.importorskip(name)
    run = small()
    log = loggers.get(name)
    row = {"loss": 1.5, "accuracy": None, "params": 7, "flops": 3.0, "seconds": 1.0}
    curve = [{"step": s, "loss": 1.0 / s, "accuracy": None} for s in (1, 2, 30)]
    store = log.prepare(tmp_path)
    first = log.open(store, run)
    for point in curve:
        first.point(point)
    first.close()
    for _ in range(2):  # The second time as if the result had been lost.
        again = log.open(store, run)
        again.finish(row, curve)
        again.close()
    points, final, _ = READERS[name](tmp_path, run)
    assert [s for s, _ in points["loss"]] == [1, 2, 30]
    assert final["params"] == [(30, 7.0)]
    assert "accuracy" not in points


@pytest.mark.slow
@pytest.mark.parametrize("name", loggers.names())
def test_workers_that_log_at_the_same_time_lose_nothing(name: str, tmp_path: Path) -> None:
    pytest.importorskip(name)
    runs = [small(seed=s) for s in range(4)]
    seen: list[sweep.Progress] = []
    sweep.sweep(runs, tmp_path, log=[name], workers=2, say=seen.append)
    assert not seen[-1].failed
    for run, made in zip(runs, results(runs, tmp_path), strict=True):
        curve, final, _ = READERS[name](tmp_path, run)
        assert [s for s, _ in curve["loss"]] == [p["step"] for p in made["curve"]]
        assert final["loss"][0][1] == pytest.approx(made["row"]["loss"], rel=1e-6)


@pytest.mark.slow
def test_of_several_processes_one_logs(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from forescale.lab.parallel import Parallel

    sweep.sweep([small()], tmp_path, log=["tensorboard"], parallel=Parallel(2))
    curve, final, _ = read_tensorboard(tmp_path, small())
    made = results([small()], tmp_path)[0]
    assert [s for s, _ in curve["loss"]] == [p["step"] for p in made["curve"]]
    assert len(final["loss"]) == 1
    assert len(list((tmp_path / "tensorboard" / small().key).iterdir())) == 1
