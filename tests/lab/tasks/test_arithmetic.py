"""Sums read back from their tokens, in every format."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.errors import BadOption

pytestmark = pytest.mark.lab


def number(digits: list[int], base: int) -> int:
    out = 0
    for d in digits:
        out = base * out + d
    return out


@pytest.mark.parametrize("form", ["plain", "reverse", "mirror", "scratchpad"])
@pytest.mark.parametrize("base", [2, 10])
def test_every_answer_is_the_sum_of_what_is_given(form: str, base: int, torch) -> None:
    from forescale.lab.tasks import get

    data = get("arithmetic").data(base=base, format=form, examples=20, validation=30)
    for x, y in zip(*(v.tolist() for v in data.validation), strict=True):
        a, b = x[:3], x[3:6]
        assert x[6] == base
        assert x[7:] == y[:-1]
        if form == "mirror":
            a, b = a[::-1], b[::-1]
        total = number(a, base) + number(b, base)
        told = y[::-1] if form in {"reverse", "mirror"} else y[-4:]
        assert number(told, base) == total
        if form == "scratchpad":
            assert len(y) == 12
            carry = 0
            for k in range(4):
                up, down = ([0, *n][3 - k] for n in (a, b))
                assert y[2 * k] == carry
                assert y[2 * k + 1] == (up + down + carry) % base
                carry = (up + down + carry) // base


def test_a_larger_training_set_holds_the_smaller_and_none_holds_what_validates(torch) -> None:
    from forescale.lab.tasks import get

    sets = {}
    for n in (100, 400):
        data = get("arithmetic").data(examples=n, validation=50)
        sets[n] = {tuple(r) for r in data.batch(0, n, 0)[0][:, :6].tolist()}
        assert len(sets[n]) == n
        assert not sets[n] & {tuple(r) for r in data.validation[0][:, :6].tolist()}
    assert sets[100] < sets[400]


def test_longer_sums_have_a_summand_longer_than_any_trained_on(torch) -> None:
    from forescale.lab.tasks import get

    data = get("arithmetic").data(trained=2, examples=500, validation=40, judged="longer")
    shown, held = data.batch(0, 500, 0)[0], data.validation[0]
    assert (shown[:, [0, 3]] == 0).all()
    assert (held[:, [0, 3]] > 0).any(1).all()


def test_pairs_differ_also_where_all_cannot_be_listed() -> None:
    from forescale.lab.tasks.arithmetic import pairs

    for high in (30, 5000):
        found = pairs(np.random.default_rng(0), 400, 20, high)
        assert len({tuple(p) for p in found.tolist()}) == 400
        assert found.max(1).min() >= 20
        assert found.max() < high


def test_sums_that_are_not_there_are_refused(torch) -> None:
    from forescale.lab.tasks import get

    for stray in (
        {"format": "roman"},
        {"judged": "longer"},
        {"base": 2, "examples": 100},
        {"trained": 4},
    ):
        with pytest.raises(BadOption):
            get("arithmetic").data(**stray)
