"""The verb `compare`: the verdict on stdout, JSON of the result, exit codes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forescale.laws import get


@pytest.fixture
def pair(table: Callable[..., Path]) -> Path:
    law = get("power")
    t = dict(law.typical)
    c = np.logspace(17, 20, 10)
    rng = np.random.default_rng(0)
    loss = [law.predict({"C": c}, {**t, "A": f * t["A"]}) * np.exp(1e-3 * rng.normal(size=10))
            for f in (1.0, 0.9)]  # fmt: skip
    names = ["sgd"] * 10 + ["ours"] * 10
    columns = {"flops": [*c, *c], "loss": [*loss[0], *loss[1]], "optimizer": names}
    return table("pair.csv", columns)


def test_the_verdict_is_printed_and_kept(pair: Path, say: Any, tmp_path: Path) -> None:
    said = say(
        "compare", pair, "--by", "optimizer", "--baseline", "sgd", "--target", "C=1e20",
        "--resamples", "99", "-o", tmp_path / "kept.json",
    )  # fmt: skip
    assert said.code == 0
    assert "sgd needs 1.9" in said.out
    kept = json.loads((tmp_path / "kept.json").read_text())
    assert kept["kind"] == "comparison"
    lo, hi = kept["multiplier"]["interval"]
    assert lo <= 0.9 ** (-1 / 0.15) <= hi
    assert kept["p_better_at_target"] == 1.0


def test_json_is_the_whole_of_stdout(pair: Path, say: Any) -> None:
    said = say("compare", pair, "--by", "optimizer", "--resamples", "99", "--json")
    data = json.loads(said.out)
    assert data["target"] == pytest.approx(1e20)
    assert {"multiplier", "crossover", "verdict", "p_better_at_target"} <= set(data)


def test_strict_stops_at_a_bet_we_would_not_make(pair: Path, say: Any) -> None:
    words = ("compare", pair, "--by", "optimizer", "--resamples", "99", "--target", "1e25")
    assert say(*words).code == 0
    said = say(*words, "--strict")
    assert said.code == 3
    assert "beyond the largest run" in said.err


def test_bad_words_are_one_line(pair: Path, say: Any) -> None:
    for words, says in (
        (("--by", "nosuch"), "nosuch"),
        (("--by", "optimizer", "--target", "D=1e9"), "along C, not D"),
        (("--by", "optimizer", "--target", "C=much"), "much"),
        (("--by", "optimizer", "--baseline", "adam"), "known: ours, sgd"),
    ):
        said = say("compare", pair, *words)
        assert said.code == 2
        assert says in said.err
        assert "Traceback" not in said.err
        assert said.out == ""


def test_two_files_are_a_method_each(pair: Path, say: Any, table: Callable[..., Path]) -> None:
    rows = list(csv.DictReader(pair.open()))
    files = [
        table(f"{name}.csv", {c: [float(r[c]) for r in rows if r["optimizer"] == name]
                              for c in ("flops", "loss")})
        for name in ("sgd", "ours")
    ]  # fmt: skip
    said = say("compare", *files, "--resamples", "99", "--json")
    assert said.code == 0
    data = json.loads(said.out)
    assert (data["method"], data["baseline"]) == ("ours", "sgd")
    assert data["backtest"]["inside"] is True


def test_metrics_are_ranked_and_parts_are_held_against_them(
    say: Any, table: Callable[..., Path]
) -> None:
    rng = np.random.default_rng(0)
    w = rng.dirichlet(np.ones(3), 60)
    columns = {
        **{f"w_{k}": w[:, i] for i, k in enumerate("abc")},
        "model": [f"m{i % 3}" for i in range(60)],
        "score_a": np.log(w[:, 0]) + 0.1 * rng.normal(size=60),
        "score_b": np.arange(60.0) % 3,
    }
    runs = table("boards.csv", {k: list(v) for k, v in columns.items()})
    words = ("compare", runs, "--metrics", "score_a, -score_b", "--resamples", "99")
    said = say(*words, "--by", "model")
    assert said.code == 0
    assert "of 3 by borda over 2 metrics" in said.out
    assert "less is better of score_b" in said.out
    assert say(*words, "--by", "model", "--strict").code == 3
    words = ("compare", runs, "--parts", "w_*", "--metrics", "score_*", "--resamples", "99")
    data = json.loads(say(*words, "--json").out)
    assert data["outcomes"] == ["score_a", "score_b"]
    assert max(data["drivers"], key=lambda d: d["correlation"])["part"] == "w_a"


def test_one_table_needs_a_column_and_two_take_none(pair: Path, say: Any) -> None:
    for words, says in (
        ((), "by a column, or several tables"),
        ((pair, "--by", "optimizer"), "not of several"),
        (("--metrics", "loss,flops"), "needs the column of the systems"),
        ((pair, "--metrics", "loss,flops"), "several tables"),
        (("--metrics", "loss,nosuch", "--by", "optimizer"), "nosuch"),
        (("--metrics", "loss,flops", "--by", "optimizer", "--rule", "bord"), "borda"),
    ):
        said = say("compare", pair, *words)
        assert said.code == 2
        assert says in said.err
        assert "Traceback" not in said.err
