"""Groups: known character tables, and what every representation must keep."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.errors import BadOption
from forescale.maths.groups import Group, cyclic, dihedral, isotypic, power, symmetric


def quaternions() -> Group:
    """1, i, j, k and their negatives, numbered 0 to 3 and 4 to 7."""
    of = [(0, 0), (1, 0), (2, 0), (3, 0)], [(1, 0), (0, 1), (3, 0), (2, 1)]
    of += [(2, 0), (3, 1), (0, 1), (1, 0)], [(3, 0), (2, 0), (1, 1), (0, 1)]
    table = np.empty((8, 8), int)
    for a in range(8):
        for b in range(8):
            unit, sign = of[a % 4][b % 4]
            table[a, b] = unit + 4 * ((sign + a // 4 + b // 4) % 2)
    return Group(table)


GROUPS = {
    "Z1": cyclic(1),
    "Z7": cyclic(7),
    "Z12": cyclic(12),
    "D2": dihedral(2),
    "D7": dihedral(7),
    "D8": dihedral(8),
    "S4": symmetric(4),
    "Q8": quaternions(),
}


def by_class(group: Group) -> list[list[int]]:
    """The character table: sizes of the classes, then a row an irrep, a column a class."""
    first = np.unique(group.classes, return_index=True)[1]
    rows = [np.round(i.character[first]).astype(int).tolist() for i in group.irreps]
    return [np.bincount(group.classes).tolist(), *rows]


def test_the_table_of_s3():
    # Neutral, transpositions, 3-cycles.
    assert by_class(symmetric(3)) == [[1, 3, 2], [1, 1, 1], [1, -1, 1], [2, 0, -1]]


def test_the_table_of_s4():
    # Classes in the order of their first members: neutral, transpositions, 3-cycles, pairs of
    # transpositions, 4-cycles.
    sizes, *rows = by_class(symmetric(4))
    assert sizes == [1, 6, 8, 3, 6]
    assert rows[:3] == [[1, 1, 1, 1, 1], [1, -1, 1, 1, -1], [2, 0, -1, 2, 0]]
    assert sorted(rows[3:]) == [[3, -1, 0, -1, 1], [3, 1, 0, -1, -1]]


@pytest.mark.parametrize("p", [5, 11])
def test_the_integers_modulo_a_prime_have_the_frequencies_in_order(p):
    constant, *waves = cyclic(p).irreps
    assert constant.dimension == 1
    assert len(waves) == p // 2
    for k, wave in enumerate(waves, 1):
        assert (wave.dimension, wave.multiplicity) == (2, 1)
        np.testing.assert_allclose(
            wave.character, 2 * np.cos(2 * np.pi * k * np.arange(p) / p), atol=1e-9
        )


@pytest.mark.parametrize("n", [5, 6, 29])
def test_dihedral_groups_have_lines_and_planes(n):
    irreps = dihedral(n).irreps
    lines = 2 if n % 2 else 4
    assert [i.dimension for i in irreps] == [1] * lines + [2] * ((n - lines // 2) // 2)
    for k, plane in enumerate(irreps[lines:], 1):
        turns = 2 * np.cos(2 * np.pi * k * np.arange(n) / n)
        np.testing.assert_allclose(plane.character, [*turns, *np.zeros(n)], atol=1e-9)


def test_quaternions_have_one_representation_of_four_real_dimensions():
    # The complex one has dimension two and no real form.
    sizes = [(i.dimension, i.multiplicity) for i in quaternions().irreps]
    assert sizes == [(1, 1)] * 4 + [(4, 1)]


@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_matrices_are_an_orthogonal_representation_with_that_character(group):
    for i in group.irreps:
        products = np.einsum("aij,bjk->abik", i.matrices, i.matrices)
        np.testing.assert_allclose(products, i.matrices[group.table], atol=1e-9)
        np.testing.assert_allclose(
            np.einsum("gij,gkj->gik", i.matrices, i.matrices),
            np.broadcast_to(np.eye(i.dimension), i.matrices.shape),
            atol=1e-9,
        )
        np.testing.assert_allclose(np.einsum("gii->g", i.matrices), i.character, atol=1e-9)
    assert sum(i.dimension * i.multiplicity for i in group.irreps) == group.order


@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_projectors_split_all_functions_and_translations_mix_none(group):
    projectors = isotypic(group)
    np.testing.assert_allclose(sum(projectors), np.eye(group.order), atol=1e-9)
    for i, p in zip(group.irreps, projectors, strict=True):
        np.testing.assert_allclose(p @ p, p, atol=1e-9)
        np.testing.assert_allclose(np.trace(p), i.share * group.order)
        for g in range(group.order):
            for moved in (group.table[g], group.table[:, g]):
                np.testing.assert_allclose(p[np.ix_(moved, moved)], p, atol=1e-9)


def test_a_matrix_entry_has_its_power_in_its_own_irrep():
    group = symmetric(4)
    for at, i in enumerate(group.irreps):
        shares = power(group, i.matrices[:, 0, 0])
        np.testing.assert_allclose(shares / shares.sum(), np.eye(len(shares))[at], atol=1e-9)


def test_inverses_undo():
    group = dihedral(7)
    assert (group.table[np.arange(14), group.inverse] == group.identity).all()
    assert not (group.table == group.table.T).all()


@pytest.mark.parametrize(
    "table",
    [
        np.zeros((3, 3), int),
        np.zeros((2, 3), int),
        np.eye(2),
        # A quasigroup without a neutral element, and a loop that is not associative.
        np.array([[1, 0], [0, 1]])[[0, 0]],
        np.array(
            [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]]
        ),
    ],
)
def test_what_is_no_group_is_refused(table):
    with pytest.raises(BadOption):
        Group(table)
