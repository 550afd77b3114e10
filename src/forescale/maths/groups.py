"""Finite groups from their tables: classes, and the real irreducible representations.

A function on a group splits into parts that no translation mixes, one for each irreducible
representation; on the integers modulo p they are the frequencies. Any sum of translations whose
weights are equal within classes, and for inverses, is a symmetric matrix that is constant on each
part: with random weights its eigenspaces are the parts. Inside a part, a random symmetric sum of
translations from the other side has one copy of the representation in each eigenspace.

Source: Serre 1977, "Linear Representations of Finite Groups", chapters 2 and 13.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.errors import BadOption

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Irrep:
    """A real irreducible representation.

    Args:
        dimension: Its dimension D over the reals.
        multiplicity: How often it stands in the functions on the group.
        character: Its trace at each element, shape (n,).
        matrices: Orthogonal matrices, shape (n, D, D): those of a and b multiply to that of a o b.
    """

    dimension: int
    multiplicity: int
    character: Array
    matrices: Array

    @property
    def share(self) -> float:
        """Part of all functions on the group that belongs to it: its rank over the order."""
        return self.dimension * self.multiplicity / len(self.character)


@dataclass(frozen=True, eq=False)
class Group:
    """A finite group.

    Args:
        table: a o b at row a and column b, shape (n, n), elements numbered from 0.

    Raises:
        BadOption: If the table is no group's.
    """

    table: Index

    def __post_init__(self) -> None:
        table = np.asarray(self.table)
        n = len(table)
        fix = "give a square table of whole numbers in which a o b stands at row a, column b"
        if table.ndim != 2 or table.shape[1] != n or n == 0 or table.dtype.kind not in "iu":
            raise BadOption(f"a table of shape {table.shape} and {table.dtype}", fix=fix)
        whole = np.arange(n)
        latin = all((np.sort(t, axis=1) == whole).all() for t in (table, table.T))
        if not latin or not (table == whole).all(1).any():
            raise BadOption("the table has no neutral element, or misses answers", fix=fix)
        if not all((table[table[a]] == table[a][table]).all() for a in whole):
            raise BadOption("the operation is not associative", fix=fix)
        object.__setattr__(self, "table", table.astype(np.int64))

    @property
    def order(self) -> int:
        """How many elements."""
        return len(self.table)

    @cached_property
    def identity(self) -> int:
        """The neutral element."""
        return int((self.table == np.arange(self.order)).all(1).argmax())

    @cached_property
    def inverse(self) -> Index:
        """The inverse of each element, shape (n,)."""
        return np.asarray((self.table == self.identity).argmax(1), np.int64)

    @cached_property
    def classes(self) -> Index:
        """Number of each element's conjugacy class, shape (n,), in order of first members."""
        conjugates = self.table[self.table, self.inverse[:, None]]
        return np.asarray(np.unique(conjugates.min(0), return_inverse=True)[1], np.int64)

    @cached_property
    def irreps(self) -> tuple[Irrep, ...]:
        """The real irreducible representations: the trivial one, then by rising dimension."""
        n = self.order
        rng = np.random.default_rng(0)
        real = np.minimum(self.classes, self.classes[self.inverse])
        kinds = len(np.unique(real))
        values, vectors = np.linalg.eigh(rng.normal(size=n)[real][self._quotients])
        # As many parts as classes, a class and that of its inverses counted as one.
        cuts = np.sort(np.argsort(np.diff(values))[n - kinds :]) + 1
        weights = rng.normal(size=n)
        # From the other side: entry (g, h) is the weight of g^-1 h.
        other = (weights + weights[self.inverse])[self.table[self.inverse]]
        found = [self._irrep(part, other) for part in np.split(vectors, cuts, axis=1)]
        keys = [(i.dimension, *np.round(-i.character, 6)) for i in found]
        return tuple(found[at] for at in sorted(range(kinds), key=keys.__getitem__))

    @cached_property
    def _quotients(self) -> Index:
        """Each g h^-1, at row g and column h."""
        return self.table[:, self.inverse]

    def _irrep(self, part: Array, other: Array) -> Irrep:
        """The representation whose functions have the orthonormal basis `part`, shape (n, rank)."""
        rank = part.shape[1]
        even = part @ part[self.identity] * (self.order / rank)
        # Frobenius and Schur: the mean over squares tells real, complex and quaternionic apart.
        mean = float(even[np.diagonal(self.table)].mean())
        kind = 1 if abs(mean) * rank < 0.5 else 0 if mean > 0 else 2
        size = round((rank * (1, 2, 4)[kind]) ** 0.5)
        basis = part @ np.linalg.eigh(part.T @ other @ part)[1][:, :size]
        # Translation by g takes h to g h, so that the value at h is that of g^-1 h.
        moved = basis[self.table[self.inverse]]
        return Irrep(
            dimension=size,
            multiplicity=rank // size,
            character=size * even,
            matrices=np.einsum("hi,ghj->gij", basis, moved),
        )


def isotypic(group: Group) -> list[Array]:
    """Orthogonal projectors of functions on the group onto the irreps' parts, in their order.

    Args:
        group: The group.

    Returns:
        Shape (n, n) each; they sum to the identity, and on the integers modulo p they are the
        constant and the frequencies from 1.
    """
    return [i.share * i.character[group._quotients] / i.dimension for i in group.irreps]


def power(group: Group, functions: ArrayLike) -> Array:
    """Squared norms of functions' parts, shape (..., irreps); they sum to the squared norm.

    Args:
        group: The group.
        functions: Values at the elements on the last axis, shape (..., n).
    """
    f = np.asarray(functions, float)
    return np.stack([((f @ p) * f).sum(-1) for p in isotypic(group)], axis=-1)


def cyclic(n: int) -> Group:
    """Addition of the integers modulo n."""
    _positive(n)
    return Group(np.add.outer(np.arange(n), np.arange(n)) % n)


def dihedral(n: int) -> Group:
    """Symmetries of the n-gon: rotations r^k numbered k, reflections r^k s numbered n + k."""
    _positive(n)
    turn, flip = np.arange(2 * n) % n, np.arange(2 * n) // n
    # s r^k = r^-k s.
    turned = (turn[:, None] + np.where(flip[:, None] == 1, -1, 1) * turn) % n
    return Group(turned + n * (flip[:, None] ^ flip))


def symmetric(n: int) -> Group:
    """Permutations of n things in lexicographic order, (a o b)(i) = a(b(i))."""
    _positive(n)
    elements = np.array(list(itertools.permutations(range(n))))
    place = n ** np.arange(n)[::-1]
    return Group(np.searchsorted(elements @ place, elements[:, elements] @ place))


def _positive(n: int) -> None:
    if n < 1:
        raise BadOption(f"n is {n}", where="group", fix="give 1 or more")
