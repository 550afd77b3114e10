"""The shared options, as words on a command line."""

from __future__ import annotations

import pytest

from forescale.cli import main


@pytest.fixture
def said(verbs, capsys):
    """What a verb printed, given a Python expression over its arguments and the words."""

    def run(expression: str, *words: str) -> str:
        code = main(["thing", *words], package=verbs(thing=f"print({expression})"))
        out, err = capsys.readouterr()
        return out.strip() if code == 0 else f"{code} {err.strip()}"

    return run


def test_map_and_where_repeat(said) -> None:
    words = ("--map", "loss=eval/loss", "--map", "N = n", "--where", "N<1e9", "--where", "D>0")
    assert said("source.columns", *words) == "{'loss': 'eval/loss', 'N': 'n'}"
    assert said("source.where", *words) == "('N<1e9', 'D>0')"


def test_a_column_name_may_hold_an_equals_sign(said) -> None:
    assert said("source.columns", "--map", "loss=a=b") == "{'loss': 'a=b'}"


@pytest.mark.parametrize("word", ["loss", "=x", "loss=", " = "])
def test_a_word_that_is_no_mapping_is_quoted(said, word) -> None:
    assert said("source.columns", f"--map={word}").startswith(
        f"2 forescale: --map: '{word}' is not NAME=COLUMN"
    )


def test_two_columns_for_one_name_are_refused(said) -> None:
    answer = said("source.columns", "--map", "loss=a", "--map", "loss=b")
    assert answer == "2 forescale: --map: 'loss' is mapped to both 'a' and 'b'"


@pytest.mark.parametrize(("word", "value"), [("0.9", 0.9), ("90%", 0.9), ("0.5", 0.5)])
def test_level_reads_as_people_write_it(said, word, value) -> None:
    assert float(said("level", "--level", word)) == pytest.approx(value)


@pytest.mark.parametrize("word", ["90", "0", "1", "-1%", "much", "nan", "inf"])
def test_a_level_outside_zero_to_one_is_refused(said, word) -> None:
    assert said("level", f"--level={word}").startswith(f"2 forescale: --level: '{word}'")


def test_output_options(said) -> None:
    words = ("runs.csv", "--json", "-o", "a.json", "--report", "b.html", "--strict")
    shown = "runs, output.json, str(output.out), str(output.report), output.strict"
    assert said(shown, *words) == "runs.csv True a.json b.html True"
    assert said("output.json, output.out, output.strict") == "False None False"
