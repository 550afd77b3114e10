"""The verbs of the main job on a simulated table, as a user types them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from forescale.cli import main
from forescale.laws import get


class Said(NamedTuple):
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Say = Callable[..., Said]
LAW = ("--law", "chinchilla", "--resamples", "100")


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Say:
    """Runs the command line in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str | Path) -> Said:
        capsys.readouterr()
        code = main([str(w) for w in words])
        return Said(code, *capsys.readouterr())

    return run


def write(path: Path, columns: dict[str, Any]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(columns)
        out.writerows(zip(*columns.values(), strict=True))
    return path


def simulated(seed: int = 0, noise: float = 0.003) -> dict[str, Any]:
    """Six budgets by five sizes under the planted Chinchilla law."""
    rng = np.random.default_rng(seed)
    law = get("chinchilla")
    flops = np.repeat(np.logspace(17, 19.5, 6), 5)
    n = 0.1 * np.sqrt(flops) * np.tile(np.logspace(-0.6, 0.6, 5), 6)
    x = {"N": n, "D": flops / (6 * n)}
    y = law.predict(x, law.typical) * np.exp(noise * rng.normal(size=30))
    return {"params": n, "tokens": x["D"], "loss": y}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("runs") / "runs.csv", simulated())


@pytest.fixture(scope="module")
def kept(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fit kept with -o."""
    path = tmp_path_factory.mktemp("fits") / "fit.json"
    assert main(["fit", str(runs), *LAW, "-o", str(path)]) == 0
    return path


# fit -----------------------------------------------------------------------------------------


def test_fit_prints_each_parameter_on_stdout_and_nothing_on_stderr(say: Say, runs: Path) -> None:
    said = say("fit", runs, *LAW)
    assert (said.code, said.err) == (0, "")
    for name in ("E", "A", "B", "alpha", "beta"):
        assert any(line.startswith(name + " ") for line in said.out.splitlines())
    assert "30 rows used" in said.out


def test_fit_json_has_the_promised_keys(say: Say, runs: Path) -> None:
    said = say("fit", runs, *LAW, "--json")
    data = said.json()
    assert (said.code, said.err) == (0, "")
    assert data["law"] == "chinchilla"
    assert data["n_runs"] == 30
    assert set(data["params"]) == {"E", "A", "B", "alpha", "beta"}
    for p in data["params"].values():
        lo, hi = p["interval"]
        assert lo < p["value"] < hi
    assert data["params"]["alpha"]["value"] == pytest.approx(0.3478, abs=0.03)
    assert isinstance(data["objective"]["value"], float)
    assert data["health"] == "ok"


def test_equal_seeds_print_equal_bytes(say: Say, runs: Path) -> None:
    one, two, other = (say("fit", runs, *LAW, "--json", "--seed", s).out for s in "112")
    assert one == two
    assert one != other


def test_auto_names_the_law_it_chose(say: Say, runs: Path) -> None:
    said = say("fit", runs, "--resamples", "100", "--json")
    data = said.json()
    assert data["law"] == "chinchilla"
    assert data["choice"]["candidates"][0]["law"] == "chinchilla"


def test_a_formula_on_the_command_line_is_a_law(say: Say, runs: Path) -> None:
    said = say("fit", runs, "--law", "E + A*N^-a + B*D^-b", "--resamples", "50", "--json")
    data = said.json()
    assert data["formula"] == "E + A*N^-a + B*D^-b"
    assert data["params"]["a"]["value"] == pytest.approx(0.3478, abs=0.03)


def test_fixed_bounded_and_prior_parameters_are_words(say: Say, runs: Path) -> None:
    fixed = say("fit", runs, *LAW, "--fix", "E=1.8172", "--fix", "alpha=0.3478", "--json").json()
    assert fixed["fixed"] == {"E": 1.8172, "alpha": 0.3478}
    assert set(fixed["params"]) == {"A", "B", "beta"}
    bounded = say("fit", runs, *LAW, "--bound", "alpha=0.4:0.6", "--json").json()
    assert bounded["params"]["alpha"]["value"] == pytest.approx(0.4)
    assert "at bound" in bounded["health"]
    open_ = say("fit", runs, *LAW, "--bound", "E=0:inf", "--json")
    assert open_.code == 0
    prior = say("fit", runs, *LAW, "--prior", "E=1.5:0.0001", "--json").json()
    assert prior["params"]["E"]["value"] == pytest.approx(1.5, abs=0.01)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--fix", "E"), "--fix: 'E' is not NAME=VALUE"),
        (("--fix", "E=abc"), "abc"),
        (("--fix", "Q=1"), "Q is no parameter of law 'chinchilla'"),
        (("--bound", "E=1"), "--bound: 'E=1' is not NAME=LO:HI"),
        (("--bound", "E=2:1"), "the lower bound must lie below"),
        (("--bound", "Q=1:2"), "Q"),
        (("--prior", "E=1"), "--prior: 'E=1' is not NAME=MEAN:SD"),
        (("--prior", "E=1:0"), "standard deviation 0"),
        (("--prior", "E=1:-1"), "standard deviation -1"),
        (("--prior", "Q=1:1"), "'Q' is no parameter"),
        (("--free", "E"), "--by"),
        (("--by", "corpus", "--free", "E"), "corpus"),
        (("--weights", "nosuch"), "nosuch"),
        (("--cluster", "nosuch"), "nosuch"),
        (("--uncertainty", "jackknife"), "jackknife"),
        (("--objective", "huber:x"), "huber:x"),
        (("--objective", "l1"), "l1"),
        (("--resamples", "3"), "3 resamples"),
        (("--resamples", "many"), "many"),
        (("--level", "1.5"), "--level"),
        (("--where", "N<<3"), "where N<<3"),
        (("--where", "N<1"), "runs.csv"),
        (("--map", "loss"), "--map"),
        (("--map", "loss=nosuch"), "nosuch"),
        (("--law", "chinchila"), "did you mean 'chinchilla'"),
        (("--law", "E + A*N^-"), "E + A*N^-"),
        (("--law", "a + b"), "no input stands"),
        (("--law", "__import__('os')"), "cannot stand in a formula"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_words_that_cannot_be_used_are_one_line_and_exit_2(
    words: tuple[str, ...], says: str, say: Say, runs: Path
) -> None:
    said = say("fit", runs, *(() if words[0] == "--law" else ("--law", "chinchilla")), *words)
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("forescale: ")
    assert said.err.count("\n") == 1
    assert says in said.err


def test_auto_with_a_fixed_parameter_asks_for_a_law(say: Say, runs: Path) -> None:
    said = say("fit", runs, "--fix", "E=1.8")
    assert said.code == 2
    assert "--law" in said.err


def test_no_such_file_is_one_line(say: Say) -> None:
    said = say("fit", "nosuch.csv", "--law", "chinchilla")
    assert (said.code, said.out) == (2, "")
    assert "nosuch.csv" in said.err


def test_too_few_runs_say_how_many_are_missing(say: Say, tmp_path: Path) -> None:
    few = write(tmp_path / "few.csv", {k: v[:4] for k, v in simulated().items()})
    said = say("fit", few, "--law", "chinchilla")
    assert said.code == 2
    assert "5 parameters" in said.err
    assert "4 runs" in said.err
    assert "add 2 runs" in said.err


def test_a_table_with_a_header_and_nothing_else_is_one_line(say: Say, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("params,tokens,loss\n")
    said = say("fit", empty)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)


def test_dropped_rows_are_named_in_the_json_and_in_the_text(say: Say, tmp_path: Path) -> None:
    data = {k: list(v) for k, v in simulated().items()}
    data["loss"][3] = "nan"
    data["loss"][7] = ""
    holes = write(tmp_path / "holes.csv", data)
    found = say("fit", holes, *LAW, "--json").json()
    assert found["n_runs"] == 28
    # The header is line 1 of the file.
    assert [d["row"] for d in found["dropped"]] == [5, 9]
    assert {d["column"] for d in found["dropped"]} == {"loss"}
    assert "2 left out" in say("fit", holes, *LAW).out


def test_where_keeps_rows(say: Say, tmp_path: Path) -> None:
    data = simulated() | {"lr_peak": np.where(np.arange(30) % 5 == 0, 5e-3, 5e-4)}
    table = write(tmp_path / "lr.csv", data)
    assert say("fit", table, *LAW, "--where", "lr_peak<1e-3", "--json").json()["n_runs"] == 24
    twice = ("--where", "lr_peak<1e-3", "--where", "params < 1e9")
    assert say("fit", table, *LAW, *twice, "--json").json()["n_runs"] < 24


def test_map_names_a_column(say: Say, tmp_path: Path) -> None:
    data = simulated()
    data["eval/obj-3"] = data.pop("loss")
    table = write(tmp_path / "odd.csv", data)
    assert say("fit", table, *LAW).code == 2
    assert say("fit", table, *LAW, "--map", "loss=eval/obj-3", "--json").json()["n_runs"] == 30


def test_strict_exits_3_for_a_grave_doubt_and_0_without(
    say: Say, runs: Path, tmp_path: Path
) -> None:
    assert say("fit", runs, *LAW, "--strict").code == 0
    data = simulated()
    data["params"] = np.full(30, 1e8)
    flat = write(tmp_path / "flat.csv", data)
    lax, strict = say("fit", flat, *LAW), say("fit", flat, *LAW, "--strict")
    assert (lax.code, strict.code) == (0, 3)
    assert "never varies" in lax.out
    assert "never varies" in strict.err


def test_out_in_a_folder_that_is_not_there_is_one_line(say: Say, runs: Path) -> None:
    said = say("fit", runs, *LAW, "-o", "no/such/fit.json")
    assert (said.code, said.out) == (2, "")
    assert "no/such/fit.json" in said.err


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


def test_other_inputs_are_named_with_at(say: Say, tmp_path: Path) -> None:
    n = np.logspace(1, 4, 15)
    table = write(tmp_path / "f.csv", {"examples": n, "loss": 1 + 3 * n**-0.3})
    said = say("forecast", table, "--law", "E + A*n^-a", "--resamples", "50",
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


def test_a_strict_backtest_that_cannot_be_made_exits_3(say: Say, tmp_path: Path) -> None:
    few = write(tmp_path / "few.csv", {k: v[::5] for k, v in simulated().items()})
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
