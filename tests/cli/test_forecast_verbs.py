"""`forescale forecast`, `backtest`, `plan` and `laws`, as a user types them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Say = Callable[..., Any]
Table = Callable[..., Path]
Columns = dict[str, Any]
LAW = ("--law", "chinchilla", "--resamples", "100")


# forecast ------------------------------------------------------------------------------------


def test_forecast_json_has_the_promised_keys(say: Say, kept: Path) -> None:
    said = say("forecast", kept, "--N", "1B,7B", "--D", "200B", "--json")
    data = said.json()
    assert (said.code, said.err) == (0, "")
    assert [p["inputs"] for p in data["points"]] == [
        {"N": 1e9, "D": 2e11}, {"N": 7e9, "D": 2e11}
    ]  # fmt: skip
    for p in data["points"]:
        assert p["L"]["lo"] < p["L"]["median"] < p["L"]["hi"]
    assert data["level"] == 0.9
    assert isinstance(data["verdict"], str)


def test_a_kept_fit_forecasts_what_its_table_does(say: Say, runs: Path, kept: Path) -> None:
    where = ("--N", "1B", "--D", "20B", "--json")
    a = say("forecast", kept, *where).json()
    b = say("forecast", runs, *LAW, *where).json()
    for end in ("median", "lo", "hi"):
        assert a["points"][0]["L"][end] == pytest.approx(b["points"][0]["L"][end], rel=1e-12)
    assert a["verdict"] == b["verdict"]


def test_a_kept_fit_is_asked_at_its_own_level_unless_told(say: Say, runs: Path) -> None:
    assert say("fit", runs, *LAW, "--level", "0.5", "-o", "half.json").code == 0
    where = ("--N", "1B", "--D", "20B", "--json")
    assert say("forecast", "half.json", *where).json()["level"] == 0.5
    assert say("forecast", "half.json", *where, "--level", "95%").json()["level"] == 0.95


def test_compute_alone_means_the_optimum(say: Say, kept: Path) -> None:
    at = say("forecast", kept, "--C", "1e20", "--json").json()["points"][0]["inputs"]
    best = say("plan", kept, "--flops", "1e20", "--json").json()["optimum"]
    assert at["N"] == pytest.approx(best["N"]["value"], rel=1e-9)
    assert 6 * at["N"] * at["D"] == pytest.approx(1e20, rel=1e-9)


def test_several_budgets_are_several_points(say: Say, kept: Path) -> None:
    points = say("forecast", kept, "--C", "1e20,1e21", "--json").json()["points"]
    assert [6 * p["inputs"]["N"] * p["inputs"]["D"] for p in points] == pytest.approx([1e20, 1e21])


def test_compute_and_size_tell_the_tokens(say: Say, kept: Path) -> None:
    point = say("forecast", kept, "--C", "1.2e20", "--N", "1B", "--json").json()["points"][0]
    assert point["inputs"]["D"] == pytest.approx(2e10)


def test_other_inputs_are_named_with_at(say: Say, table: Table) -> None:
    n = np.logspace(1, 4, 15)
    file = table("f.csv", {"examples": n, "loss": 1 + 3 * n**-0.3})
    said = say("forecast", file, "--law", "E + A*n^-a", "--resamples", "50",
               "--at", "examples=100k", "--json")  # fmt: skip
    assert said.json()["points"][0]["inputs"] == {"n": 1e5}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "no place to forecast"),
        (("--N", "1B"), "D is missing"),
        (("--N", "big", "--D", "1B"), "big"),
        (("--N=-1B", "--D", "1B"), "N is -1e+09"),
        (("--N", "0", "--D", "1B"), "N is 0"),
        (("--N", "1B,2B", "--D", "1B,2B,3B"), "different lengths"),
        (("--N", "1B", "--D", "1B", "--at", "colour"), "--at"),
        (("--N", "1B", "--D", "1B", "--at", "colour=3"), "no input colour"),
        (("--N", "1B", "--D", "20B", "--C", "1e10"), "do not agree"),
        (("--N", "1B", "--D", "1B", "--group", "web"), "web"),
        (("--N", "1B", "--D", "1B", "--where", "N<1e9"), "is a fit already"),
        (("--N", "1B", "--D", "1B", "--law", "power"), "is a fit already"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_places_that_cannot_be_used_are_one_line_and_exit_2(
    words: tuple[str, ...], says: str, say: Say, kept: Path
) -> None:
    said = say("forecast", kept, *words)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert says in said.err


def test_strict_forecasts_exit_3_when_not_to_be_trusted(say: Say, kept: Path) -> None:
    near, far = ("--N", "1B", "--D", "20B"), ("--N", "100B", "--D", "2T")
    assert say("forecast", kept, *near, "--strict").code == 0
    assert say("forecast", kept, *far).code == 0
    said = say("forecast", kept, *far, "--strict")
    assert said.code == 3
    assert "two decades" in said.err
    assert "NOT TO BE TRUSTED" in said.out


def test_a_damaged_fit_is_one_line_and_exits_2(say: Say, kept: Path) -> None:
    text = kept.read_text()
    Path("cut.json").write_text(text[:500])
    Path("old.json").write_text(text.replace('"schema": 1', '"schema": 99', 1))
    for name, says in (("cut.json", "cut.json"), ("old.json", "schema 99")):
        said = say("forecast", name, "--N", "1B", "--D", "20B")
        assert (said.code, said.out) == (2, "")
        assert said.err.count("\n") == 1
        assert says in said.err


# backtest ------------------------------------------------------------------------------------


def test_backtest_json_has_the_promised_keys(say: Say, runs: Path) -> None:
    said = say("backtest", runs, *LAW, "--json")
    assert (said.code, said.err) == (0, "")
    cuts = said.json()["cuts"]
    assert len(cuts) >= 2
    for cut in cuts:
        assert cut["held_out"] + cut["trained"] == 30
        assert 0 <= cut["error_pct"] < 2
        assert 0 <= cut["coverage"] <= 1
        assert set(cut["rivals"]) == {"best so far", "straight line"}


def test_a_kept_fit_is_backtested_like_its_table(say: Say, runs: Path, kept: Path) -> None:
    a, b = say("backtest", kept, "--json").json(), say("backtest", runs, *LAW, "--json").json()
    assert [c["forecast"] for c in a["cuts"]] == [c["forecast"] for c in b["cuts"]]


def test_a_strict_backtest_that_cannot_be_made_exits_3(
    say: Say, table: Table, simulated: Columns
) -> None:
    few = table("few.csv", {k: v[::5] for k, v in simulated.items()})
    said = say("backtest", few, "--law", "chinchilla", "--resamples", "50", "--strict")
    assert said.code == 3
    assert "too few" in said.err


# plan ----------------------------------------------------------------------------------------


def test_plan_json_has_the_promised_keys(say: Say, kept: Path) -> None:
    said = say("plan", kept, "--flops", "1e20", "--json")
    assert (said.code, said.err) == (0, "")
    optimum = said.json()["optimum"]
    for name in ("N", "D"):
        lo, hi = optimum[name]["interval"]
        assert lo < optimum[name]["value"] < hi
    assert 6 * optimum["N"]["value"] * optimum["D"]["value"] == pytest.approx(1e20)


def test_a_plan_from_tokens_or_a_size_answers_the_other(say: Say, kept: Path) -> None:
    d = say("plan", kept, "--params", "1B", "--json").json()["optimum"]["D"]["value"]
    n = say("plan", kept, "--tokens", f"{d!r}", "--json").json()["optimum"]["N"]["value"]
    assert n == pytest.approx(1e9, rel=1e-3)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "exactly one"),
        (("--flops", "1e20", "--tokens", "1B"), "exactly one"),
        (("--flops", "lots"), "lots"),
        (("--flops", "-1e20"), "C is -1e+20"),
        (("--flops", "1e20", "--within", "0"), "within"),
        (("--flops", "1e20", "--within", "much"), "much"),
        (("--flops", "1e20", "--within", "200%"), "within"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_budgets_that_cannot_be_used_are_one_line_and_exit_2(
    words: tuple[str, ...], says: str, say: Say, kept: Path
) -> None:
    said = say("plan", kept, *words)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert says in said.err


def test_a_share_is_read_as_people_write_it(say: Say, kept: Path) -> None:
    flat = [
        say("plan", kept, "--flops", "1e20", "--within", w, "--json").json()["flat"]["N"]
        for w in ("1%", "0.01")
    ]
    assert flat[0] == flat[1]


# laws ----------------------------------------------------------------------------------------


def test_laws_lists_every_law(say: Say) -> None:
    from forescale import laws

    said = say("laws")
    assert (said.code, said.err) == (0, "")
    assert all(f"{name} " in said.out for name in laws.names())
    data = say("laws", "--json").json()
    assert [d["name"] for d in data] == list(laws.names())


def test_a_law_is_explained_with_formula_parameters_and_source(say: Say) -> None:
    out = say("laws", "chinchilla").out
    for part in ("E + A/N^alpha + B/D^beta", "irreducible loss", "Hoffmann et al. 2022", "params"):
        assert part in out
    assert say("laws", "chinchilla", "--json").json()["formula"] == "E + A/N^alpha + B/D^beta"


def test_every_law_can_be_explained(say: Say) -> None:
    from forescale import laws

    for name in laws.names():
        assert say("laws", name).code == 0
        assert say("laws", name, "--json").json()["name"] == name


def test_an_unknown_law_names_near_misses(say: Say) -> None:
    said = say("laws", "chinchila")
    assert (said.code, said.out) == (2, "")
    assert "did you mean 'chinchilla'" in said.err
