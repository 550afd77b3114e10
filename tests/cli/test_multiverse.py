"""The verb `multiverse`: words to choices, text and JSON of one result, exit codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def table(tmp_path: Path) -> str:
    rng = np.random.default_rng(0)
    lines = ["params,tokens,loss,corpus"]
    for corpus, alpha, beta in (("web", 0.4, 0.3), ("code", 0.3, 0.4)):
        for c in np.logspace(17, 20, 6):
            for n in 1e8 * (c / 1.2e18) ** (beta / 0.7) * np.logspace(-0.6, 0.6, 6):
                d = c / 6 / n
                loss = 1.7 + 0.4 * (1e8 / n) ** alpha + 0.4 * (2e9 / d) ** beta
                loss *= np.exp(0.003 * rng.normal())
                lines.append(f"{n:.6g},{d:.6g},{loss:.6g},{corpus}")
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


FEW = ("--forms", "chinchilla", "--objectives", "lsq-log", "--without", "smallest,outliers")


def test_the_choice_that_turns_the_decision_is_named(say, table) -> None:
    said = say("multiverse", table, "--vary", "corpus", "--decide", "a > 0.5", *FEW, "--checklist")
    assert said.code == 0
    for words in ("corpus moves a most", "corpus turns it most easily", "NOT TO BE QUOTED ALONE",
                  "How many points?"):  # fmt: skip
        assert words in " ".join(said.out.split())


def test_json_is_the_result_and_strict_stops(say, table, tmp_path) -> None:
    words = ("multiverse", table, "--by", "corpus", "--default", "corpus=web", *FEW)
    data = say(*words, "--decide", "0.5", "--json").json()
    assert data["kind"] == "multiverse"
    assert data["decision"]["text"] == "a > 0.5"
    assert data["default"]["choices"]["corpus"] == "web"
    assert data["choices"][0]["choice"] == "corpus"
    held = say(*words, "--hold", "weights=equal", "--json").json()
    assert "weights" not in {c["choice"] for c in held["choices"]}
    assert say(*words, "--decide", "a > 0.5", "--strict").code == 3
    place = say(*words, "--N", "1B", "--D", "20B", "--json").json()
    assert place["quantity"]["name"] == "L"


@pytest.mark.parametrize(
    "words",
    [
        ("--default", "corpus"),
        ("--hold", "=x"),
        ("--decide", "alpha > 0.5"),
        ("--without", "nothing"),
        ("--vary", "nosuch"),
        ("--of", "gamma"),
    ],
)
def test_bad_words_are_one_line_and_exit_code_two(say, table, words) -> None:
    said = say("multiverse", table, *words)
    assert said.code == 2
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
