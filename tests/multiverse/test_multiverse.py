"""A number under all choices: planted truth, plain refits, planted disagreements, bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest

import forescale as fs
from forescale.cli._output import to_json
from forescale.errors import BadOption, ForescaleError, NotReached, UnknownName
from forescale.fit import fit
from forescale.laws import get
from forescale.multiverse import Multiverse, multiverse
from forescale.runs import RunTable

FEW = {"objectives": ("lsq-log",), "forms": ("chinchilla",)}


@pytest.fixture(scope="module")
def one(planted) -> Multiverse:
    """The whole multiverse of one clean table."""
    return multiverse(
        planted(0.5, noise=0.003), decide="a > 0.45", objectives=("hoffmann", "student")
    )


@pytest.fixture(scope="module")
def two(planted, joined) -> Multiverse:
    """Two variants whose exponents were planted apart."""
    runs = joined(planted(0.4, variant="slow"), planted(0.6, seed=1, variant="fast"))
    return multiverse(runs, vary=("variant",), decide="a > 0.5", default={"variant": "slow"}, **FEW)


def test_every_universe_of_runs_without_noise_finds_what_was_planted(planted) -> None:
    found = multiverse(planted(0.55, noise=0.0), without=("estimator",), forms=("chinchilla",))
    assert len(found.values) == 5 * 2 * 3 * 2
    np.testing.assert_allclose(found.values, 0.55, atol=1e-4)
    assert found.default == found.values[0]
    assert found.split.complete


def test_a_universe_says_what_a_plain_fit_of_its_rows_says(one, planted) -> None:
    runs = planted(0.5, noise=0.003)
    names = {name: (i, options) for i, (name, _, options) in enumerate(one.choices)}
    picked = np.random.default_rng(0).permutation(len(one.values))
    seen = 0
    for k in picked:
        at = {n: options[one.index[k, i]] for n, (i, options) in names.items()}
        if at["estimator"] != "law" or "dropped" in at["outliers"]:
            continue
        share = {"kept": 0.0, "10 % dropped": 0.1, "25 % dropped": 0.25}[at["smallest"]]
        table = runs.take(runs["C"] >= np.quantile(runs["C"], share) * (1 - 1e-9))
        if at["weights"] != "equal":
            table = table.with_column("w", np.sqrt(table["C"]))
        plain = fit(
            table, at["form"], objective=at["objective"], weights="w" if "w" in table else None
        )
        p = plain.params
        if at["form"] == "chinchilla":
            assert one.values[k] == pytest.approx(p["beta"] / (p["alpha"] + p["beta"]), abs=2e-4)
            seen += 1
        if seen == 6:
            break
    assert seen == 6


def test_the_error_of_a_universe_is_that_of_the_exponent(planted) -> None:
    made = [
        multiverse(planted(0.5, seed=s, budgets=10), choices=("weights",), objective="lsq-log")
        for s in range(16)
    ]
    spread = float(np.std([m.default for m in made]))
    told = float(np.sqrt(np.mean([m.errors[0] ** 2 for m in made])))
    assert 0.6 < told / spread < 1.6


def test_planted_variants_are_named_as_what_moves_the_exponent(two) -> None:
    top = two.dimensions[0]
    assert top.name == "variant"
    assert top.total > 0.9
    means = dict(zip(top.options, top.means, strict=True))
    assert means["slow"] == pytest.approx(0.4, abs=0.04)
    assert means["fast"] == pytest.approx(0.6, abs=0.04)
    assert two.moves[0].option == "fast" and two.moves[0].flips
    assert two.turner is not None and two.turner.name == "variant"
    assert two.yes == pytest.approx(0.5)
    assert top.yes == (0.0, 1.0)
    assert not two.trusted
    assert "variant moves a most" in two.summary()


def test_variants_that_are_only_labels_move_nothing(planted, joined) -> None:
    runs = joined(planted(0.5, variant="left"), planted(0.5, seed=1, variant="right"))
    found = multiverse(runs, vary=("variant",), decide="a > 0.3", **FEW)
    top = next(d for d in found.dimensions if d.name == "variant")
    assert top.span < 5 * found.within
    assert found.yes == 1.0
    assert found.turner is None


def test_shares_are_between_nothing_and_all(one) -> None:
    for d in one.dimensions:
        assert -1e-9 <= d.first <= d.total + 1e-9 <= 1 + 1e-8
    assert sum(d.first for d in one.dimensions) <= 1 + 1e-9
    assert [d.total for d in one.dimensions] == sorted(d.total for d in one.dimensions)[::-1]
    assert one.interaction is not None
    fan = list(one.fan.values())
    assert fan == sorted(fan)
    assert 0 <= one.rank <= 1


def test_choices_that_do_not_touch_parabolas_share_their_number(one) -> None:
    names = [name for name, *_ in one.choices]
    parabolas = one.index[:, names.index("estimator")] == 1
    rows = one.index[:, [names.index("smallest"), names.index("outliers")]]
    for place in np.unique(rows[parabolas], axis=0):
        same = parabolas & (rows == place).all(1)
        assert len(np.unique(one.values[same])) == 1
    assert one.distinct < len(one.values)
    assert any("do not touch the parabolas" in n for n in one.notes)


def test_combinations_nobody_ran_are_told_and_are_no_failures(planted, joined) -> None:
    runs = joined(
        planted(0.4, data="web", rate="low"),
        planted(0.5, seed=1, data="web", rate="high"),
        planted(0.4, seed=2, data="books", rate="low"),
    )
    found = multiverse(runs, vary=("data", "rate"), **FEW)
    assert found.absent == len(found.values) / 3
    assert found.alive.all()
    assert not found.split.complete
    assert any("not every combination of data, rate" in n for n in found.notes)
    means = {d.name: dict(zip(d.options, d.means, strict=True)) for d in found.dimensions}
    assert means["rate"]["high"] - means["rate"]["low"] == pytest.approx(0.1, abs=0.04)
    assert abs(means["data"]["web"] - means["data"]["books"]) < 0.04


def test_a_universe_that_fails_is_counted_with_its_reason(planted, joined) -> None:
    few = planted(0.5, variant="few")
    runs = joined(planted(0.5, variant="many"), few.take(np.arange(5)))
    found = multiverse(runs, vary=("variant",), without=("estimator",), **FEW)
    lost = ~found.alive
    assert 0 < lost.sum() < len(lost)
    assert all("parameters to fit but the table has" in w for w in found.failures)
    assert sum(found.failures.values()) == lost.sum()
    assert any("gave no number" in r for r in found.reasons)
    assert all(np.isfinite(d.total) for d in found.dimensions)


def test_a_count_without_embeddings_is_a_choice(planted) -> None:
    runs = planted(0.5)
    runs = RunTable({**runs.columns, "N_nonembed": runs["N"] ** 1.1 / 10})
    found = multiverse(runs, choices=("counting",))
    # N' ~ N^1.1 with D as it was: a' = 1.1 a / (1.1 a + 1 - a).
    np.testing.assert_allclose(found.values, [0.5, 0.55 / 1.05], atol=0.02)
    assert found.moves[0].option == "N_nonembed"


def test_checkpoints_are_a_choice_where_there_are_several_per_run(planted) -> None:
    runs = planted(0.5, noise=0.001)
    end = np.tile([0.3, 0.7, 1.0], len(runs))
    rows = np.repeat(np.arange(len(runs)), 3)
    d = runs["D"][rows] * end
    # On the way the rate has not decayed: all the worse for those with much still to go.
    table = RunTable(
        {
            "run": np.array([f"r{i}" for i in rows], object),
            "N": runs["N"][rows],
            "D": d,
            "C": 6 * runs["N"][rows] * d,
            "L": runs["L"][rows] * (1 + 0.15 * (1 - end)),
        }
    )
    found = multiverse(table, choices=("checkpoints",))
    (_, _, options), *_ = found.choices
    assert options == ("final", "second half", "all")
    assert found.runs == len(runs)
    plain = multiverse(runs, choices=("weights",))
    assert found.default == pytest.approx(plain.default, abs=1e-6)
    assert abs(found.values[2] - found.default) > 3 * found.errors[0]
    # Without that choice the final losses are taken, not all points.
    settled = multiverse(table, choices=("weights",))
    assert settled.default == pytest.approx(found.default, abs=1e-9)


def test_a_choice_can_be_held(one, planted) -> None:
    held = multiverse(
        planted(0.5), hold={"estimator": "parabolas"}, without=("form", "objective", "weights")
    )
    assert "estimator" not in [name for name, *_ in held.choices]
    names = [name for name, *_ in one.choices]
    free = one.values[one.index[:, names.index("estimator")] == 1]
    assert {*held.values.tolist()} == {*free.tolist()}


def test_conditions_on_rows_and_marked_outliers_are_choices(planted) -> None:
    runs = planted(0.5)
    loss = np.where(np.arange(len(runs)) == 7, 2 * runs["L"], runs["L"])
    bad = np.where(loss != runs["L"], 1.0, 0.0)
    table = RunTable({**runs.columns, "L": loss, "outlier": bad})
    found = multiverse(table, choices=("rows", "outliers"), rows=("N<3e9",))
    assert [name for name, *_ in found.choices] == ["N<3e9", "outliers"]
    assert found.choices[1][2] == ("kept", "beyond 4 sigma dropped", "marked outlier dropped")
    # Both ways to drop the one outlier drop the same row.
    np.testing.assert_allclose(found.values[1], found.values[2], atol=1e-9)


def test_a_parameter_and_a_forecast_can_be_asked_for(planted) -> None:
    runs = planted(0.5)
    alpha = multiverse(runs, of="alpha", choices=("objective",), objectives=("lsq-log",))
    plain = fit(runs, "chinchilla")
    assert alpha.default == pytest.approx(plain.params["alpha"], abs=1e-5)
    assert alpha.errors[0] == pytest.approx(plain.errors["alpha"], rel=0.05)
    loss = multiverse(runs, at={"N": 1e10, "D": 2e11}, choices=("objective", "form"))
    assert loss.name == "L"
    assert loss.default == pytest.approx(plain.predict({"N": [1e10], "D": [2e11]})[0], rel=1e-5)
    amplitude = multiverse(runs, of="A", choices=("objective",))
    assert amplitude.factors
    assert amplitude.split.variance == pytest.approx(np.log(amplitude.values).var())
    lo, hi = amplitude.interval()
    assert 0 < lo < amplitude.default < hi


def test_a_law_in_one_scale_is_asked_for_its_own_exponent() -> None:
    law, c = get("power"), np.logspace(17, 21, 14)
    noise = np.exp(0.002 * np.random.default_rng(0).normal(size=14))
    runs = RunTable({"C": c, "L": law.predict({"C": c}, law.typical) * noise})
    found = multiverse(runs, decide="alpha > 0", forms=("power",))
    assert found.name == "alpha"
    assert abs(found.default - law.typical["alpha"]) < 4 * found.errors[0]
    assert found.yes == 1.0


def test_a_form_that_fits_clearly_worse_is_no_reasonable_choice(planted) -> None:
    (_, _, forms), *_ = multiverse(planted(0.5), choices=("form",)).choices
    assert "chinchilla" in forms
    assert "chinchilla_no_floor" not in forms
    named = multiverse(planted(0.5), choices=("form",), forms=("chinchilla_no_floor",))
    assert named.choices[0][2] == ("chinchilla", "chinchilla_no_floor")


@pytest.mark.slow
def test_equal_seeds_give_equal_multiverses_on_any_number_of_workers(planted, joined) -> None:
    runs = joined(planted(0.4, variant="x"), planted(0.5, seed=1, variant="y"))
    one, two = (multiverse(runs, vary=("variant",), workers=w, **FEW) for w in (1, 2))
    assert to_json(one.to_dict()) == to_json(two.to_dict())


def test_a_multiverse_is_told_as_json_with_every_universe(two) -> None:
    data = json.loads(to_json(two.to_dict()))
    assert (data["schema"], data["kind"]) == (1, "multiverse")
    assert len(data["all"]["value"]) == data["universes"] == len(two.values)
    assert data["default"]["choices"]["variant"] == "slow"
    assert data["decision"]["turned_by"] == "variant"
    assert data["choices"][0]["options"][0] == {
        "option": "slow", "mean": pytest.approx(0.4, abs=0.04), "yes": 0.0,
    }  # fmt: skip
    assert data["checklist"]["kind"] == "checklist"
    assert "\n" not in repr(two)
    assert "variant" in two._repr_html_()


def test_the_library_says_the_same_from_columns(planted) -> None:
    runs = planted(0.5)
    columns = {"params": runs["N"], "tokens": runs["D"], "flops": runs["C"], "loss": runs["L"]}
    found = fs.multiverse(columns, choices=("weights",))
    assert found.default == pytest.approx(multiverse(runs, choices=("weights",)).default)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"of": "gamma"}, BadOption, "no parameter 'gamma'"),
        ({"of": "exponent", "law": "power"}, BadOption, "does not trade"),
        ({"at": {"N": -1.0}}, BadOption, "positive"),
        ({"at": {"N": 1e9}}, BadOption, "needs D too"),
        ({"decide": "b > 1"}, BadOption, "tell a, not 'b'"),
        ({"choices": ("wieghts",)}, UnknownName, "did you mean 'weights'"),
        ({"without": ("nothing",)}, UnknownName, "nothing"),
        ({"choices": ("checkpoints",)}, BadOption, "nothing to choose"),
        ({"default": {"shape": "x"}}, UnknownName, "no choice 'shape'"),
        ({"hold": {"weights": "heavy"}}, UnknownName, "no option of weights"),
        ({"default": {"weights": "heavy"}}, UnknownName, "no option of weights"),
        ({"vary": ("nosuch",)}, UnknownName, "nosuch"),
        ({"vary": ("N",)}, BadOption, "what the law reads"),
        ({"rows": ("N ~ 3",)}, BadOption, "condition"),
        ({"objectives": ("hubert",)}, UnknownName, "huber"),
        ({"forms": ("power",)}, BadOption, "does not tell"),
        ({"weights": "nosuch"}, UnknownName, "nosuch"),
        ({"level": 1.5}, BadOption, "probability"),
    ],
    ids=str,
)
def test_bad_input_is_one_clear_line(options, error, says, planted) -> None:
    with pytest.raises(error, match=says) as caught:
        multiverse(planted(0.5), **options)
    assert isinstance(caught.value, ForescaleError)
    assert "\n" not in str(caught.value)


def test_a_default_that_gives_no_number_is_an_error(planted, joined) -> None:
    runs = joined(planted(0.5, variant="many"), planted(0.5, variant="few").take(np.arange(5)))
    with pytest.raises((NotReached, ForescaleError), match="5 runs"):
        multiverse(runs, vary=("variant",), default={"variant": "few"}, forms=("chinchilla",))
