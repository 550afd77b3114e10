"""Results on stdout, talk on stderr, files whole or not at all."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from forescale.cli import _output
from forescale.errors import BadOption


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Result:
    def to_dict(self) -> dict[str, object]:
        return {"E": float("nan"), "theta": np.array([1.0, np.inf]), "n": np.int64(3)}

    def summary(self) -> str:
        return "L = 1.69 [1.65, 1.73] " + "x" * 200


def test_text_by_default_unbroken_and_unstyled(capsys) -> None:
    _output.emit(Result())
    assert capsys.readouterr().out == Result().summary() + "\n"


def test_json_has_null_for_what_json_cannot_say(capsys) -> None:
    _output.emit(Result(), json=True)
    assert json.loads(capsys.readouterr().out) == {"E": None, "theta": [1.0, None], "n": 3}


def test_json_keeps_every_digit() -> None:
    value = 0.1 + 0.2
    assert json.loads(_output.to_json({"x": np.float64(value)}))["x"] == value


def test_o_keeps_the_json_and_says_so_on_stderr(tmp_path: Path, capsys) -> None:
    _output.emit(Result(), out=tmp_path / "fit.json")
    out, err = capsys.readouterr()
    assert json.loads((tmp_path / "fit.json").read_text())["n"] == 3
    assert out.startswith("L = ")
    assert err == f"forescale: wrote {tmp_path / 'fit.json'}\n"


def test_a_folder_that_is_not_there_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match=r"-o: cannot write .*No such file"):
        _output.write(tmp_path / "no" / "fit.json", "", option="-o")


@pytest.mark.parametrize(
    ("stream", "env", "coloured"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (io.StringIO(), {}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_only_on_a_terminal_that_wants_it(monkeypatch, stream, env, coloured) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", stream)
    _output.console().print("hot", style="bold red")
    assert ("\x1b[" in stream.getvalue()) is coloured


def test_a_table_in_a_pipe_loses_no_digit(capsys, monkeypatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    rows = [{"name": "a" * 40, "what": "b" * 80, "n": 12345678}]
    _output.emit(rows, text=_output.table(rows))
    out = capsys.readouterr().out
    assert "b" * 80 in out
    assert out.rstrip().endswith("12345678")


def test_a_value_in_brackets_is_not_taken_for_a_style(capsys) -> None:
    _output.emit([], text="loss [red]1.2[/red] :smile:")
    assert capsys.readouterr().out == "loss [red]1.2[/red] :smile:\n"


def test_progress_is_silent_off_a_terminal_and_drawn_on_one(capsys, monkeypatch) -> None:
    with _output.progress("fitting", 2) as done:
        done(2)
    assert capsys.readouterr() == ("", "")
    monkeypatch.delenv("CI", raising=False)
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with _output.progress("fitting", 2) as done:
        done(2)
    assert "fitting" in screen.getvalue()
