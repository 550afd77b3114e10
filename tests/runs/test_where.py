"""Choosing rows by conditions."""

from __future__ import annotations

import pytest

from forescale.errors import BadOption, BadTable, UnknownName
from forescale.runs import read
from forescale.runs.where import parse

RUNS = read(
    {
        "params": [1e8, 2e8, 4e8, 8e8],
        "loss": [3.3, 3.2, 3.1, 3.0],
        "lr_peak": [1e-3, 5e-4, 1e-3, 2e-3],
        "size": ["100M", "200M", "400M", "800M"],
        "group": ["a", "b", "6 Enc, 6 Dec", "d=1_l=2"],
        "ok": [1, 1, 0, 1],
        "tokens": [1e9, 2e9, None, 8e9],
    }
)


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("lr_peak<1e-3", [2]),
        ("lr<=1e-3", [1, 2, 3]),
        ("N > 100M", [2, 3, 4]),
        ("ok==1", [1, 2, 4]),
        ("ok=true", [1, 2, 4]),
        ("group!=a", [2, 3, 4]),
        ("size in 100M,400M", [1, 3]),
        ("size in 100M, 400M, lr<1", [1, 3]),
        ("size not in 100M,400M", [2, 4]),
        ("ok=1 and N>=2e8", [2, 4]),
        ("ok=1 & N>=2e8", [2, 4]),
        ("ok=1, N>=2e8", [2, 4]),
        ('group="6 Enc, 6 Dec"', [3]),
        ("group in '6 Enc, 6 Dec',a", [1, 3]),
        ("group=d=1_l=2", [4]),
        ("size<=200M", [1, 2]),
        ("tokens=NA", [3]),
        ("tokens!=nan", [1, 2, 4]),
        ("D>1.5B", [2, 4]),
        ("params=200M", [2]),
        ("N IN 1e8,2e8 AND ok=1", [1, 2]),
    ],
)
def test_conditions_choose_rows(expression, rows):
    chosen = RUNS.where(expression)
    assert chosen.rows.tolist() == rows
    assert f"{len(rows)} of 4 rows" in chosen.notes[-1]
    assert not chosen.dropped


@pytest.mark.parametrize(
    ("expression", "error", "fragment"),
    [
        ("", BadOption, "empty"),
        ("N", BadOption, "not a condition"),
        ("N>x", BadOption, "'x' is none"),
        ("group<3", BadOption, "no order"),
        ("grop=a", UnknownName, "'group'"),
        ("group=zz", BadTable, "holds 6 Enc, 6 Dec, a, b"),
        ("ok=1, N>1e12", BadTable, "'N>1e12'"),
        ("__import__('os')", BadOption, "not a condition"),
        ("N>", BadOption, "none"),
        ("100M,200M", BadOption, "not a condition"),
        ("=3", BadOption, "not a condition"),
    ],
)
def test_conditions_that_fail_say_which_part(expression, error, fragment):
    with pytest.raises(error) as caught:
        RUNS.where(expression)
    assert fragment in str(caught.value)


def test_a_list_ends_where_the_next_condition_begins():
    first, second = parse("size in 1,2,3, lr<1e-3")
    assert first.values == ("1", "2", "3")
    assert (second.column, second.operator, second.values) == ("lr", "<", ("1e-3",))
