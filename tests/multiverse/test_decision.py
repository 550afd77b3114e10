"""Decisions as people write them."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.errors import BadOption
from forescale.multiverse._decision import decision


@pytest.mark.parametrize(
    ("text", "says", "at"),
    [
        ("a > 0.6", "a > 0.6", [False, False, True]),
        ("a>=0.6", "a >= 0.6", [False, True, True]),
        ("< 0.6", "a < 0.6", [True, False, False]),
        ("0.6", "a > 0.6", [False, False, True]),
        (0.6, "a > 0.6", [False, False, True]),
        ("a <= 0.6", "a <= 0.6", [True, True, False]),
    ],
)
def test_a_decision_is_read_as_it_is_written(text, says, at) -> None:
    found = decision(text, "a")
    assert str(found) == says
    np.testing.assert_array_equal(found.of(np.array([0.5, 0.6, 0.7])), at)


@pytest.mark.parametrize("text", ["", "a", "a >", "a > b > c", "a ! 3", "alpha > 0.3", "a > x"])
def test_what_is_no_decision_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(BadOption) as caught:
        decision(text, "a")
    assert "\n" not in str(caught.value)
