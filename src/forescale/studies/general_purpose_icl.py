"""With more tasks a network learns them by heart, then tells them apart, then learns from examples.

Source: Kirsch et al. 2022, "General-Purpose In-Context Learning by Meta-Learning Transformers".
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from forescale.errors import MissingExtra
from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds
from forescale.studies._live import need_torch
from forescale.studies._recorded import simulated

Array = NDArray[np.float64]

#: Tasks trained on, each four times as many as the last; the rung on which they are told apart.
TASKS, APART, SEEDS = (1, 4, 16, 64, 256, 1024), 64, 3
CLASSES, SHOWN, BATCH, STEPS, LR = 5, 20, 16, 600, 0.003
#: Sequences judged, and tasks never trained on that they come from.
JUDGED, OTHERS = 512, 256
#: Right answers for tasks trained on with no example and with all, on new images; on the images
#: trained on; for other tasks on new images.
COLUMNS = ("tasks", "seed", "seen_first", "seen", "seen_images", "unseen_first", "unseen")
BY_HEART, NOT, HELP, LEARNT, GAP, SHARP = 0.9, 0.3, 0.1, 0.55, 0.1, 0.5


def measured(seed: int) -> Iterator[tuple[float, ...]]:
    """Rows of `COLUMNS`, a network each.

    Raises:
        MissingExtra: If torch or scikit-learn is not installed.
    """
    need_torch(MissingExtra)
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for tasks in TASKS:
            for s in range(SEEDS):
                yield tasks, SEEDS * seed + s, *trained(tasks, SEEDS * seed + s, STEPS)
    finally:
        torch.set_num_threads(threads)


def trained(tasks: int, seed: int, steps: int) -> list[float]:
    """The shares of `COLUMNS` for one network.

    Args:
        tasks: Tasks trained on.
        seed: Seed of tasks, weights and sequences.
        steps: Steps of training.
    """
    from forescale.lab.tasks import random_projection_digits as source
    from forescale.studies._in_context import Reader, fit, right

    shown, new = (source.images(CLASSES, held=held) for held in (False, True))
    known = source.worlds(tasks, CLASSES, [source.SEEN, seed])
    others = source.worlds(OTHERS, CLASSES, [source.UNSEEN, seed])
    reader, length = Reader(source.POOLED, CLASSES, seed), SHOWN + 1
    batches = (
        source.sequences(shown, known, BATCH, length, CLASSES, [1, seed, step])
        for step in range(steps)
    )
    fit(reader, batches, steps, LR)
    shares: list[float] = []
    for images, tasks_of, places in (
        (new, known, (0, SHOWN)),
        (shown, known, (SHOWN,)),
        (new, others, (0, SHOWN)),
    ):
        judged = source.sequences(images, tasks_of, JUDGED, length, CLASSES, [0, seed])
        shares += right(reader, judged, places)
    return shares


def steepest(unseen: Array) -> Array:
    """Part of the whole rise that the steepest step of the ladder makes, shape (worlds,).

    Args:
        unseen: Shares, shape (worlds, ladder).
    """
    return np.asarray(np.diff(unseen, axis=1).max(1) / (unseen[:, -1] - unseen[:, 0]))


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Right answers with and without examples, for seen and unseen tasks, along the ladder."""
    table, data = simulated(
        "general_purpose_icl",
        COLUMNS,
        measured,
        what="networks",
        rerun=rerun,
        seed=seed,
        progress=progress,
    )
    ladder = np.unique(table["tasks"])
    # A row a seed, a column a number of tasks.
    order = np.lexsort((table["tasks"], table["seed"]))
    if falsified:
        order = np.random.default_rng([seed, 2212]).permutation(order)
    at = {c: table[c][order].reshape(-1, len(ladder)) for c in COLUMNS[2:]}
    names = [f"{int(count)}" for count in ladder]
    few, middle, many = names[0], str(APART), names[-1]
    numbers = {}
    for k, name in enumerate(names):
        numbers[f"first_{name}"] = over_worlds(
            at["seen_first"][:, k],
            mean,
            seed=seed,
            least=BY_HEART if name == few else None,
            what=f"right answers with no example shown, tasks trained on, of which {name}",
        )
        numbers[f"help_{name}"] = over_worlds(
            (at["seen"] - at["seen_first"])[:, k],
            mean,
            seed=seed,
            least=HELP if name == middle else None,
            most=HELP if name == few else None,
            what=f"right answers more with {SHOWN} examples shown, the same {name} tasks",
        )
        numbers[f"unseen_{name}"] = over_worlds(
            at["unseen"][:, k],
            mean,
            seed=seed,
            least=LEARNT if name == many else None,
            most=NOT if name in {few, middle} else None,
            what=f"right answers with {SHOWN} examples, tasks never trained on, after {name}",
        )
    numbers["gap"] = over_worlds(
        (at["seen"] - at["unseen"])[:, -1],
        mean,
        seed=seed,
        most=GAP,
        what=f"right answers more for tasks trained on than for others, of {many} tasks",
    )
    numbers["steepest"] = over_worlds(
        steepest(at["unseen"]),
        mean,
        seed=seed,
        least=SHARP,
        what="part of the whole rise for unseen tasks made by one step of the ladder",
    )
    return judge(numbers, data)


STUDY = Study(
    name="general_purpose_icl",
    papers=("General-Purpose In-Context Learning by Meta-Learning Transformers",),
    claim="As the number of tasks grows a network first knows them by heart, then tells from "
    "examples which one it is, then learns from examples a task it never saw; the last change is "
    "sharp in the logarithm of the number.",
    criteria=f"With 1 task {BY_HEART:.0%} or more is right with no example and examples add "
    f"{HELP:.0%} of the answers at most; with {APART} they add as much or more; with either, "
    f"unseen tasks stay at {NOT:.0%} or less (chance 20%). With 1024 unseen tasks reach "
    f"{LEARNT:.0%} or more, within {GAP:.0%} of seen ones. One step of the ladder, four times the "
    f"tasks, makes {SHARP:.0%} of the rise or more.",
    check=check,
    full=f"trains {len(TASKS) * SEEDS} networks again, minutes",
    falsified="the numbers of tasks are dealt out anew among the networks",
    note="Five of the ten 8 x 8 digits, pooled to 16 numbers, 20 examples, a network of 70,000 "
    "weights, where the paper has MNIST, 100 examples and a large transformer: its changes come "
    "at more tasks. Examples enter with image and label in one place and do not read each other, "
    "so the long plateau before learning from examples is not seen here. A task's images tell it "
    "too: examples help a network that knows tasks by heart only where there are too many for "
    "one image to tell. Rate, steps and limits were set after looking at single networks of each "
    "kind. The number of tasks alone is varied, not the size of the network.",
)
