"""Early in training gradients of examples agree where labels are real, not where they are random.

Source: Chatterjee & Zielinski 2022, "On the Generalization Mystery in Deep Learning".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._digits import CLASSES, digits
from forescale.studies._interval import mean, over_worlds
from forescale.studies._live import need_torch
from forescale.studies._networks import dense, descend

Array = NDArray[np.float64]

EXAMPLES, WIDTH, LR = 256, 64, 0.1
#: Steps at which coherence is read: early ones, and one at which real labels are mostly learned.
EARLY, LATE = (5, 10, 20), 80
RATIO, NONE = 3.0, 1.5


def spoiled(rng: np.random.Generator, labels: NDArray[np.int64], part: float) -> NDArray[np.int64]:
    """Labels of which a part is permuted among themselves.

    Args:
        rng: Source of the choice.
        labels: Shape (n,).
        part: Part that is permuted.
    """
    new = labels.copy()
    at = rng.permutation(len(labels))[: round(part * len(labels))]
    new[at] = labels[rng.permutation(at)]
    return new


def coherence(seed: int, x: NDArray[np.float32], y: NDArray[np.int64]) -> Array:
    """Examples that one example's step helps, at each step of EARLY and at LATE.

    Args:
        seed: Seed of the weights.
        x: Images, shape (n, pixels).
        y: Labels, shape (n,).
    """
    import torch
    from torch.nn.functional import cross_entropy

    from forescale.probes import read

    model = dense((x.shape[1], WIDTH, WIDTH, CLASSES), seed)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    found = []
    for step in range(LATE + 1):
        if step in (*EARLY, LATE):
            seen = read("gradient_coherence", model, (inputs, targets), cross_entropy)
            found.append(seen.values["m_coherence"])
        descend(model, lambda: cross_entropy(model(inputs), targets), LR)
    return np.array(found)


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Train on real and on permuted labels of the same images; compare coherence."""
    need_torch()
    worlds = 20 if rerun else 4
    parts = (0.0, 0.25, 0.5, 0.75, 1.0) if rerun else (0.0, 1.0)
    rng = np.random.default_rng([seed, 2203])
    found = np.empty((len(parts), worlds, len(EARLY) + 1))
    for world in range(worlds):
        progress(f"networks on {len(parts)} sets of labels, world {world}")
        data = digits(rng, EXAMPLES)
        weights = int(rng.integers(2**31))
        for i, part in enumerate(parts):
            # In the false world what is called real is permuted too.
            y = spoiled(rng, data.y, 1.0 if falsified else part)
            found[i, world] = coherence(weights, data.x, y)
    early, late = found[:, :, :-1].mean(-1), found[:, :, -1]

    return judge(
        {
            "ratio": over_worlds(
                early[0] / early[-1],
                mean,
                seed=seed,
                least=RATIO,
                what="m-coherence early in training, real labels over random ones",
            ),
            "random": over_worlds(
                early[-1],
                mean,
                seed=seed,
                unit="examples",
                most=NONE,
                what="m-coherence early in training on random labels; orthogonal gradients show 1",
            ),
            **{
                f"spoiled_{part:g}": over_worlds(
                    early[i],
                    mean,
                    seed=seed,
                    unit="examples",
                    what=f"the same with {part:.0%} of the labels permuted",
                )
                for i, part in enumerate(parts[:-1])
            },
            "late": over_worlds(
                late[0] / early[0],
                mean,
                seed=seed,
                what=f"m-coherence at step {LATE} over that early, real labels",
            ),
        },
        f"scikit-learn's digits, {worlds} splits with {EXAMPLES} training examples",
    )


STUDY = Study(
    name="gradient_coherence",
    papers=("On the Generalization Mystery in Deep Learning",),
    claim="Early in training one example's gradient step helps many others where labels are real, "
    "and none but itself where they are random.",
    criteria=f"In the mean over steps {', '.join(map(str, EARLY))}, m-coherence of {EXAMPLES} "
    f"examples is at least {RATIO:g} times as large on real labels as on random ones, where it is "
    f"at most {NONE}.",
    check=check,
    full="20 splits instead of 4, and labels of which a quarter, a half or three are permuted",
    falsified="the labels that are called real are permuted as well",
    note="The ratio grows with the number of examples: m-coherence of random labels stays at 1, "
    "that of real ones grows in proportion. It is of early steps: as real labels are learned their "
    "coherence falls. The steps and the learning rate were set after looking at trial runs.",
)
