"""Which part of a mixture drives which loss."""

from __future__ import annotations

import json

import numpy as np
import pytest

from forescale.cli._output import to_json
from forescale.compare.mixture import mixture
from forescale.errors import BadOption, BadTable, ForescaleError, UnknownName
from forescale.runs import RunTable


def mixed(seed: int = 0, *, zeros: bool = False, n: int = 120) -> RunTable:
    """Each of two losses falls with the log of its own share; w_c does nothing."""
    rng = np.random.default_rng(seed)
    w = rng.dirichlet(np.full(4, 0.4 if zeros else 3.0), n)
    if zeros:
        w = np.where(w < 0.02, 0.0, w)
    log = np.log(np.maximum(w / w.sum(1, keepdims=True), 0.01))
    noise = 0.05 * rng.normal(size=(2, n))
    return RunTable({
        **{f"w_{k}": w[:, i] for i, k in enumerate("abcd")},
        "loss_a": 3 - 0.2 * log[:, 0] + 0.2 * log[:, 3] + noise[0],
        "loss_b": 3 - 0.2 * log[:, 1] + 0.2 * log[:, 3] + noise[1],
    })  # fmt: skip


@pytest.mark.parametrize("zeros", [False, True])
def test_each_loss_names_its_own_share(zeros: bool) -> None:
    made = mixture(mixed(zeros=zeros), ["w_*"], ["loss_*"], resamples=99)
    for part in "ab":
        own = made.of(f"loss_{part}")[0]
        assert (own.part, own.told) == (f"w_{part}", True)
        assert made.of(f"loss_{part}")[-1].part == "w_d"
    assert (made.zeros > 0) == zeros
    assert made.trusted
    assert any("are zero and stand as" in n for n in made.notes) == zeros


def test_slopes_are_those_planted() -> None:
    made = mixture(mixed(n=2000), ["w_*"], ["loss_a"], resamples=99)
    slopes = {d.part: d.slope for d in made.drivers}
    assert slopes == pytest.approx({"w_a": -0.2, "w_b": 0, "w_c": 0, "w_d": 0.2}, abs=0.01)


def test_an_idle_part_is_told_no_oftener_than_its_level_says() -> None:
    told = [
        next(d for d in mixture(mixed(s), ["w_*"], ["loss_a"], resamples=99).drivers
             if d.part == "w_c").told for s in range(30)
    ]  # fmt: skip
    # 90 % intervals: 3 of 30, three standard errors more.
    assert sum(told) <= 8


def test_a_sign_that_hangs_on_what_stands_for_a_zero_is_not_told() -> None:
    rng = np.random.default_rng(0)
    w = rng.dirichlet(np.ones(3), 200)
    w[:100, 0] = 0.0
    some = w[:, 0] > 0
    # Some of it helps, and more of it hurts.
    y = np.where(some, 0.3 * np.log(np.maximum(w[:, 0], 1e-9)), 0.0) + 0.01 * rng.normal(size=200)
    runs = RunTable({"a": w[:, 0], "b": w[:, 1], "c": w[:, 2], "y": y})
    a = next(d for d in mixture(runs, ["a", "b", "c"], ["y"], resamples=99).drivers
             if d.part == "a")  # fmt: skip
    assert a.spread is not None
    assert a.spread[0] < a.spread[1]
    assert a.told == (a.lo * a.hi > 0 and a.spread[0] * a.spread[1] > 0)


def test_a_seed_gives_one_answer_and_json_keeps_it() -> None:
    one, two = (to_json(mixture(mixed(), ["w_*"], ["loss_*"], resamples=99, seed=3).to_dict())
                for _ in range(2))  # fmt: skip
    assert one == two
    assert json.loads(one)["drivers"][0]["part"] == "w_a"
    made = mixture(mixed(), ["w_*"], ["loss_*"], resamples=99)
    assert "lowered by w_a" in made.summary()
    assert repr(made).startswith("Mixture(4 parts, 2 outcomes, 120 runs")


@pytest.mark.parametrize(
    ("parts", "outcomes", "options", "error", "says"),
    [
        (["w_a", "w_b"], ["loss_a"], {}, BadOption, "2 parts"),
        (["w_*", "w_a"], ["loss_a"], {}, BadOption, "4 different"),
        (["w_*"], ["w_a"], {}, BadOption, "both a part and an outcome"),
        (["w_*"], [], {}, BadOption, "0 outcomes"),
        (["w_*"], ["nosuch"], {}, UnknownName, "nosuch"),
        (["w_*"], ["word"], {}, BadTable, "not numbers"),
        (["loss_*", "low"], ["w_a"], {}, BadTable, "is -1"),
        (["w_*"], ["loss_a"], {"level": 2.0}, BadOption, "no probability"),
        (["w_*"], ["loss_a"], {"resamples": 5}, BadOption, "99 or more"),
    ],
)
def test_bad_input_is_one_clear_line(
    parts: list[str],
    outcomes: list[str],
    options: dict[str, float],
    error: type[ForescaleError],
    says: str,
) -> None:
    runs = mixed().with_column("word", np.array(["x"] * 120, object))
    runs = runs.with_column("low", np.full(120, -1.0))
    with pytest.raises(error, match=says) as caught:
        mixture(runs, parts, outcomes, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
