"""The languages of the study: two tokens say the next, or none does."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from forescale.studies.linguistic_collapse import (  # noqa: E402
    CONTEXT,
    SEQUENCES,
    VOCAB,
    language,
    looks_at,
    text,
)

pytestmark = pytest.mark.lab


def test_a_language_is_of_probabilities_and_the_flat_one_forgets_all():
    true, flat = (language(torch.Generator().manual_seed(0), f) for f in (False, True))
    for table in (true, flat):
        torch.testing.assert_close(table.sum(-1), torch.ones(VOCAB, VOCAB))
    assert (flat == flat[0, 0]).all()

    def open_(table):
        return float(torch.special.entr(table).sum(-1).mean())

    assert open_(true) < 1
    assert open_(flat) > math.log(VOCAB) - 0.2


def test_texts_follow_the_table():
    # Each token follows from the two before it as their sum.
    at = torch.arange(VOCAB)
    sums = torch.nn.functional.one_hot((at[:, None] + at) % VOCAB, VOCAB).float()
    drawn = text(sums, torch.Generator().manual_seed(0))
    assert drawn.shape == (SEQUENCES, CONTEXT)
    assert ((drawn[:, :-2] + drawn[:, 1:-1]) % VOCAB == drawn[:, 2:]).all()


def test_each_width_is_looked_at_after_each_number_of_steps_and_learns():
    rows = list(looks_at(0, (4, 16), (1, 40), flat=False))
    assert [(w, s) for w, s, *_ in rows] == [(4, 1), (4, 40), (16, 1), (16, 40)]
    assert rows[3][2] < rows[2][2]
    assert all(v["classes"] == VOCAB for *_, v in rows)
