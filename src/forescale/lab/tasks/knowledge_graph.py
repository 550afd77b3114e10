"""Facts of a random graph of entities, and facts that follow from two of them.

Atomic facts are all shown. Of the facts that follow, only some of those whose two atomic facts
are both "inside" are shown: the others of them ask whether the rule was found, and those whose
atomic facts are both "outside" ask whether it is used on facts that were never seen to combine.

"composition" follows two relations: head, relation, relation -> the entity two hops away.
"comparison" holds two entities' values of an attribute against each other: attribute, entity,
entity -> smaller, equal or larger. The attribute comes first, before its value is asked, too: a
model that sees only what came before can then look a value up where the entity stands, by the
same parts in both kinds of question. With the attribute last, a small model guessed outside.

Source: Wang et al. 2024, "Grokked Transformers are Implicit Reasoners: A Mechanistic Journey to
the Edge of Generalization".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.lab._io import Tokens
from forescale.lab.tasks._contract import Data, Task, fixed_set

Array = NDArray[np.int64]

KINDS = ("composition", "comparison")
#: What validates: facts that are trained on, atomic or following, or those that are not.
JUDGED = ("atomic", "shown", "inside", "outside")


@dataclass(frozen=True)
class Facts:
    """Rows of three tokens and the answer.

    Args:
        atomic: All atomic facts, shape (n, 4).
        inside: Facts that follow from two atomic ones inside, in a random order.
        outside: Facts that follow from two atomic ones outside.
        within: Atomic facts inside.
        vocab: Tokens there are.
    """

    atomic: Array
    inside: Array
    outside: Array
    within: int
    vocab: int


def composition(
    entities: int, relations: int, degree: int, apart: float, rng: np.random.Generator
) -> Facts:
    """A graph whose entities each have `degree` relations to others, and its paths of two hops."""
    # tail[h, r] is -1 where h has no relation r.
    tail = np.full((entities, relations), -1)
    for row in tail:
        has = rng.choice(relations, degree, replace=False)
        row[has] = rng.integers(0, entities, degree)
    head, relation = np.nonzero(tail >= 0)
    out = np.zeros(tail.shape, bool)
    drawn = rng.permutation(len(head))[: round(apart * len(head))]
    out[head[drawn], relation[drawn]] = True
    one = entities + relations
    atomic = np.stack([head, entities + relation, np.full(len(head), one), tail[tail >= 0]], 1)
    # Every atomic fact, continued by every relation that its tail has.
    bridge = atomic[:, 3]
    first, second = np.nonzero(tail[bridge] >= 0)
    follows = np.stack(
        [
            head[first],
            entities + relation[first],
            entities + second,
            tail[bridge[first], second],
        ],
        1,
    )
    a, b = out[head[first], relation[first]], out[bridge[first], second]
    return Facts(
        atomic=atomic,
        inside=rng.permutation(follows[~a & ~b]),
        outside=follows[a & b],
        within=int((~out[head, relation]).sum()),
        vocab=one + 1,
    )


def comparison(
    entities: int, attributes: int, values: int, apart: float, rng: np.random.Generator
) -> Facts:
    """Entities with a value of every attribute, and every two of them held against each other."""
    value = rng.integers(0, values, (entities, attributes))
    out = np.zeros(value.shape, bool)
    out.ravel()[rng.permutation(value.size)[: round(apart * value.size)]] = True
    # Entities, attributes, the mark of an atomic fact, values, and the three answers.
    one = entities + attributes
    e, a = (i.ravel() for i in np.indices(value.shape))
    atomic = np.stack([entities + a, e, np.full(e.size, one), one + 1 + value.ravel()], 1)
    left, right, which = (i.ravel() for i in np.indices((entities, entities, attributes)))
    said = one + 1 + values + 1 + np.sign(value[left, which] - value[right, which])
    follows = np.stack([entities + which, left, right, said], 1)[left != right]
    x, y = (out[side, which][left != right] for side in (left, right))
    return Facts(
        atomic=atomic,
        inside=rng.permutation(follows[~x & ~y]),
        outside=follows[x & y],
        within=int((~out).sum()),
        vocab=one + 1 + values + 3,
    )


def make(
    *,
    kind: str,
    entities: int,
    relations: int,
    degree: int,
    values: int,
    apart: float,
    ratio: float,
    held: int,
    judged: str,
    draw: int,
) -> Data:
    """The facts.

    Args:
        kind: "composition" of two relations, or "comparison" of two entities' attributes.
        entities: Entities of the graph.
        relations: Relations there are, or attributes.
        degree: Relations that each entity has; of composition.
        values: Values of an attribute; of comparison.
        apart: Share of the atomic facts that are outside.
        ratio: Facts shown that follow, per atomic fact inside.
        held: Facts that follow inside and are not shown, and facts outside, that validate; of
            the latter fewer where there are no more.
        judged: What validates: "atomic" facts, which are all trained on; as many that follow and
            are "shown"; those held out "inside"; or those "outside".
        draw: Seed of the graph.

    Raises:
        BadOption: If a setting makes no graph, or there are not so many facts.
    """
    import torch

    if kind not in KINDS:
        raise BadOption(f"no kind '{kind}'", fix=f"one of {', '.join(KINDS)}")
    if judged not in JUDGED:
        raise BadOption(f"judged is '{judged}'", fix=f"one of {', '.join(JUDGED)}")
    if entities < 2 or not 1 <= degree <= relations or values < 2 or not 0 < apart < 1:
        raise BadOption(
            f"{entities} entities, {degree} of {relations} relations each, {values} values, a "
            f"share of {apart:g} apart",
            fix="give 2 entities and values or more, at most as many relations to an entity as "
            "there are, and a share between 0 and 1",
        )
    if kind == "composition":
        facts = composition(entities, relations, degree, apart, np.random.default_rng([draw, 0]))
    else:
        facts = comparison(entities, relations, values, apart, np.random.default_rng([draw, 1]))
    shown = round(ratio * facts.within)
    if held < 1 or shown < 1 or held + shown > len(facts.inside) or not len(facts.outside):
        most = (len(facts.inside) - held) / facts.within
        raise BadOption(
            f"{shown} facts shown that follow and {held} held out; there are {len(facts.inside)} "
            f"inside and {len(facts.outside)} outside",
            fix=f"a ratio above 0 and up to {most:.2f}, or more entities or relations",
        )
    # What is held out comes first: a larger ratio shows all that a smaller one shows.
    following = facts.inside[held : held + shown]
    rows = {
        "atomic": facts.atomic,
        "shown": following[:held],
        "inside": facts.inside[:held],
        "outside": facts.outside[:held],
    }[judged]
    train, test = (
        torch.from_numpy(np.ascontiguousarray(r))
        for r in (np.concatenate([facts.atomic, following]), rows)
    )
    return Data(
        io=Tokens(vocab=facts.vocab, context=3, targets="last"),
        loss="cross_entropy",
        batch=fixed_set(train[:, :3], train[:, 3]),
        validation=(test[:, :3], test[:, 3]),
        unique=len(train),
        floor=0.0,
    )


TASK = Task(
    name="knowledge_graph",
    what="Facts of a random graph, and facts that follow from two of them: two hops, or a "
    "comparison.",
    source="Wang et al. 2024, Grokked Transformers are Implicit Reasoners: A Mechanistic Journey "
    "to the Edge of Generalization",
    make=make,
    settings={
        "kind": "composition",
        "entities": 40,
        "relations": 8,
        "degree": 8,
        "values": 8,
        "apart": 0.2,
        "ratio": 5.0,
        "held": 200,
        "judged": "inside",
        "draw": 0,
    },
)
