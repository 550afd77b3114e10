"""`forescale fit` on simulated tables, as a user types it."""

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


def test_too_few_runs_say_how_many_are_missing(say: Say, table: Table, simulated: Columns) -> None:
    few = table("few.csv", {k: v[:4] for k, v in simulated.items()})
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


def test_dropped_rows_are_named_in_the_json_and_in_the_text(
    say: Say, table: Table, simulated: Columns
) -> None:
    data = {k: list(v) for k, v in simulated.items()}
    data["loss"][3] = "nan"
    data["loss"][7] = ""
    holes = table("holes.csv", data)
    found = say("fit", holes, *LAW, "--json").json()
    assert found["n_runs"] == 28
    # The header is line 1 of the file.
    assert [d["row"] for d in found["dropped"]] == [5, 9]
    assert {d["column"] for d in found["dropped"]} == {"loss"}
    assert "2 left out" in say("fit", holes, *LAW).out


def test_where_keeps_rows(say: Say, table: Table, simulated: Columns) -> None:
    data = simulated | {"lr_peak": np.where(np.arange(30) % 5 == 0, 5e-3, 5e-4)}
    file = table("lr.csv", data)
    assert say("fit", file, *LAW, "--where", "lr_peak<1e-3", "--json").json()["n_runs"] == 24
    twice = ("--where", "lr_peak<1e-3", "--where", "params < 1e9")
    assert say("fit", file, *LAW, *twice, "--json").json()["n_runs"] < 24


def test_map_names_a_column(say: Say, table: Table, simulated: Columns) -> None:
    data = dict(simulated)
    data["eval/obj-3"] = data.pop("loss")
    file = table("odd.csv", data)
    assert say("fit", file, *LAW).code == 2
    assert say("fit", file, *LAW, "--map", "loss=eval/obj-3", "--json").json()["n_runs"] == 30


def test_strict_exits_3_for_a_grave_doubt_and_0_without(
    say: Say, runs: Path, table: Table, simulated: Columns
) -> None:
    assert say("fit", runs, *LAW, "--strict").code == 0
    data = dict(simulated)
    data["params"] = np.full(30, 1e8)
    flat = table("flat.csv", data)
    lax, strict = say("fit", flat, *LAW), say("fit", flat, *LAW, "--strict")
    assert (lax.code, strict.code) == (0, 3)
    assert "never varies" in lax.out
    assert "never varies" in strict.err


def test_out_in_a_folder_that_is_not_there_is_one_line(say: Say, runs: Path) -> None:
    said = say("fit", runs, *LAW, "-o", "no/such/fit.json")
    assert (said.code, said.out) == (2, "")
    assert "no/such/fit.json" in said.err
