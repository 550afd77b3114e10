"""Scores made of known representations, and the network against a plain twin."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.maths.groups import Group, cyclic, dihedral
from forescale.studies import group_universality as study

TINY = study.Size(cyclic=5, corners=3, share=0.8, embed=4, width=8, steps=20, worlds=2)


def trace(group: Group, irreps: list[int]) -> np.ndarray:
    """Scores by characters of some representations: tr of each at a o b o c^-1."""
    n = group.order
    scores = np.zeros((n, n, n))
    for i in irreps:
        r = group.irreps[i].matrices
        scores += np.einsum("aij,bjk,cik->abc", r, r, r)
    return scores


@pytest.mark.parametrize(("group", "known"), [(cyclic(11), [2, 4]), (dihedral(5), [1, 3])])
def test_planted_characters_are_found_and_carry_everything(group, known) -> None:
    found = study.taken(7 * trace(group, known), group)
    np.testing.assert_array_equal(np.flatnonzero(found.used) + 1, known)
    np.testing.assert_allclose(found.elements.sum(), 1)
    np.testing.assert_allclose(found.characters, found.elements, atol=1e-12)
    # Nothing is left but a guess.
    np.testing.assert_allclose(found.deleted, np.log(group.order))


def test_offsets_that_decide_no_answer_are_no_variance() -> None:
    group, rng = cyclic(7), np.random.default_rng(0)
    plain = trace(group, [3])
    moved = plain + rng.normal(size=(7, 7, 1)) + rng.normal(size=7)
    one, other = study.taken(plain, group), study.taken(moved, group)
    np.testing.assert_allclose(one.elements, other.elements, atol=1e-12)


def test_one_entry_of_a_matrix_lies_in_the_representation_but_hardly_in_its_character() -> None:
    group = dihedral(5)
    r = group.irreps[2].matrices
    found = study.taken(np.einsum("a,b,c->abc", r[:, 0, 0], r[:, 0, 0], r[:, 0, 0]), group)
    np.testing.assert_allclose(found.elements[1], 1)
    # One of the eight products of the trace, all of them of the same size.
    np.testing.assert_allclose(found.characters[1], 1 / 8)


def test_noise_belongs_to_no_few_representations() -> None:
    group = cyclic(23)
    found = study.taken(np.random.default_rng(1).normal(size=(23, 23, 23)), group)
    assert not found.used.any()


def test_the_loss_is_that_of_the_softmax() -> None:
    group, rng = dihedral(2), np.random.default_rng(2)
    scores = rng.normal(size=(4, 4, 4))
    slow = [
        -np.log(np.exp(scores[a, b, group.table[a, b]]) / np.exp(scores[a, b]).sum())
        for a in range(4)
        for b in range(4)
    ]
    np.testing.assert_allclose(study.loss(scores, group.table), np.mean(slow))


def test_likeness_is_the_jaccard_index_with_the_others() -> None:
    used = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0]], bool)
    np.testing.assert_allclose(study.likeness(used), [2 / 3, 2 / 3, 1 / 3])


def test_networks_are_trained_the_same_from_the_same_seed_and_apart_from_one_another() -> None:
    pytest.importorskip("torch")
    table = cyclic(5).table
    said: list[str] = []
    one = study.train(np.random.default_rng(3), table, TINY, said.append)
    again = study.train(np.random.default_rng(3), table, TINY, said.append)
    assert one.scores.shape == (2, 5, 5, 5)
    np.testing.assert_array_equal(one.scores, again.scores)
    assert not np.allclose(one.scores[0], one.scores[1])
    assert said[0] == "step 0 of 20, 5 elements"


def test_a_longer_run_learns_what_it_is_shown() -> None:
    pytest.importorskip("torch")
    size = study.Size(cyclic=5, corners=3, share=1.0, embed=8, width=24, steps=150, worlds=2)
    table = np.random.default_rng(4).integers(0, 5, (5, 5))
    said = study.train(np.random.default_rng(5), table, size, lambda text: None).scores.argmax(3)
    assert (said == table).mean() > 0.9
