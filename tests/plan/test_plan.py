"""Plans: the closed form of the Chinchilla law, its inverses, ranges and refusals."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from forescale.errors import BadOption, BadTable, ForescaleError, NotReached
from forescale.fit import Fit, fit
from forescale.laws import get
from forescale.plan import candidates, plan
from forescale.runs import RunTable
from forescale.uncertainty import assess

World = Callable[..., RunTable]
Optimum = Callable[[float], tuple[float, float]]
T = get("chinchilla").typical


@pytest.mark.parametrize("flops", [1e17, 1e19, 3e20, 1e24])
def test_the_optimum_is_that_of_the_closed_form(flops: float, exact: Fit, optimum: Optimum) -> None:
    found = plan(exact, flops=flops, test=False).optimum
    n, d = optimum(flops)
    assert found["N"].value == pytest.approx(n, rel=1e-4)
    assert found["D"].value == pytest.approx(d, rel=1e-4)
    assert found["C"].value == pytest.approx(flops, rel=1e-12)
    assert found["tokens_per_param"].value == pytest.approx(d / n, rel=2e-4)


def test_candidates_are_laws_with_an_optimum(world: World) -> None:
    found = candidates(world(0))
    assert "chinchilla" in found
    # A product of powers always wants the largest or the smallest model.
    assert "joint_power" not in found


def test_a_table_without_tokens_has_no_candidate() -> None:
    runs = RunTable({"N": np.logspace(6, 9, 8), "L": np.linspace(4, 2, 8)})
    with pytest.raises(BadTable, match="trades N for D"):
        candidates(runs)


def test_tokens_and_params_turn_flops_around(exact: Fit) -> None:
    there = plan(exact, flops=3e20, test=False).optimum
    for back in (
        plan(exact, tokens=there["D"].value, test=False).optimum,
        plan(exact, params=there["N"].value, test=False).optimum,
    ):
        for name in ("N", "D", "C"):
            assert back[name].value == pytest.approx(there[name].value, rel=1e-3)


def test_size_grows_with_compute_as_the_exponents_say(exact: Fit) -> None:
    assert plan(exact, flops=1e20, test=False).exponent.value == pytest.approx(
        T["beta"] / (T["alpha"] + T["beta"]), rel=1e-3
    )


def test_the_flat_range_brackets_the_optimum_and_its_ends_lose_what_they_say(
    noisy: Fit,
) -> None:
    for within in (0.001, 0.005, 0.02):
        found = plan(noisy, flops=1e20, within=within, test=False)
        lo, hi = found.flat
        assert lo < found.optimum["N"].value < hi
        best = noisy.predict({"N": found.optimum["N"].value, "D": found.optimum["D"].value})
        for end in (lo, hi):
            loss = noisy.predict({"N": end, "D": 1e20 / (6 * end)})
            assert float(loss / best - 1) == pytest.approx(within, rel=0.01)


def test_a_range_that_never_ends_is_open(exact: Fit) -> None:
    found = plan(exact, flops=1e20, within=0.999, test=False)
    assert found.flat[0] >= 0.0
    assert "parameters you lose less than 1e+02 %" in found.flat_text() or found.flat[1] > 1e10


def test_intervals_hold_the_value_and_narrow_with_level(noisy: Fit) -> None:
    wide, narrow = (
        plan(noisy, flops=1e20, level=0.95, test=False),
        plan(noisy, flops=1e20, level=0.5, test=False),
    )
    for name in ("N", "D", "tokens_per_param"):
        w, v = wide.optimum[name], narrow.optimum[name]
        assert w.lo < v.lo < v.hi < w.hi
        assert w.lo < w.value < w.hi


def test_what_was_given_has_no_interval(noisy: Fit) -> None:
    for name, asked in (("C", {"flops": 1e20}), ("D", {"tokens": 2e10}), ("N", {"params": 1e9})):
        given = plan(noisy, **asked, test=False).optimum[name]
        assert given.lo == pytest.approx(given.value, rel=1e-9)
        assert given.hi == pytest.approx(given.value, rel=1e-9)


def test_intervals_cover_the_planted_optimum(world: World, optimum: Optimum) -> None:
    n, _ = optimum(3e20)
    hits = []
    for seed in range(20):
        fitted = assess(fit(world(seed), starts=32), resamples=150)
        found = plan(fitted, flops=3e20, test=False).optimum["N"]
        hits.append(found.lo <= n <= found.hi)
    assert np.mean(hits) >= 0.75


def test_the_loss_at_the_optimum_is_forecast_with_a_verdict(noisy: Fit) -> None:
    found = plan(noisy, flops=1e20)
    (point,) = found.forecast.points
    assert point.inputs["N"] == pytest.approx(found.optimum["N"].value)
    assert point.band.lo < point.band.median < point.band.hi
    assert found.forecast.verdict.text in found.summary()


def test_what_is_promised_stands_in_the_dictionary(noisy: Fit) -> None:
    data = plan(noisy, flops=1e20, test=False).to_dict()
    for name in ("N", "D", "C", "tokens_per_param"):
        lo, hi = data["optimum"][name]["interval"]
        assert lo <= data["optimum"][name]["value"] * (1 + 1e-9)
        assert data["optimum"][name]["value"] <= hi * (1 + 1e-9)
    assert data["given"] == {"C": 1e20}
    assert data["kind"] == "plan"


def test_laws_that_were_kept_share_the_interval(noisy: Fit, world: World) -> None:
    other = assess(fit(world(1), "kaplan_joint"), resamples=100)
    alone = plan(noisy, flops=1e22, test=False).optimum["N"]
    mixed = plan(
        replace(noisy, rivals=((0.6, noisy), (0.4, other))), flops=1e22, test=False
    ).optimum["N"]
    assert mixed.hi / mixed.lo > 1.2 * alone.hi / alone.lo
    assert mixed.value == alone.value


def test_a_kept_law_that_reads_more_than_n_and_d_keeps_silent(noisy: Fit, world: World) -> None:
    table = world(1).with_column("U", np.full(36, 1e9))
    more = assess(fit(table, "E + A/N^a + B/D^b + G*U^-c", fix={"c": 0.5}), resamples=50)
    alone = plan(noisy, flops=1e20, test=False).optimum["N"]
    mixed = plan(replace(noisy, rivals=((0.6, noisy), (0.4, more))), flops=1e20).optimum["N"]
    assert mixed.hi / mixed.lo == pytest.approx(alone.hi / alone.lo, rel=0.1)


def test_each_group_has_its_own_plan(world: World) -> None:
    table = world(1, noise=0.001)
    code = np.arange(36) % 2 == 1
    table = table.with_column("L", table["L"] + np.where(code, 500 / table["N"] ** 0.3478, 0.0))
    table = table.with_column("kind", np.where(code, "code", "web").astype(object))
    fitted = assess(fit(table, by="kind", free=("A",)), resamples=100)
    web, code_ = (
        plan(fitted, flops=1e20, group=g, test=False).optimum["N"] for g in ("web", "code")
    )
    assert code_.lo > web.hi
    with pytest.raises(BadOption, match="--group"):
        plan(fitted, flops=1e20)


def test_a_law_typed_by_a_user_has_an_optimum_too(world: World) -> None:
    fitted = assess(fit(world(1), "E + A*N^-a + B*D^-b"), resamples=100)
    assert plan(fitted, flops=1e20).optimum["N"].value == pytest.approx(
        plan(fit(world(1)), flops=1e20, resamples=50, test=False).optimum["N"].value, rel=0.02
    )


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "exactly one"),
        ({"flops": 1e20, "tokens": 1e9}, "exactly one"),
        ({"flops": -1e20}, "C is -1e"),
        ({"tokens": 0.0}, "D is 0"),
        ({"params": float("nan")}, "N is nan"),
        ({"flops": float("inf")}, "C is inf"),
        ({"flops": 1e20, "within": 0.0}, "within"),
        ({"flops": 1e20, "within": 1.0}, "within"),
        ({"flops": 1e20, "level": 1.5}, "level"),
        ({"flops": 1e20, "group": "web"}, "group"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(
    asked: dict[str, float], says: str, noisy: Fit
) -> None:
    with pytest.raises(ForescaleError, match=says) as caught:
        plan(noisy, **asked)
    assert "\n" not in str(caught.value)


def test_a_law_without_n_and_d_has_no_plan() -> None:
    c = np.logspace(18, 21, 12)
    fitted = fit(RunTable({"C": c, "L": 1.8 + 900 / c**0.15}), "power")
    with pytest.raises(BadOption, match="a law in C; a plan trades N for D"):
        plan(fitted, flops=1e24)


def test_a_law_where_bigger_is_always_better_has_no_optimum(world: World) -> None:
    # Loss rises with data here: all compute would go to size.
    n, d = world(1)["N"], world(1)["D"]
    table = RunTable({"N": n, "D": d, "L": 1.0 + 50 * n**-0.2 + 0.1 * d**0.1})
    fitted = assess(fit(table, "E + A*N^-a + B*D^b"), "sandwich", resamples=50)
    with pytest.raises(NotReached, match="no compute-optimal point"):
        plan(fitted, flops=1e20)
