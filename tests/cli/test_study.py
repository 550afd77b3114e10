"""The verb that tests claims."""

from __future__ import annotations

import json

import pytest

from forescale import studies
from forescale.cli import main


@pytest.fixture
def two(monkeypatch) -> None:
    """Only two studies, so that a list takes a second."""
    monkeypatch.setattr(studies, "names", lambda: ("learning_curve_regions", "value_based_rl_utd"))


def test_a_list_computes_the_verdicts(two, capsys) -> None:
    assert main(["study", "list", "--json"]) == 0
    out, err = capsys.readouterr()
    listed = json.loads(out)
    assert [one["name"] for one in listed] == ["learning_curve_regions", "value_based_rl_utd"]
    for one in listed:
        assert one["papers"]
        assert one["verdict"] in {"holds", "fails", "undecided"}
        assert one["numbers"]
    assert "2/2" in err


def test_workers_do_not_change_the_list(two) -> None:
    assert studies.run_all(workers=2) == studies.run_all()


def test_strict_stops_where_a_claim_does_not_hold(capsys) -> None:
    words = ["study", "run", "value_based_rl_utd", "--falsified"]
    assert main(words) == 0
    assert main([*words, "--strict"]) == 3
    assert "value_based_rl_utd fails" in capsys.readouterr().err


def test_show_tells_the_criteria_without_running(capsys) -> None:
    assert main(["study", "show", "value_based_rl_utd"]) == 0
    assert studies.get("value_based_rl_utd").criteria in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "multilingual_mt"], "did you mean 'multilingual_nmt'"),
        (["run"], "needs a study"),
        (["list", "learning_curve_regions"], "takes no name"),
    ],
)
def test_wrong_words_are_answered(words, said, capsys) -> None:
    assert main(["study", *words]) == 2
    assert said in capsys.readouterr().err
