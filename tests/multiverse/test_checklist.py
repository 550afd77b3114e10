"""The checklist answers what the table tells, and owns up to the rest."""

from __future__ import annotations

import json

import numpy as np
import pytest

import forescale as fs
from forescale.fit import fit
from forescale.multiverse.checklist import QUESTIONS, UNTOLD, Checklist, checklist
from forescale.runs import RunTable


def answers(made: Checklist) -> dict[str, str]:
    return {i.question: i.answer for i in made.items}


@pytest.fixture(scope="module")
def rich(planted) -> Checklist:
    runs = planted(0.5)
    extra = {
        "N_nonembed": 0.8 * runs["N"],
        "lr": np.where(runs["N"] > 1e8, 1e-3, 3e-3),
        "seed": np.arange(len(runs)) % 2 * 1.0,
        "dataset": np.full(len(runs), "web", object),
        "schedule": np.full(len(runs), "cosine", object),
    }
    return checklist(fit(RunTable({**runs.columns, **extra}), "chinchilla", objective="hoffmann"))


def test_what_the_table_tells_is_told(rich) -> None:
    said = answers(rich)
    assert said["How many points?"] == "36 rows, one per run"
    assert said["How are sizes and data laid out?"] == "6 compute budgets with 5 runs or more"
    assert said["How is compute counted?"] == "6 N D"
    assert said["How much compute?"].startswith("1e+17 to 1e+20")
    assert said["Are embeddings and the head counted?"] == "counted; they are 20 to 20 % of all"
    assert "lr has 2 values" in said["Which hyperparameters were tuned, and at which scales?"]
    assert said["How many seeds?"] == "2 seeds"
    assert said["On which data?"] == "web"
    assert "cosine" in next(a for q, a in said.items() if "schedule" in q)
    assert "hoffmann on log residuals" in said["What is minimised?"]
    assert "5 numbers fitted" in said["Which formula, with how many fitted numbers?"]
    assert "256 quasi-random starts" in said["From which starting values?"]


def test_what_it_does_not_tell_is_left_open(planted) -> None:
    bare = checklist(fit(planted(0.5), "chinchilla"))
    said = answers(bare)
    for about in ("On which data?", "How many seeds?", "Are embeddings and the head counted?"):
        assert said[about] == UNTOLD
    assert {i.question for i in bare.open} == {q for q, a in said.items() if a == UNTOLD}
    assert 0 < len(bare.open) < len(QUESTIONS)


def test_a_law_in_one_scale_and_a_chosen_law_have_their_own_answers() -> None:
    c = np.logspace(17, 21, 16)
    loss = (2 + 30 * c**-0.06) * np.exp(0.002 * np.random.default_rng(0).normal(size=16))
    made = fs.checklist(fs.fit({"flops": c, "loss": loss}, among=("power",), resamples=50))
    said = answers(made)
    assert said["Which model sizes?"] == UNTOLD
    assert "chosen by held-out scale among power" in said["Why this form?"]
    assert "held-out error" in said["How was the law tested on scale it had not seen?"]
    assert "50 draws" in said["Where do the intervals come from?"]


def test_weights_fixed_values_and_dropped_rows_are_owned_up_to(planted) -> None:
    runs = planted(0.5)
    runs = runs.with_column("w", np.linspace(1, 2, len(runs))).where("N<1e9")
    said = answers(checklist(fit(runs, "chinchilla", fix={"E": 1.5}, weights="w")))
    assert "E = 1.5" in said["Which formula, with how many fitted numbers?"]
    assert said["How are points weighted?"] == "by column 'w'"
    assert "where N<1e9" in said["What was dropped?"]


def test_a_checklist_is_a_value_that_shows_itself(rich) -> None:
    data = json.loads(json.dumps(rich.to_dict()))
    assert data["kind"] == "checklist"
    assert data["answered"] == len(QUESTIONS) - len(rich.open)
    assert len(rich.summary().splitlines()) == len(QUESTIONS) + 1
    assert "answered" in repr(rich) and "\n" not in repr(rich)
    assert "<table>" in rich._repr_html_()
