"""Engines: every item ends once, whatever dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forescale.errors import BadOption
from forescale.lab import engines


def square() -> Callable[[int], int]:
    # A closure: it goes to workers by its code, which they could not import from a test.
    def call(x: int) -> int:
        if x == 3:
            raise ValueError("three")
        return x * x

    return call


def deadly(victim: int, mark: Path | None = None) -> Callable[[int], int]:
    def call(x: int) -> int:
        if x == victim and not (mark is not None and mark.exists()):
            if mark is not None:
                mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return x * x

    return call


def test_every_item_ends_once_and_an_error_is_told() -> None:
    done = list(engines.get("local").map(square(), range(6), 2))
    assert sorted(d.index for d in done) == list(range(6))
    assert {d.index: d.value for d in done if not d.error} == {i: i * i for i in (0, 1, 2, 4, 5)}
    assert [d.error for d in done if d.error] == ["ValueError: three"]


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    once = deadly(2, tmp_path / "died")
    done = list(engines.get("local").map(once, range(5), 2))
    assert sorted((d.index, d.value) for d in done) == [(i, i * i) for i in range(5)]


def test_an_item_that_kills_its_workers_is_given_up_and_its_neighbours_are_not() -> None:
    def call(x: int) -> int:
        time.sleep(0.2 if x == 1 else 1.0)
        if x == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    # The neighbour is at work each time that the other dies.
    done = list(engines.get("local").map(call, range(3), 2))
    assert sorted(d.index for d in done) == [0, 1, 2]
    assert [d.index for d in done if "killed 3 times" in d.error] == [1]
    assert [d.index for d in done if d.error] == [1]


class Unreadable:
    def __reduce__(self) -> Any:
        return (int, ("no number",))


def test_an_item_that_no_process_can_read_is_not_called_killed() -> None:
    done = list(engines.get("local").map(str, [Unreadable()], 1))
    assert len(done) == 1
    assert "no process can read it" in done[0].error


@pytest.mark.parametrize("name", engines.names())
def test_an_engine_says_what_it_is(name: str) -> None:
    engine = engines.get(name)
    assert engine.name == name
    assert engine.what.endswith(".")


def test_slurm_without_slurm_is_one_line() -> None:
    pytest.importorskip("submitit")
    with pytest.raises(BadOption, match="no Slurm here"):
        list(engines.get("slurm").map(square(), range(2), 1))


@pytest.mark.slow
def test_slurm_jobs_run_where_there_is_no_queue(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    done = list(
        engines.get("slurm").map(
            square(), range(4), 2, cluster="local", logs=str(tmp_path), look=0.2
        )
    )
    assert {d.index: d.value for d in done if not d.error} == {0: 0, 1: 1, 2: 4}
    assert [d.error for d in done if d.error] == ["ValueError: three"]


@pytest.mark.slow
@pytest.mark.lab
def test_a_ray_node_that_is_lost_in_the_middle_costs_no_run(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    from forescale.lab.config import config
    from forescale.lab.sweep import Progress, sweep

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    other = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        assert sum(node["Alive"] for node in ray.nodes()) == 2
        configs = [
            config({"task": "teacher", "model": "mlp", "steps": 3000, "batch": 64, "seed": s})
            for s in range(8)
        ]
        seen: list[Progress] = []

        def say(progress: Progress) -> None:
            seen.append(progress)
            if progress.finished == 2:
                cluster.remove_node(other, allow_graceful=False)

        runs = sweep(configs, tmp_path, engine="ray", workers=2, say=say)
        until = time.monotonic() + 30
        while sum(n["Alive"] for n in ray.nodes()) > 1 and time.monotonic() < until:
            time.sleep(0.5)
        assert sum(node["Alive"] for node in ray.nodes()) == 1
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert len(runs) == 8
    assert len({str(r) for r in runs["run"]}) == 8
    assert [p.finished for p in seen] == list(range(9))
    assert not seen[-1].failed
