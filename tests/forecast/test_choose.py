"""Choosing a law: by held-out scale, saying what else was close."""

from collections.abc import Callable

import numpy as np
import pytest

from forescale.errors import BadTable, TooFewRuns, UnknownName
from forescale.fit import Fit
from forescale.forecast import candidates, choose, forecast
from forescale.forecast.choose import describe_choice
from forescale.laws import get
from forescale.runs import RunTable

World = Callable[..., RunTable]


@pytest.fixture(scope="module")
def chosen(world: World) -> Fit:
    return choose(world(5), starts=64)


def test_the_planted_law_is_chosen_where_the_others_differ(chosen: Fit) -> None:
    assert chosen.law.name == "chinchilla"
    assert chosen.choice is not None
    shown = {c["law"]: c for c in chosen.choice["candidates"]}
    assert shown["chinchilla"]["score_pct"] < shown["chinchilla_no_floor"]["score_pct"]


def test_control_another_planted_law_is_chosen_in_its_own_world() -> None:
    law = get("kaplan_joint")
    flops = np.repeat(np.logspace(17, 20, 7), 6)
    n = 0.05 * np.sqrt(flops) * np.tile(np.logspace(-0.7, 0.7, 6), 7)
    x = {"N": n, "D": flops / (6 * n)}
    noise = np.exp(0.001 * np.random.default_rng(0).normal(size=42))
    table = RunTable({**x, "L": law.predict(x, law.typical) * noise})
    found = choose(table, among=("kaplan_joint", "chinchilla_no_floor"), starts=64)
    assert found.law.name == "kaplan_joint"


def test_weights_sum_to_one_and_the_choice_is_among_the_laws_kept(chosen: Fit) -> None:
    assert chosen.choice is not None
    weights = [c["weight"] for c in chosen.choice["candidates"]]
    assert sum(weights) == pytest.approx(1.0)
    assert weights == sorted(weights, reverse=True)
    if chosen.rivals:
        assert sum(w for w, _ in chosen.rivals) == pytest.approx(1.0)
        assert any(f.law.name == chosen.law.name for _, f in chosen.rivals)


def test_laws_that_forecast_alike_are_named_as_close(power: World) -> None:
    # Two spellings of one law cannot differ.
    found = choose(power(16), among=("power", "E + A/C^alpha"), starts=32)
    assert found.choice is not None
    assert len(found.choice["close"]) == 1
    assert [w for w, _ in found.rivals] == pytest.approx([0.5, 0.5], abs=0.01)
    assert "close: " in describe_choice(found.choice)


def test_a_forecast_mixes_the_laws_that_were_close(power: World) -> None:
    found = choose(power(16), among=("power", "E + A/C^alpha"), starts=32)
    made = forecast(found, {"C": 1e22}, test=False, resamples=50)
    assert [m["weight"] for m in made.to_dict()["mixture"]] == pytest.approx([0.5, 0.5], abs=0.01)
    alone = choose(power(16), among=("power", "E + A/C^alpha"), keep_rivals=False, starts=32)
    assert alone.rivals == ()


def test_too_few_runs_to_hold_any_out_leave_the_criterion(power: World) -> None:
    found = choose(power(5), among=("power", "A*C^-a"), starts=32)
    assert found.choice is not None
    assert found.choice["cuts"] == 0
    assert "too few runs" in describe_choice(found.choice)
    assert sum(c["weight"] for c in found.choice["candidates"]) == pytest.approx(1.0)


def test_a_table_with_compute_alone_gets_laws_in_compute(power: World) -> None:
    assert "power" in candidates(power())
    assert choose(power(10), starts=32).law.inputs == ("C",)


def test_sizes_and_tokens_are_more_telling_than_compute(world: World) -> None:
    assert "chinchilla" in candidates(world())
    assert all({"N", "D"} == set(get(n).inputs) for n in candidates(world()))


@pytest.mark.parametrize(
    ("columns", "read"),
    [
        ({"D": np.logspace(8, 11, 7)}, "D"),
        ({"N": np.logspace(6, 9, 7)}, "N"),
        ({"N": np.logspace(6, 9, 7), "D": np.full(7, 1e9)}, "N"),
    ],
)
def test_the_chosen_law_reads_what_the_table_varies(
    columns: dict[str, np.ndarray], read: str
) -> None:
    (x,) = (v for v in columns.values() if np.ptp(v) > 0)
    table = RunTable({**columns, "L": 2.0 + 3.0 * (x / x[0]) ** -0.3})
    assert choose(table, starts=32).law.inputs == (read,)


def test_a_law_that_fits_anything_needs_many_runs(power: World) -> None:
    assert "bnsl" not in candidates(power(20))
    assert "bnsl" in candidates(power(60))


def test_a_table_that_tells_no_scale_is_refused_with_its_columns() -> None:
    table = RunTable({"lr": np.logspace(-4, -2, 9), "L": np.linspace(4, 3, 9)}, source="x.csv")
    with pytest.raises(BadTable, match=r"x\.csv: no law can be chosen.*lr, L") as caught:
        choose(table)
    assert "\n" not in str(caught.value)


def test_candidates_that_cannot_be_fitted_are_listed_with_the_reason(power: World) -> None:
    found = choose(power(), among=("power", "chinchilla"), starts=32)
    assert found.choice is not None
    lost = next(c for c in found.choice["candidates"] if c["law"] == "chinchilla")
    assert lost["weight"] == 0.0
    assert "needs" in lost["why"]


def test_no_candidate_that_can_be_fitted_is_the_first_ones_error(power: World) -> None:
    with pytest.raises(BadTable, match="N, D"):
        choose(power(), among=("chinchilla", "kaplan_joint"))
    with pytest.raises(UnknownName, match="chinchila"):
        choose(power(), among=("chinchila",))


def test_a_table_of_two_runs_is_too_small_for_any_law(power: World) -> None:
    with pytest.raises(TooFewRuns, match="2 runs"):
        choose(power(2))


def test_groups_are_chosen_together(power: World) -> None:
    a, b = power(16, seed=1), power(16, seed=2)
    table = RunTable(
        {
            "C": np.concatenate([a["C"], b["C"]]),
            "L": np.concatenate([a["L"], 1.3 * b["L"]]),
            "g": np.array(["a"] * 16 + ["b"] * 16, object),
        }
    )
    found = choose(table, among=("power",), by="g", free=("E", "A"), starts=32)
    assert found.names == ("alpha", "E[a]", "A[a]", "E[b]", "A[b]")
    assert found.choice is not None
    assert found.choice["candidates"][0]["score_pct"] < 3.0


def test_equal_tables_choose_alike(power: World) -> None:
    one, two = (choose(power(14), among=("power", "A*C^-a"), starts=32).choice for _ in range(2))
    assert one == two


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_law_chosen_is_the_heaviest_whatever_the_criterion_says(world: World, seed) -> None:
    found = choose(world(seed, noise=0.01, law="kaplan_joint"), starts=64)
    assert found.choice is not None
    heaviest = max(found.choice["candidates"], key=lambda c: c["weight"])
    assert found.law.name == heaviest["law"]
    if found.rivals:
        assert max(found.rivals, key=lambda r: r[0])[1].law.name == found.law.name


def test_between_equals_the_criterion_decides(world: World) -> None:
    # Without noise both fit exactly, and one of them with a parameter fewer.
    found = choose(world(noise=0.0), among=("coupled", "chinchilla"), starts=64)
    assert found.law.name == "chinchilla"
