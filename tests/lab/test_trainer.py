"""One run: deterministic, resumable to the last bit, and honest when it diverges."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from forescale.errors import BadOption, UnknownName
from forescale.lab.config import Config, config

pytestmark = pytest.mark.lab

SMALL = {"task": "teacher", "model": "mlp", "steps": 60, "batch": 32, "lr": 1e-2}


def small(**changes: object) -> Config:
    return config({**SMALL, **changes})


def test_mark_steps_are_even_in_their_logs_and_hold_both_ends() -> None:
    from forescale.lab._run import mark_steps

    assert mark_steps(1000, 1) == [1, 10, 100, 1000]
    assert mark_steps(1, 10) == [1]
    marks = mark_steps(5000, 10)
    assert (marks[0], marks[-1]) == (1, 5000)
    assert marks == sorted(set(marks))


def test_the_same_configuration_gives_the_same_numbers() -> None:
    from forescale.lab.trainer import train

    one, two = train(small()), train(small())
    assert one.curve == two.curve
    assert one.row["loss"] == two.row["loss"]
    assert train(small(seed=1)).row["loss"] != one.row["loss"]


class Killed(Exception):
    pass


@pytest.mark.parametrize("optimizer", ["adamw", "muon", "sgd"])
@pytest.mark.parametrize("at", [3, 41])
def test_a_run_that_was_killed_goes_on_to_the_same_bits(
    tmp_path: Path, optimizer: str, at: int
) -> None:
    from forescale.lab.trainer import train

    run = small(
        optimizer=optimizer, rules={"clip": {"norm": 0.5}, "ema": {"decay": 0.9}}, task_settings={
            "examples": 100}
    )  # fmt: skip
    whole = train(run)

    def die(row: dict[str, float]) -> None:
        if row["step"] >= at:
            raise Killed

    with pytest.raises(Killed):
        train(run, folder=tmp_path, every=0.0, say=die)
    assert list(tmp_path.glob("*.pt"))
    seen: list[float] = []
    again = train(run, folder=tmp_path, every=0.0, say=lambda row: seen.append(row["step"]))
    assert min(seen) >= at
    assert again.curve == whole.curve
    assert again.row["loss"] == whole.row["loss"]
    assert not list(tmp_path.glob("*.pt*"))


def test_training_lowers_the_loss_and_counts_what_it_saw() -> None:
    from forescale.lab.trainer import train

    run = train(small(steps=200))
    assert run.curve[-1]["loss"] < 0.3 * run.curve[0]["loss"]
    assert run.row["examples"] == 200 * 32
    assert run.row["params"] == sum([64 * 16 + 16, 16 * 16 + 16, 16 + 1])
    # Six per weight and example, and a first layer that needs no gradient of its input.
    assert run.row["flops"] == pytest.approx(6 * (64 * 16 + 16 * 16 + 16) * 200 * 32)
    assert run.row["key"] if "key" in run.row else run.row["run"] == small(steps=200).key


def test_a_run_that_diverges_is_a_row_without_a_loss() -> None:
    from forescale.lab.trainer import train

    run = train(small(optimizer="sgd", lr=1e6, rules={}))
    assert run.row["diverged"]
    assert math.isnan(run.row["loss"])
    assert run.curve[-1]["step"] < 60
    assert run.row["examples"] == run.curve[-1]["step"] * 32


def test_a_run_ends_where_it_is_as_good_as_asked_for() -> None:
    from forescale.lab.trainer import train

    base = {
        "task": "sparse_parity",
        "task_settings": {"subtasks": 1, "bits": 8, "k": 2, "examples": 128, "validation": 128},
        "size": 4,
        "steps": 200,
        "marks": 20,
    }
    whole, ended = train(small(**base)), train(small(**base, until=0.9))
    there = next(i for i, row in enumerate(whole.curve) if row["accuracy"] >= 0.9)
    assert 0 < there < len(whole.curve) - 1
    assert ended.curve == whole.curve[: there + 1]
    assert ended.row["examples"] == ended.curve[-1]["data"]
    assert not ended.row["diverged"]
    # A run that nothing ends early keeps the name it had before runs could.
    assert "until" not in small(**base).to_dict()


def test_parts_of_a_batch_add_up_to_the_whole() -> None:
    from forescale.lab.trainer import train

    whole, parts = train(small()), train(small(accumulate=4))
    assert parts.row["loss"] == pytest.approx(whole.row["loss"], rel=1e-3)


def test_bfloat16_trains_too() -> None:
    from forescale.lab.trainer import train

    run = train(small(dtype="bfloat16", steps=100))
    assert run.row["loss"] == pytest.approx(train(small(steps=100)).row["loss"], rel=0.2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"batch": 10, "accumulate": 3}, "equal parts"),
        ({"lr": -1.0}, "lr is -1"),
        ({"dtype": "float8"}, "this is no run"),
        ({"colour": "red"}, "colour"),
        ({"warmup": 1.5}, "warmup is 1.5"),
        ({"until": 99.0}, "until is 99"),
    ],
)
def test_what_makes_no_run_is_one_line(changes: dict[str, object], said: str) -> None:
    with pytest.raises(BadOption, match=said):
        small(**changes)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"task": "techer"}, UnknownName),
        ({"model": "gpt"}, BadOption),
        ({"task_settings": {"colour": 1}}, BadOption),
        ({"optimizer_settings": {"colour": 1}}, BadOption),
        ({"schedule": "cosinus"}, UnknownName),
        ({"until": 0.9}, BadOption),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object], error: type[Exception]) -> None:
    from forescale.lab.trainer import train

    with pytest.raises(error):
        train(small(**changes))


def test_a_key_names_the_run_and_nothing_else() -> None:
    assert small().key == small().key
    assert len({small().key, small(seed=1).key, small(lr=2e-2).key}) == 3


def test_targets_that_do_not_count_are_no_misses() -> None:
    import torch
    from torch import nn

    from forescale.lab._io import IGNORED
    from forescale.lab._run import criterion, evaluate

    class Same(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.one_hot(x, 3).double()

    x = torch.tensor([[0, 1, 2], [2, 1, 0]])
    y = torch.tensor([[0, IGNORED, 1], [IGNORED, 1, 0]])
    _, accuracy = evaluate(Same(), (x, y), "cross_entropy", criterion("cross_entropy"), [], "cpu")
    assert accuracy == 0.75


def test_probes_change_no_number_and_stand_in_the_curve() -> None:
    from forescale.lab.trainer import train

    task = {"task": "modular", "model": "gpt", "task_settings": {"p": 5}, "batch": 12, "steps": 20}
    asked = {"norms": {}, "output_margin": {}, "intrinsic_dimension": {"k": 4}}
    bare, read = train(small(**task)), train(small(**task, probes=asked))
    assert [{k: row[k] for k in bare.curve[0]} for row in read.curve] == list(bare.curve)
    for row in read.curve:
        assert row["norms.weight_norm"] > 0
        assert 0 <= row["output_margin.wrong"] <= 1
    assert read.row["probes"] == asked
    assert "probes" not in bare.row


def test_a_run_without_probes_keeps_the_name_it_had() -> None:
    assert small(probes={}).key == small().key != small(probes={"norms": {}}).key
    assert config(small(probes={"norms": {}}).to_dict()).probes == {"norms": {}}


def test_a_probe_that_cannot_be_read_is_refused_before_the_first_step() -> None:
    from forescale.lab.trainer import train

    with pytest.raises(BadOption, match="task 'teacher': probe 'neural_collapse' needs"):
        train(small(probes={"neural_collapse": {}}))
    with pytest.raises(UnknownName, match="sharpnes"):
        train(small(probes={"sharpnes": {}}))
