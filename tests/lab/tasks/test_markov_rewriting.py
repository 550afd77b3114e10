"""Rewritings against Python's own, and rules that stay unseen."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.errors import BadOption

pytestmark = pytest.mark.lab


def test_the_first_match_alone_is_replaced_as_python_does(torch) -> None:
    from forescale.lab.tasks import get

    x, y = get("markov_rewriting").data(symbols=5, length=7, examples=50).validation
    for tokens, answer in zip(x.tolist(), y.tolist(), strict=True):
        a, b = (chr(65 + t) for t in tokens[:2])
        text = "".join(chr(65 + t) for t in tokens[2:9])
        assert a in text
        assert text.replace(a, b, 1) == "".join(chr(65 + t) for t in answer)
        assert tokens[9] == 5
        assert tokens[10:] == answer[:-1]


def test_a_string_without_a_match_is_left_as_it_is() -> None:
    from forescale.lab.tasks.markov_rewriting import applied

    strings = np.array([[1, 2, 2], [2, 2, 1]])
    rule = np.array([[3, 0], [2, 0]])
    np.testing.assert_array_equal(applied(strings, rule), [[1, 2, 2], [0, 2, 1]])


@pytest.mark.parametrize("examples", [300, 0])
def test_only_so_many_rules_are_shown_and_none_that_judges(examples: int, torch) -> None:
    from forescale.lab.tasks import get

    task = get("markov_rewriting")
    about = {"symbols": 6, "rules_shown": 4, "examples": examples, "validation": 100}
    found = {}
    for judged in ("unseen", "seen"):
        data = task.data(**about, judged=judged)
        shown = {tuple(r) for r in data.batch(0, 300, 0)[0][:, :2].tolist()}
        found[judged] = {tuple(r) for r in data.validation[0][:, :2].tolist()}
        assert len(shown) == 4
    assert not found["unseen"] & shown
    assert found["seen"] <= shown


def test_more_rules_than_there_are_is_refused(torch) -> None:
    from forescale.lab.tasks import get

    for stray in ({"rules_shown": 10_000}, {"judged": "all"}, {"symbols": 2}):
        with pytest.raises(BadOption):
            get("markov_rewriting").data(**stray)
