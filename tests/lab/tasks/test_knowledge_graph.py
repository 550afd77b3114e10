"""Facts of a random graph, followed and compared again from the atomic ones alone."""

from __future__ import annotations

import pytest

from forescale.errors import BadOption

pytestmark = pytest.mark.lab

ENTITIES, RELATIONS, VALUES = 20, 10, 6


def made(kind: str, **settings):
    from forescale.lab.tasks import get

    about = {"entities": ENTITIES, "relations": RELATIONS, "degree": 7, "values": VALUES}
    held = {"held": 40, "ratio": 3.0, "apart": 0.25}
    return get("knowledge_graph").data(kind=kind, **{**about, **held, **settings})


def rows(x, y) -> dict[tuple[int, ...], int]:
    return dict(zip(map(tuple, x.tolist()), y.tolist(), strict=True))


def atomic(kind: str) -> dict[tuple[int, int], int]:
    mark = ENTITIES + RELATIONS
    found = rows(*made(kind, judged="atomic").validation)
    assert all(key[2] == mark for key in found)
    return {key[:2]: said for key, said in found.items()}


def pieces(kind: str, key: tuple[int, ...], known) -> tuple[tuple[int, int], tuple[int, int]]:
    """The two atomic facts that a fact follows from."""
    if kind == "composition":
        return key[:2], (known[key[:2]], key[2])
    return (key[0], key[1]), (key[0], key[2])


@pytest.mark.parametrize("judged", ["shown", "inside", "outside"])
def test_a_second_relation_leads_on_from_where_the_first_one_led(judged: str) -> None:
    known = atomic("composition")
    assert len(known) == ENTITIES * 7
    for key, said in rows(*made("composition", judged=judged).validation).items():
        first, second = pieces("composition", key, known)
        assert known[second] == said
        assert first in known


@pytest.mark.parametrize("judged", ["shown", "inside", "outside"])
def test_a_comparison_says_which_of_two_values_is_larger(judged: str) -> None:
    known, zero = atomic("comparison"), ENTITIES + RELATIONS + 1
    assert len(known) == ENTITIES * RELATIONS
    assert set(known.values()) == set(range(zero, zero + VALUES))
    for key, said in rows(*made("comparison", judged=judged).validation).items():
        a, b = (known[piece] for piece in pieces("comparison", key, known))
        assert said - (zero + VALUES + 1) == (a > b) - (a < b)


@pytest.mark.parametrize("kind", ["composition", "comparison"])
def test_facts_outside_are_never_seen_to_combine(kind: str) -> None:
    known = atomic(kind)
    data = made(kind, judged="outside")
    shown = rows(*data.batch(0, data.unique, 0))
    combined = {
        p for key in shown if key[2] != ENTITIES + RELATIONS for p in pieces(kind, key, known)
    }
    outside = {p for key in rows(*data.validation) for p in pieces(kind, key, known)}
    assert outside
    assert not outside & combined
    # Yet every one of them is shown by itself.
    assert {(*piece, ENTITIES + RELATIONS) for piece in outside} <= set(shown)
    # Those held out inside are made of facts that combine.
    inside = {p for key in rows(*made(kind).validation) for p in pieces(kind, key, known)}
    assert not inside & outside


@pytest.mark.parametrize("kind", ["composition", "comparison"])
def test_the_ratio_counts_facts_that_follow_for_each_atomic_one_inside(kind: str) -> None:
    count = len(atomic(kind))
    few, many = (made(kind, ratio=r) for r in (1.0, 3.0))
    within = count - round(0.25 * count)
    assert few.unique == count + within
    assert many.unique == count + 3 * within
    # A larger ratio shows all that a smaller one shows, and holds out the same.
    assert (
        rows(*few.batch(0, few.unique, 0)).items() <= rows(*many.batch(0, many.unique, 0)).items()
    )
    assert rows(*few.validation) == rows(*many.validation)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"kind": "addition"}, "composition"),
        ({"kind": "composition", "judged": "all"}, "judged"),
        ({"kind": "composition", "degree": 11}, "relations"),
        ({"kind": "comparison", "ratio": 100.0}, "a ratio above 0 and up to"),
        ({"kind": "composition", "apart": 1.0}, "share between 0 and 1"),
    ],
)
def test_what_makes_no_graph_is_refused_with_what_would(settings, says: str) -> None:
    with pytest.raises(BadOption, match=says):
        made(**settings)
