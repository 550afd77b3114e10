"""Looks at held-out runs, as the user hears of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Say = Callable[..., Any]
LAW = ("--law", "chinchilla", "--resamples", "50")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FORESCALE_LEDGER", str(tmp_path / "ledger"))
    return tmp_path / "ledger"


def test_verbs_share_one_look_and_speak_at_the_second_question(say: Say, runs: Path) -> None:
    assert say("backtest", runs, *LAW, "--json").err == ""
    assert say("forecast", runs, *LAW, "--N", "1B", "--D", "20B", "--json").err == ""
    assert say("fit", runs, *LAW, "--json").err == ""
    said = say("backtest", runs, *LAW, "--objective", "lsq", "--json")
    assert said.err.startswith("forescale: look 2 at the 15 largest runs of runs.csv")
    assert said.err.count("\n") == 1
    assert said.json()["kind"] == "backtest"
    assert say("backtest", runs, *LAW, "--objective", "lsq", "--json").err == ""


def test_a_worn_out_hold_out_is_said_each_time(say: Say, runs: Path, place: Path) -> None:
    say("backtest", runs, *LAW)
    (file,) = place.iterdir()
    for k in range(12):
        with file.open("a") as f:
            f.write(f'{{"question": "q{k}", "held_out": 15}}\n')
    said = say("backtest", runs, *LAW)
    assert said.code == 0
    assert "look 13 at the 15 largest runs of runs.csv: the hold-out is worn out" in said.err


def test_a_ledger_that_cannot_be_kept_is_a_note_and_stops_nothing(
    say: Say, runs: Path, place: Path
) -> None:
    place.write_text("a file where the folder should be")
    said = say("backtest", runs, *LAW, "--json")
    assert said.code == 0
    assert said.json()["cuts"]
    assert said.err.count("\n") == 1
    assert "not counted" in said.err
    place.unlink()
    say("backtest", runs, *LAW)
    (file,) = place.iterdir()
    file.write_bytes(b"\xff\xfe")
    said = say("backtest", runs, *LAW)
    assert (said.code, said.err.count("\n")) == (0, 1)
    assert "not counted" in said.err
