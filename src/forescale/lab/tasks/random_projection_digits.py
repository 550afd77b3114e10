"""Digits as another sees them: a few labelled ones are shown, and one more must be told.

A task is a linear map of the images, drawn at random, and a permutation of the labels; what it
does is told by its examples alone. With few tasks they can be learnt by heart, with many the
examples must be learnt from as they are read. The first so many tasks train, so that fewer tasks
are a subset of more; others validate.

Source: Kirsch et al. 2022, "General-Purpose In-Context Learning by Meta-Learning Transformers".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.lab._io import Vectors
from forescale.lab.tasks import digits
from forescale.lab.tasks._contract import Data, Task

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float32]
Index = NDArray[np.int64]

#: Pixels of an image after pooling, 4 x 4, and what brings their mean square near one.
POOLED, SCALE = 16, 1.25
DIGITS = 10
#: Tasks that are kept as a table, 64 MiB of them.
MOST = 1 << 16
#: Seeds of the tasks that train, of those that validate, and of a stream of new ones.
SEEN, UNSEEN, FRESH = 1, 2, 3


def images(classes: int, *, held: bool) -> tuple[Array, Index]:
    """Images of the first classes, pooled and scaled, shape (n, 16), and their labels.

    Args:
        classes: How many digits, from 0.
        held: Those that the task `digits` validates on, or the others.

    Raises:
        MissingExtra: If scikit-learn is not installed.
    """
    whole = digits.TASK.data()
    x, y = whole.validation if held else whole.batch(0, whole.unique or 0, 0)
    pooled = x.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, POOLED).numpy()
    some = y.numpy() < classes
    return (SCALE * pooled[some]).astype(np.float32), y.numpy()[some]


def worlds(n: int, classes: int, seed: list[int]) -> tuple[Array, Index]:
    """Maps of the images, shape (n, 16, 16), and permutations of the labels, (n, classes).

    The first rows do not depend on how many there are.
    """
    maps = np.random.default_rng([*seed, 0]).normal(size=(n, POOLED, POOLED)) / POOLED**0.5
    order = np.random.default_rng([*seed, 1]).random((n, classes)).argsort(1)
    return maps.astype(np.float32), order


def sequences(
    pool: tuple[Array, Index],
    known: tuple[Array, Index] | None,
    n: int,
    length: int,
    classes: int,
    seed: list[int],
) -> tuple[Array, Index]:
    """Examples of one task after the other, shapes (n, length, 16) and (n, length).

    Args:
        pool: Images and labels to draw from.
        known: Maps and permutations that a sequence's task is drawn from; None for a new one each.
        n: Sequences.
        length: Examples in one.
        classes: Labels there are.
        seed: Seed of all that is drawn.
    """
    rng = np.random.default_rng([*seed, 2])
    if known is None:
        maps, orders = worlds(n, classes, [*seed, FRESH])
    else:
        which = rng.integers(0, len(known[0]), n)
        maps, orders = known[0][which], known[1][which]
    shown = rng.integers(0, len(pool[1]), (n, length))
    return pool[0][shown] @ maps, np.take_along_axis(orders, pool[1][shown], 1)


def flat(x: Array, y: Index, classes: int) -> tuple[Array, Index]:
    """Each sequence as one vector that leaves out its last label, and that label."""
    said = (y[:, :-1, None] == np.arange(classes)).astype(np.float32)
    shown = np.concatenate([x[:, :-1], said], 2).reshape(len(x), -1)
    return np.concatenate([shown, x[:, -1]], 1), y[:, -1]


def make(
    *, tasks: int, classes: int, shown: int, judged: str, images_of: str, validation: int
) -> Data:
    """The sequences, each one vector: shown images and labels (one-hot) by turns, and the query.

    Args:
        tasks: Tasks that are trained on; 0 for a new one in every sequence.
        classes: Digits told apart, from 0.
        shown: Examples with their labels before the one that is asked for.
        judged: Tasks that validate: "seen" in training or "unseen".
        images_of: Images that validate: "seen" in training or "unseen".
        validation: Sequences that validate.

    Raises:
        BadOption: If there are no such tasks, classes or sets.
        MissingExtra: If scikit-learn is not installed.
    """
    import torch

    if not 0 <= tasks <= MOST or shown < 0:
        raise BadOption(
            f"{tasks} tasks, {shown} examples shown",
            fix=f"give 0 to {MOST} tasks (0: a new one each time), 0 examples or more",
        )
    if judged == "seen" and not tasks:
        raise BadOption("none of the tasks is seen twice", fix="judge unseen ones, or give tasks")
    if not 2 <= classes <= DIGITS:
        raise BadOption(f"{classes} classes", fix=f"give 2 to {DIGITS}")
    for said in (judged, images_of):
        if said not in {"seen", "unseen"}:
            raise BadOption(f"no set '{said}'", fix="seen or unseen")
    trained, held = (images(classes, held=h) for h in (False, True))
    known = worlds(tasks, classes, [SEEN]) if tasks else None

    def as_tensors(x: Array, y: Index) -> tuple[Tensor, Tensor]:
        inputs, targets = flat(x, y, classes)
        return torch.from_numpy(inputs), torch.from_numpy(targets)

    def batch(step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        return as_tensors(*sequences(trained, known, size, shown + 1, classes, [1, seed, step]))

    pool = held if images_of == "unseen" else trained
    judges = known if judged == "seen" else worlds(validation, classes, [UNSEEN])
    return Data(
        io=Vectors(inputs=shown * (POOLED + classes) + POOLED, outputs=classes),
        loss="cross_entropy",
        batch=batch,
        validation=as_tensors(*sequences(pool, judges, validation, shown + 1, classes, [0])),
    )


TASK = Task(
    name="random_projection_digits",
    what="Digits under a random map of pixels and labels, told from a few examples of the task.",
    source="Kirsch et al. 2022, General-Purpose In-Context Learning by Meta-Learning Transformers",
    make=make,
    settings={
        "tasks": 256,
        "classes": 5,
        "shown": 20,
        "judged": "unseen",
        "images_of": "unseen",
        "validation": 1024,
    },
)
