"""A tape that shares its work gives what each expression gives by itself."""

import numpy as np
import pytest

from forescale import laws
from forescale.maths.formula import Tape, derivative, parse
from forescale.maths.formula.share import shared_products


@pytest.mark.parametrize("name", [n for n in laws.names() if laws.get(n).program is None])
def test_derivatives_together_are_derivatives_one_by_one(name):
    law = laws.get(name)
    symbols = (*law.inputs, *law.names)
    first = [derivative(law.tree, n) for n in law.names]
    every = [law.tree, *first, *(derivative(d, n) for d in first for n in law.names)]
    rng = np.random.default_rng(0)
    x = [rng.uniform(0.2, 0.8, 5) for _ in law.inputs]
    theta = [rng.uniform(0.3, 0.9, (3, 1)) for _ in law.names]
    rank = dict.fromkeys(law.inputs, 1) | dict.fromkeys(law.names, 2)
    with np.errstate(all="ignore"):
        together = Tape(every, symbols, rank=rank)(*x, *theta)
        for e, value in zip(every, together, strict=True):
            alone = Tape([e], symbols)(*x, *theta)[0]
            size = np.nanmax(np.abs(alone), initial=1e-12)
            np.testing.assert_allclose(value, alone, rtol=1e-8, atol=1e-9 * size)


def test_a_product_that_two_share_is_computed_once():
    a, b = parse("x*y*z*u"), parse("x*y*z*v")
    split = shared_products([a, b], lambda _: 3)
    (shared,) = set(split[a]) & set(split[b])
    assert shared.symbols == {"x", "y", "z"}


def test_the_lesser_of_two_has_the_slope_of_the_lesser_and_no_curvature_at_the_tie():
    e = parse("min(x, 2*y)")
    dx, dy = derivative(e, "x"), derivative(e, "y")
    second = derivative(dx, "x")
    x, y = np.array([1.0, 4.0, 2.0]), np.ones(3)
    values = Tape([e, dx, dy, second], ("x", "y"))(x, y)
    np.testing.assert_allclose(values[0], [1, 2, 2])
    np.testing.assert_allclose(values[1], [1, 0, 0.5])
    np.testing.assert_allclose(values[2], [0, 2, 1])
    np.testing.assert_allclose(np.broadcast_to(values[3], 3), 0.0)


def test_softplus_neither_overflows_nor_loses_its_tail():
    value = Tape([parse("softplus(x)")], ("x",))(np.array([-800.0, -40.0, 0.0, 40.0, 800.0]))[0]
    np.testing.assert_allclose(value, [0, np.exp(-40), np.log(2), 40, 800], rtol=1e-14)
