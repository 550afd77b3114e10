"""`forescale forecast --register` and `forescale score`, as a user types them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Say = Callable[..., Any]
Table = Callable[..., Path]
AT = ("--N", "1B,2B", "--D", "20B", "--register")


@pytest.fixture
def name(say: Say, kept: Path) -> str:
    """The id of a record of two places in r.jsonl."""
    said = say("forecast", kept, *AT, "r.jsonl")
    assert said.code == 0
    return str(said.err.split("registered ")[1][:8])


def test_registering_says_the_names_and_the_hash_to_publish(say: Say, kept: Path) -> None:
    said = say("forecast", kept, *AT, "r.jsonl", "--json")
    head = say("score", "r.jsonl", "--json").json()["head"]
    assert said.err.count("\n") == 1
    assert f"registered {head[:8]}.1, {head[:8]}.2 in r.jsonl" in said.err
    assert head in said.err
    assert len(said.json()["points"]) == 2


def test_registering_twice_says_so_and_adds_nothing(say: Say, kept: Path, name: str) -> None:
    before = Path("r.jsonl").read_bytes()
    assert f"on record already: {name}" in say("forecast", kept, *AT, "r.jsonl").err
    assert Path("r.jsonl").read_bytes() == before


def test_truth_by_name_is_scored_and_the_rest_stays_open(say: Say, name: str) -> None:
    told = say("score", "r.jsonl", "--truth", f"{name}.2=2.5", "--json").json()
    assert [s["id"] for s in told["scored"]] == [f"{name}.2"]
    assert [o["id"] for o in told["open"]] == [f"{name}.1"]
    assert told["scored"][0]["truth"] == 2.5
    assert say("score", "r.jsonl", "--json").json()["scored"] == []


def test_truths_from_a_table_can_be_settled_and_then_stay(
    say: Say, table: Table, name: str
) -> None:
    truth = table("truth.csv", {"size": [1.004e9, 3e9], "tokens": [2e10, 2e10], "loss": [2.6, 2.5]})
    words = ("score", "r.jsonl", truth, "--map", "N=size")
    assert len(say(*words, "--json").json()["scored"]) == 1
    assert say(*words, "--json", "--within", "0.1%").json()["scored"] == []
    said = say(*words, "--settle", "--json")
    assert "put 1 truth on record in r.jsonl" in said.err
    again = say("score", "r.jsonl", "--json")
    assert again.json()["scored"] == said.json()["scored"]
    assert again.json()["head"] == said.json()["head"]
    assert say(*words, "--settle").err == ""


def test_the_text_says_forecast_truth_and_coverage(say: Say, name: str) -> None:
    out = say("score", "r.jsonl", "--truth", f"{name}.1=2.5").out
    for part in (f"{name}.1", "N=1B, D=20B", "off by", "chain whole", "straight line"):
        assert part in " ".join(out.split())


def test_a_changed_record_is_one_line_that_names_it_and_exits_2(say: Say, name: str) -> None:
    text = Path("r.jsonl").read_text()
    Path("r.jsonl").write_text(text.replace('"trusted": true', '"trusted": false'))
    said = say("score", "r.jsonl")
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert f"r.jsonl, line 1: forecast record {name}" in said.err
    assert "changed after it was written" in said.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("none.jsonl",), "cannot read the records"),
        (("r.jsonl", "--truth", "2.5"), "is not ID=VALUE"),
        (("r.jsonl", "--truth", "abc=2.5"), "there is no 'abc'"),
        (("r.jsonl", "--truth", "ID=2.5"), "forecasts 2 runs"),
        (("r.jsonl", "--truth", "ID.1=low"), "low"),
        (("r.jsonl", "--within", "wide"), "wide"),
        (("r.jsonl", "--within", "200%"), "no share"),
        (("r.jsonl", "missing.csv"), "missing.csv"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_what_cannot_be_scored_is_one_line_and_exits_2(
    words: tuple[str, ...], says: str, say: Say, name: str
) -> None:
    said = say("score", *(w.replace("ID", name) if says != "is not ID=VALUE" else w for w in words))
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert says in said.err


def test_a_record_cannot_go_into_a_file_of_another_kind(say: Say, kept: Path, runs: Path) -> None:
    before = runs.read_bytes()
    said = say("forecast", kept, *AT, runs)
    assert (said.code, said.out) == (2, "")
    assert "no forecast record" in said.err
    assert runs.read_bytes() == before


def test_strict_scores_exit_3_when_the_line_was_nearer(say: Say, kept: Path, name: str) -> None:
    line = say("forecast", kept, *AT[:-1], "--json").json()["points"][0]["rivals"]["straight line"]
    words = ("score", "r.jsonl", "--truth", f"{name}.1={line!r}", "--strict")
    said = say(*words)
    assert said.code == 3
    assert "straight line" in said.err


def test_a_page_of_how_the_records_fared(say: Say, name: str) -> None:
    pytest.importorskip("jinja2")
    pytest.importorskip("vl_convert")
    assert say("score", "r.jsonl", "--truth", f"{name}.1=2.5", "--report", "p.html").code == 0
    page = Path("p.html").read_text(encoding="utf-8")
    for part in ("How they fared", "Forecasts on record in r.jsonl", f"{name}.2", "Coverage"):
        assert part in page
