"""Two tables, a method each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import forescale as fs
from forescale.compare._join import joined
from forescale.errors import BadOption, BadTable
from forescale.runs import RunTable, read

Planted = Callable[..., RunTable]


def test_two_tables_give_what_one_with_a_column_does(planted: Planted) -> None:
    runs = planted("offset", 3, noise=1e-3)
    old, new = (runs.where(f"method={m}") for m in ("base", "new"))
    frames = [{"flops": t["C"], "loss": t["L"], "lr": np.ones(len(t))} for t in (old, new)]
    two = fs.compare(*frames, resamples=99)
    assert (two.baseline, two.main.method) == ("a", "b")
    by = fs.compare(runs, "method", resamples=99)
    assert two.main.multiplier.value == pytest.approx(by.main.multiplier.value)
    assert two.main.p_same == by.main.p_same


def test_tables_take_the_names_that_they_are_given(planted: Planted) -> None:
    runs = planted("offset", 3, noise=1e-3, runs=6)
    frames = [{"flops": t["C"], "loss": t["L"]}
              for t in (runs.where("method=base"), runs.where("method=new"))]  # fmt: skip
    named = fs.compare(*frames, names=("adam", "ours"), baseline="ours", resamples=99)
    assert (named.baseline, named.main.method) == ("ours", "adam")


def test_frames_and_files_are_tables_too(planted: Planted, tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    runs = planted("offset", 3, runs=6)
    frame = pd.DataFrame({"flops": runs["C"], "loss": runs["L"]})
    frame[6:].to_csv(tmp_path / "ours.csv", index=False)
    made = fs.compare(frame[:6], tmp_path / "ours.csv", resamples=99)
    assert made.main.method == "ours"
    assert made.main.multiplier.value > 1


def test_what_only_one_table_has_is_left_out_and_named() -> None:
    one = read({"flops": [1e18, 2e18], "loss": [3.0, 2.9], "seed": [1, 2], "kind": ["x", "y"]})
    two = read({"flops": [1e18, 2e18], "loss": [3.1, 3.0], "wall": [1, 2], "kind": [1, 2]})
    table, method = joined([one, two], ("p", "q"))
    assert list(table[method]) == ["p", "p", "q", "q"]
    assert {"seed", "wall"}.isdisjoint(table.columns)
    assert any("seed, wall" in n for n in table.notes)
    assert list(table["kind"]) == ["x", "y", "1", "2"]
    assert table.hash not in (one.hash, two.hash)


def test_a_column_that_is_called_method_already_stays() -> None:
    one = read({"flops": [1e18, 2e18], "loss": [3.0, 2.9], "method": ["x", "y"]})
    table, name = joined([one, one], ("p", "q"))
    assert name == "table"
    assert list(table["method"]) == ["x", "y", "x", "y"]


def test_tables_that_do_not_fit_are_refused() -> None:
    one = read({"flops": [1e18, 2e18], "loss": [3.0, 2.9]})
    with pytest.raises(BadOption, match="1 names"):
        joined([one, one], ("p",))
    with pytest.raises(BadTable, match="no column in common"):
        joined([one, RunTable({"x": np.ones(2)})])
    bits = RunTable({"C": np.ones(2), "L": np.ones(2)}, units={"L": "bits"})
    assert one.units["L"] != "bits"
    with pytest.raises(BadTable, match="column 'L' is in"):
        joined([one, bits])
    with pytest.raises(BadOption, match="needs the column of the methods"):
        fs.compare(one)
