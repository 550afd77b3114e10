"""The ledger of looks: what counts as one, what costs nothing, and when it is worn out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forescale.fit import Fit, fit
from forescale.forecast import Backtest, choose
from forescale.forecast.backtest import of_fit
from forescale.forecast.holdout import budget
from forescale.forecast.ledger import VARIABLE, Looks, folder, look
from forescale.runs import RunTable, read


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger of its own for each test."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "ledger"))
    return tmp_path / "ledger"


@pytest.fixture(scope="module")
def runs(power: Callable[..., RunTable]) -> RunTable:
    table = power()
    return read({"flops": table["C"], "loss": table["L"], "lr": np.linspace(1, 2, 20)})


@pytest.fixture(scope="module")
def fitted(runs: RunTable) -> Fit:
    return fit(runs, "power", starts=16)


@pytest.fixture(scope="module")
def tested(fitted: Fit) -> Backtest:
    return of_fit(fitted)


def test_the_same_question_costs_nothing_and_another_costs_one(
    fitted: Fit, tested: Backtest, runs: RunTable
) -> None:
    first = look(fitted, tested)
    assert first == Looks("dict", 1, 11, new=True)
    assert not first.worth_saying
    same = [fit(runs, "power", starts=16), fit(runs, "power", starts=32, seed=5)]
    again = [look(f, tested) for f in same]
    assert again == [replace(first, new=False)] * 2
    others = [
        fit(runs, "power", objective="lsq", starts=16),
        fit(runs, "power", bounds={"E": (0.0, 1.0)}, starts=16),
        fit(runs, "rectified", starts=16),
        fit(runs.where("lr<1.9"), "power", starts=16),
    ]
    seen = [look(f, tested) for f in others]
    assert [s and s.count for s in seen] == [2, 3, 4, 5]
    assert all(s is not None and s.new and s.worth_saying for s in seen)
    along = look(fitted, tested, along="lr")
    assert along is not None
    assert along.count == 6


def test_rows_chosen_from_one_table_share_its_ledger_and_another_table_has_its_own(
    runs: RunTable, fitted: Fit, tested: Backtest, place: Path
) -> None:
    chosen = runs.where("lr<1.8").with_column("x", np.ones(len(runs.where("lr<1.8"))))
    assert chosen.hash != runs.hash
    assert chosen.origin == runs.origin == runs.hash
    look(fitted, tested)
    look(fit(chosen, "power", starts=16), tested)
    assert [p.name for p in place.iterdir()] == [f"{runs.hash[:32]}.jsonl"]
    other = read({"flops": runs["C"], "loss": runs["L"] * 1.01})
    found = look(fit(other, "power", starts=16), tested)
    assert found is not None
    assert found.count == 1


def test_a_choice_among_laws_is_one_look_whichever_law_won(runs: RunTable) -> None:
    chosen = choose(runs, among=("power", "rectified"), starts=16)
    found = look(chosen)
    assert found is not None
    assert (found.count, found.held_out) == (1, 11)
    again = look(chosen, of_fit(chosen))
    assert again is not None
    assert (again.count, again.new) == (1, False)


def test_a_kept_fit_asks_what_the_fresh_one_did(fitted: Fit, tested: Backtest) -> None:
    look(fitted, tested)
    back = Fit.from_dict(json.loads(json.dumps(fitted.to_dict())))
    found = look(back, tested)
    assert found is not None
    assert (found.count, found.new) == (1, False)


def test_where_nothing_was_held_out_or_the_ledger_is_off_nothing_is_counted(
    fitted: Fit, tested: Backtest, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert look(fitted) is None
    assert look(fitted, replace(tested, cuts=())) is None
    assert look(replace(fitted, runs=replace(fitted.runs, hash="", origin="")), tested) is None
    for word in ("off", "OFF", "0", "no"):
        monkeypatch.setenv(VARIABLE, word)
        assert folder() is None
        assert look(fitted, tested) is None
    assert not place.exists()


def test_damaged_lines_are_passed_over_and_kept(fitted: Fit, tested: Backtest, place: Path) -> None:
    look(fitted, tested)
    (file,) = place.iterdir()
    text = file.read_text()
    file.write_text(text + '{"question": "half\nnot json\n[]\n{"question": "b"}\n')
    found = look(fitted, tested)
    assert found is not None
    assert (found.count, found.new) == (1, False)
    assert file.read_text().startswith(text)


def test_the_line_says_how_many_looks_and_when_it_is_worn_out() -> None:
    fresh, second, last, past = (Looks("a.csv", k, 10, new=True) for k in (1, 2, 7, 8))
    assert budget(10) == 7
    assert [s.worth_saying for s in (fresh, second, last, past)] == [False, True, True, True]
    assert [s.worn for s in (fresh, second, last, past)] == [False, False, False, True]
    assert "look 2 at the 10 largest runs of a.csv" in second.text()
    assert "37 %" in second.text()
    assert "worn out after 7" in second.text()
    assert "worn out after 7" in past.text()
    assert f"{VARIABLE}=off" in past.text()
    assert all("\n" not in s.text() for s in (second, past))
    assert replace(past, new=False).worth_saying
    assert not replace(second, new=False).worth_saying
    assert "the largest run of" in Looks("a.csv", 2, 1, new=True).text()
