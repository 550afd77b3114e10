"""The verbs that watch a run: `watch` on a log, `lab grok` on one of its own."""

from __future__ import annotations

import json
import time

import pytest

from forescale.cli import main


def test_watch_once_tells_of_every_run(capsys) -> None:
    assert main(["watch", "grok_runs_curves", "--once", "--until", "60", "--where", "run < 4"]) == 0
    shown = capsys.readouterr().out
    assert "chance" in shown
    assert "in tasks left out" in shown


def test_watch_once_says_the_same_in_json_and_on_a_page(capsys, tmp_path) -> None:
    page = tmp_path / "watch.html"
    words = ["watch", "grok_runs_curves", "--until", "60", "--where", "run < 3"]
    assert main([*words, "--json", "--report", str(page)]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [r["run"] for r in data["runs"]] == ["0", "1", "2"]
    assert "What awaits these runs" in page.read_text()


def test_a_watch_goes_on_until_all_have_generalised(capsys, tmp_path, monkeypatch) -> None:
    path = tmp_path / "log.csv"
    head = "step,train_loss,val_loss,train_acc,val_acc\n"
    early = "".join(f"{s},{3 / s},4,0.2,0.02\n" for s in (1, 2, 4, 8, 16, 32, 64))
    path.write_text(head + early)
    pauses = []

    def grow(seconds: float) -> None:
        pauses.append(seconds)
        with path.open("a") as file:
            file.write("1000,0.001,0.01,1.0,1.0\n")

    monkeypatch.setattr(time, "sleep", grow)
    assert main(["watch", str(path), "--every", "5s"]) == 0
    shown = capsys.readouterr().out
    assert pauses == [5.0]
    assert shown.index("generalises with chance") < shown.index("generalised at 1000")


def test_a_watch_without_end_keeps_no_result(capsys) -> None:
    assert main(["watch", "grok_runs_curves", "--json"]) == 2
    assert "--once" in capsys.readouterr().err


@pytest.mark.lab
def test_lab_grok_trains_foretells_and_shows(capsys, tmp_path) -> None:
    pytest.importorskip("torch")
    page = tmp_path / "grok.html"
    words = ["lab", "grok", "--steps", "60", "--folder", str(tmp_path / "run")]
    for s in ("p=7", "share=0.6", "width=16", "expand=2"):
        words += ["--setting", s]
    assert main([*words, "--report", str(page)]) == 0
    found = capsys.readouterr()
    assert "+ modulo 7" in found.out
    assert "restricted" in found.out
    assert "foretold: GrokForecast" in found.err
    assert "Accuracies, and what was foretold" in page.read_text()
    # Over: shown again at once, and the same.
    assert main([*words, "--json"]) == 0
    again = capsys.readouterr()
    data = json.loads(again.out)
    assert data["kind"] == "grok_story"
    assert "step" not in again.err
    assert len(data["forecasts"]) == 1


@pytest.mark.lab
@pytest.mark.parametrize(
    ("setting", "said"),
    [("speed=3", "no setting 'speed'"), ("p=abc", "give a number"), ("p=2.5", "give a number")],
)
def test_lab_grok_names_what_cannot_be(capsys, setting, said) -> None:
    pytest.importorskip("torch")
    assert main(["lab", "grok", "--setting", setting]) == 2
    assert said in capsys.readouterr().err
