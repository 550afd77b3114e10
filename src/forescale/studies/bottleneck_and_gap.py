"""What a layer keeps beyond the class goes with the generalisation gap, size does not.

Source: Kawaguchi, Deng, Ji & Huang 2023, "How Does Information Bottleneck Help Deep Learning?".
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._digits import CLASSES, Split, digits
from forescale.studies._interval import mean, over_worlds
from forescale.studies._live import live
from forescale.studies.chaos_skill import rank_correlation

Array = NDArray[np.float64]

WIDTHS, DECAYS, STARTS = (8, 32), (0.0, 1.0, 5.0), (0.5, 1.0, 3.0)
EXAMPLES, LR, LAYER = 100, 0.02, "4"
WITHIN, AHEAD = 0.3, 0.3


class Recipe(NamedTuple):
    """A network of the zoo: width of both hidden layers, weight decay, initial scale."""

    width: int
    decay: float
    start: float

    @property
    def parameters(self) -> int:
        """How many it has; there are no biases."""
        return 64 * self.width + self.width**2 + CLASSES * self.width


ZOO = tuple(Recipe(*r) for r in itertools.product(WIDTHS, DECAYS, STARTS))


def train(torch: Any, splits: list[Split], steps: int, seed: int) -> list[list[Any]]:
    """The zoo on each split, trained side by side by Adam with decoupled decay.

    Narrow networks stand in wide arrays, their missing units held at zero.
    """
    recipes = [r for _ in splits for r in ZOO]
    generator = torch.Generator().manual_seed(seed)
    most = max(WIDTHS)

    def column(values: list[float]) -> Any:
        return torch.tensor(values)[:, None, None]

    width, start = (column([float(getattr(r, n)) for r in recipes]) for n in ("width", "start"))
    keep = 1 - LR / 10 * column([r.decay for r in recipes])
    alive = (torch.arange(most) < width).float()
    shapes = ((64, most), (most, most), (most, CLASSES))
    params = []
    for (a, b), fan in zip(shapes, (torch.tensor(64.0), width, width), strict=True):
        drawn = torch.randn((len(recipes), a, b), generator=generator)
        gain = 2.0 if b == most else 1.0
        params.append((start * drawn * (gain / fan) ** 0.5).requires_grad_())
    each = len(ZOO)
    x = torch.tensor(np.stack([s.x for s in splits])).repeat_interleave(each, 0)
    y = torch.tensor(np.stack([s.y for s in splits])).repeat_interleave(each, 0)
    optimizer = torch.optim.Adam(params, lr=LR, fused=True)
    loss = torch.nn.functional.cross_entropy
    for _ in range(steps):
        optimizer.zero_grad()
        h = (((x @ params[0]).relu() * alive) @ params[1]).relu() * alive
        logits = (h @ params[2]).flatten(0, 1)
        # The sum over networks of each one's mean.
        (loss(logits, y.flatten()) * len(recipes)).backward()
        optimizer.step()
        with torch.no_grad():
            for p in params:
                p.mul_(keep)
    networks = [
        _network(torch, [p[i].detach() for p in params], r.width) for i, r in enumerate(recipes)
    ]
    return [networks[i : i + each] for i in range(0, len(networks), each)]


def _network(torch: Any, weights: list[Any], width: int) -> Any:
    """One network of the zoo, as a module of its own."""
    first, second, last = weights
    cut = (first[:, :width], second[:width, :width], last[:width])
    layers: list[Any] = []
    for w in cut:
        layer = torch.nn.Linear(*w.shape, bias=False)
        layer.weight.data = w.T.contiguous()
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def within(values: Array, gap: Array) -> Array:
    """Rank correlation among networks of one width, the mean over widths, shape (splits,)."""
    parts = [np.array([r.width == w for r in ZOO]) for w in WIDTHS]
    return np.asarray(np.mean([rank_correlation(values[:, p], gap[:, p]) for p in parts], 0))


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Train a small zoo of digit classifiers; rank information and size against the gap."""
    torch = live()
    from forescale.probes import read

    worlds, steps = (12, 600) if rerun else (6, 120)
    rng = np.random.default_rng([seed, 2305])
    splits = [digits(rng, EXAMPLES) for _ in range(worlds)]
    progress(f"{worlds} zoos of {len(ZOO)} networks")
    kept, gap, right = (np.empty((worlds, len(ZOO))) for _ in range(3))
    loss = torch.nn.functional.cross_entropy
    zoos = train(torch, splits, steps, seed)
    for s, (networks, split) in enumerate(zip(zoos, splits, strict=True)):
        x, y, x_test, y_test = (torch.from_numpy(v) for v in split)
        for i, network in enumerate(networks):
            found = read("information_bottleneck", network, (x, y), layers=(LAYER,)).values
            kept[s, i] = found[f"conditional/{LAYER}"]
            with torch.no_grad():
                seen = network(x)
                gap[s, i] = loss(network(x_test), y_test) - loss(seen, y)
                right[s, i] = (seen.argmax(1) == y).double().mean()
        if falsified:
            # Each network is given the gap of another one.
            gap[s] = rng.permutation(gap[s])
    size = np.tile([float(r.parameters) for r in ZOO], (worlds, 1))
    by_information, by_size = rank_correlation(kept, gap), rank_correlation(size, gap)
    return judge(
        {
            "within_width": over_worlds(
                within(kept, gap),
                mean,
                seed=seed,
                least=WITHIN,
                what="rank correlation of I(X; Z | Y) and the gap, networks of one size",
            ),
            "ahead_of_size": over_worlds(
                by_information - by_size,
                mean,
                seed=seed,
                least=AHEAD,
                what="rank correlation over the zoo, of I(X; Z | Y) less of the parameter count",
            ),
            "information": over_worlds(
                by_information, mean, seed=seed, what="rank correlation of I(X; Z | Y) and the gap"
            ),
            "size": over_worlds(
                by_size, mean, seed=seed, what="rank correlation of parameters and the gap"
            ),
            "train_accuracy": over_worlds(right.mean(1), mean, seed=seed, what="mean over the zoo"),
        },
        f"scikit-learn's digits, {worlds} splits with {EXAMPLES} training examples, {len(ZOO)} "
        f"networks each, {steps} steps",
    )


STUDY = Study(
    name="bottleneck_and_gap",
    papers=("How Does Information Bottleneck Help Deep Learning?",),
    claim="Networks that keep less about their inputs beyond the class generalise with a smaller "
    "gap, which their number of parameters does not tell.",
    criteria=f"I(X; Z | Y) before the last layer and the gap in loss have a rank correlation of "
    f"{WITHIN} or more among networks of one size, and over all sizes one higher than that of the "
    f"parameter count by {AHEAD} or more.",
    check=check,
    full="12 splits and 600 steps instead of 6 and 120",
    falsified="each network is given the gap of another one of its zoo",
    note="Correlations are signed, as the bounds are: here larger networks have smaller gaps, so "
    "that the parameter count goes the wrong way. Information with noise depends on the noise: "
    "half of the layer's spread is used, set after looking, as were the zoo's decays and initial "
    "scales; a tenth separates every example and tells nothing. The zoo varies width, decay and "
    "initial scale on one data set; the bound itself is not computed.",
)
