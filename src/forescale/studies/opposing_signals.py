"""Outliers that pull one feature both ways oscillate against each other once it is too sharp.

Source: Rosenfeld & Risteski 2023, "Outliers with Opposing Signals Have an Outsized Effect on Neural
Network Optimization".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds
from forescale.studies._live import need_torch
from forescale.studies._networks import descend

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float64]

EXAMPLES, FEATURES, OUTLIERS = 160, 20, 0.2
#: The outliers' feature, and the spread of the others about the labels' direction.
LARGE, SPREAD = 6.0, 0.5
LR, STEPS, START = 0.42, 48, 0.3
#: Steps that transients take to die out after the edge is crossed.
SETTLE = 2
#: Last steps, in which it is stable again.
SETTLED = 10
FOUND, APART, OFF, SHARPER = 0.9, -0.5, 0.1, 2.0


@dataclass(frozen=True)
class World:
    """What was seen in one run.

    Args:
        precision: Part of the examples found that were planted in the group they were found in.
        recall: Part of the planted ones that were found.
        edge: Sharpness times lr / 2 at each step, shape (STEPS,).
        losses: Mean loss of either group found, shape (STEPS, 2).
    """

    precision: float
    recall: float
    edge: Array
    losses: Array

    @property
    def sharpened(self) -> float:
        """Largest sharpness over that at the start."""
        return float(self.edge.max() / self.edge[0])

    @property
    def unstable(self) -> slice:
        """Steps past the edge until the groups' loss peaks."""
        first = int((self.edge > 1).argmax()) + SETTLE
        last = first + int(self.losses[first:].sum(1).argmax())
        return slice(first, max(last, first + 3))

    @property
    def apart(self) -> float:
        """Correlation of the groups' swings of loss, past the edge; 0 where one does not move."""
        moved = _swings(self.losses[self.unstable])
        still = len(moved) < 3 or not np.ptp(moved, axis=0).all()
        return 0.0 if still else float(np.asarray(np.corrcoef(moved.T))[0, 1])

    def growth(self, steps: slice) -> tuple[float, float]:
        """Growth of the oscillation a step, and what the sharpness says: |2 edge - 1|."""
        swing = np.abs(_swings(self.losses[:, 0] - self.losses[:, 1]))[steps]
        grown = float(np.polyfit(np.arange(len(swing)), np.log(swing), 1)[0])
        return float(np.exp(grown)), float(np.abs(2 * self.edge[steps] - 1).mean())


def _swings(losses: Array) -> Array:
    """Second differences over steps, in which slow drift is lost."""
    return np.asarray(np.diff(losses, n=2, axis=0))


def planted(rng: np.random.Generator, *, opposing: bool) -> tuple[Array, Array, Array]:
    """Inputs, labels of +-1, and the group of each: +1 or -1 for outliers, 0 for others.

    Outliers have one large feature. In group +1 its sign is the label's, in group -1 the other;
    where they do not oppose, it is the label's in both.

    Args:
        rng: Source of the examples.
        opposing: Whether the groups oppose.
    """
    y = rng.choice([-1.0, 1.0], EXAMPLES)
    way = rng.normal(size=FEATURES)
    x = SPREAD * rng.normal(size=(EXAMPLES, FEATURES)) + np.outer(y, way / np.linalg.norm(way))
    group = np.zeros(EXAMPLES)
    few = round(OUTLIERS * EXAMPLES)
    group[:few] = np.where(np.arange(few) % 2, -1, 1)
    feature = LARGE * y * (group if opposing else np.abs(group))
    return np.column_stack([x, feature]), y, group


def agreement(push: Array, group: Array) -> tuple[Array, float, float]:
    """Groups found from pushes, and their precision and recall against the planted ones.

    The probe's own count of outliers says how many are taken; which side is called +1 is open.

    Args:
        push: Pushes along the strongest direction, of norm 1, shape (n,).
        group: Planted groups, shape (n,).
    """
    count = round(1 / float((push**4).sum()))
    taken = np.argsort(-np.abs(push))[:count]
    found = np.zeros_like(push)
    found[taken] = np.sign(push[taken])
    hits = max(float((found * group == side).sum()) for side in (1, -1))
    return found, hits / count, hits / max(1.0, float((group != 0).sum()))


def run(rng: np.random.Generator, *, opposing: bool) -> World:
    """Find groups at the start, then train a linear network of two layers, watching sharpness."""
    import torch
    from torch import nn

    from forescale.probes import Batch, Sight, read
    from forescale.probes.opposing_signals import products, push

    x, y, group = planted(rng, opposing=opposing)
    batch = torch.from_numpy(x), torch.from_numpy(y)
    model = nn.Sequential(
        nn.Linear(x.shape[1], 1, bias=False), nn.Linear(1, 1, bias=False)
    ).double()
    with torch.no_grad():
        draw = rng.normal(size=(1, x.shape[1])) / np.sqrt(x.shape[1])
        model[0].weight.copy_(torch.from_numpy(START * draw))
        model[1].weight.fill_(START)

    def each() -> Tensor:
        return 0.5 * (model(batch[0])[:, 0] - batch[1]).square()

    def loss(out: Tensor, aim: Tensor) -> Tensor:
        return 0.5 * (out[:, 0] - aim).square().mean()

    sight = Sight(model, Batch(*batch), loss, {}, 0)
    dots = products(sight, torch.arange(len(y)), torch.Generator().manual_seed(0))
    found, precision, recall = agreement(push(dots)[1].numpy(), group)
    edges, losses = np.empty(STEPS), np.zeros((STEPS, 2))
    for step in range(STEPS):
        edges[step] = read("sharpness", model, batch, loss, lr=LR, steps=20).values["edge"]
        seen = each().detach().numpy()
        for column, side in enumerate((1, -1)):
            # A group that was not found moves nowhere.
            losses[step, column] = seen[found == side].mean() if (found == side).any() else 0.0
        descend(model, lambda: each().mean(), LR)
    return World(precision, recall, edges, losses)


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Hold the groups found against the planted ones, and their oscillation against sharpness."""
    need_torch()
    worlds = 40 if rerun else 5
    progress(f"{worlds} runs of {STEPS} steps")
    rng = np.random.default_rng([seed, 2311])
    seen = [run(rng, opposing=not falsified) for _ in range(worlds)]
    past = np.array([w.growth(w.unstable) for w in seen])
    late = np.array([w.growth(slice(STEPS - SETTLED, STEPS - 2)) for w in seen])
    return judge(
        {
            "precision": over_worlds(
                [w.precision for w in seen],
                mean,
                seed=seed,
                least=FOUND,
                what="part of the examples found that were planted in the group they were found in",
            ),
            "recall": over_worlds(
                [w.recall for w in seen], mean, seed=seed, what="part of the planted ones found"
            ),
            "sharpened": over_worlds(
                [w.sharpened for w in seen],
                seed=seed,
                least=SHARPER,
                what="largest sharpness over that at the start",
            ),
            "apart": over_worlds(
                [w.apart for w in seen],
                mean,
                seed=seed,
                most=APART,
                what="correlation of the groups' swings of loss from step to step past the edge",
            ),
            "growth": over_worlds(
                past[:, 0],
                seed=seed,
                least=1.0,
                what="growth a step of the difference of their losses, past the edge",
            ),
            "as_sharpness_says": over_worlds(
                past[:, 0] / past[:, 1],
                seed=seed,
                least=1 - OFF,
                most=1 + OFF,
                what="that growth over lr * sharpness - 1",
            ),
            "growth_below": over_worlds(
                late[:, 0],
                seed=seed,
                what=f"growth a step in the last {SETTLED}, after the spike",
            ),
        },
        f"simulation: {worlds} linear networks of two layers, {EXAMPLES} examples",
    )


STUDY = Study(
    name="opposing_signals",
    papers=(
        "Outliers with Opposing Signals Have an Outsized Effect on Neural Network Optimization",
    ),
    claim="Two groups of outliers that pull one strong feature opposite ways can be told from "
    "their gradients; as the rest is learned that feature sharpens, and past 2/lr the groups' "
    "losses swing against each other, faster the sharper it is.",
    criteria=f"Of the examples found at the start at least {FOUND:.0%} were planted in that group; "
    f"sharpness grows to {SHARPER:g} times that at the start; past 2/lr the swings of the groups' "
    f"losses correlate at {APART} or less and grow each step, within {OFF:.0%} by "
    "lr * sharpness - 1.",
    check=check,
    full="40 runs instead of 5",
    falsified="the outliers' feature has the label's sign in both groups: they pull one way",
    note="The model is the paper's, linear with two layers, squared loss and a feature that goes "
    "with the label in one group and against it in the other. Groups are found at the start: "
    "once the network is in the valley an outlier's gradient is mostly the noise of its other "
    "features, and no longer tells its group. The learning rate was set after looking at trial "
    "runs, so that the edge lies between the sharpness at the start and at the end.",
)
