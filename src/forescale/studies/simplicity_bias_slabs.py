"""A network relies on the simplest feature alone, though others tell as much.

Source: Shah et al. 2020, "The Pitfalls of Simplicity Bias in Neural Networks".
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from forescale.lab.tasks.slabs import draw, randomised
from forescale.studies import Number, Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds
from forescale.studies._mlp import Mlp

Array = NDArray[np.float64]

HIDDEN, BATCH, LR, TESTED = 64, 256, 3e-3, 2000
#: Share of examples in which the noisy simple feature says nothing: it is right in 95 of 100.
NOISE = 0.1
ACCURATE, CHANCE, LEARNABLE = 0.98, 0.55, 0.9


def accuracies(
    rng: np.random.Generator,
    *,
    worlds: int,
    dims: int,
    examples: int,
    steps: int,
    noise: float = 0.0,
    simple: bool = True,
    hidden_simple: bool = False,
) -> dict[str, Array]:
    """Test accuracy of trained networks as it is, and after randomising; each of shape (worlds,).

    Args:
        rng: Source of everything random.
        worlds: Data sets, and networks.
        dims: Coordinates.
        examples: Training examples in each world.
        steps: Training steps.
        noise: Share of examples whose simple coordinate says nothing.
        simple: Whether the first coordinate is simple.
        hidden_simple: Randomise the first coordinate in training: the others must do.

    Returns:
        By "none", "simple" and "complex": what was randomised among the test examples.
    """
    n = examples + TESTED
    drawn = [draw(rng, n, dims=dims, slabs=5, noise=noise, simple=simple) for _ in range(worlds)]
    x = np.stack([a for a, _ in drawn])
    y = np.stack([b for _, b in drawn])
    if hidden_simple:
        x = np.stack([randomised(rng, a, "simple") for a in x])
    net = Mlp([dims, HIDDEN, HIDDEN, 2], worlds, rng, LR, steps)
    each = np.arange(worlds)[:, None]
    seen = x[:, :examples].astype(np.float32)
    for _ in range(steps):
        rows = rng.integers(0, examples, (worlds, BATCH))
        net.step(seen[each, rows], y[each, rows], "cross_entropy")
    found = {}
    for which in ("none", "simple", "complex"):
        new = np.stack([randomised(rng, a, which) for a in x[:, examples:]])
        right = net(new.astype(np.float32)).argmax(2) == y[:, examples:]
        found[which] = np.asarray(right.mean(1))
    return found


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Train networks on slabs and randomise what they could rely on."""
    worlds, dims, examples, steps = (8, 50, 50_000, 4000) if rerun else (3, 10, 8000, 450)
    rng = np.random.default_rng([seed, 2006])
    trained = partial(accuracies, rng, worlds=worlds, dims=dims, examples=examples, steps=steps)
    progress(f"{worlds} networks with a simple feature")
    # In the false world the first coordinate is as hard as the others.
    found = trained(simple=not falsified)
    progress(f"{worlds} networks with a noisy simple feature")
    noisy = trained(simple=not falsified, noise=NOISE)
    progress(f"{worlds} networks that must do without it")
    without = trained(hidden_simple=True)

    def number(
        values: Array, what: str, least: float | None = None, most: float | None = None
    ) -> Number:
        return over_worlds(values, mean, seed=seed, what=what, least=least, most=most)

    return judge(
        {
            "as_is": number(found["none"], "test accuracy", least=ACCURATE),
            "simple_randomised": number(
                found["simple"], "the same, simple feature of other examples", most=CHANCE
            ),
            "complex_randomised": number(
                found["complex"], "the same, all complex features of other examples", least=ACCURATE
            ),
            "complex_alone": number(
                without["none"],
                "test accuracy of the same network where only complex features tell",
                least=LEARNABLE,
            ),
            "noisy_as_is": number(
                noisy["none"], f"test accuracy, simple feature right in {1 - NOISE / 2:.0%}"
            ),
            "noisy_simple_randomised": number(
                noisy["simple"], "the same, simple feature of other examples"
            ),
        },
        f"simulation: {3 * worlds} networks with two hidden layers of {HIDDEN}, {dims} "
        f"coordinates, {examples} examples each, {steps} steps of {BATCH}",
    )


STUDY = Study(
    name="simplicity_bias_slabs",
    papers=("The Pitfalls of Simplicity Bias in Neural Networks",),
    claim="Where one linear feature and many features of several slabs all tell the class, a "
    "network relies on the linear one alone.",
    criteria=f"Accuracy is {ACCURATE:.0%} or more, also with all complex features randomised; it "
    f"is {CHANCE:.0%} or less with the simple feature randomised, though the network learns "
    f"complex features to {LEARNABLE:.0%} or more where there is no other.",
    check=check,
    full="50 coordinates, 50000 examples, 4000 steps and 8 worlds instead of 10, 8000, 450 and 3",
    falsified="the first coordinate is of five slabs like the others: there is no simple feature",
    note="Every complex feature has five slabs. Randomised features are those of other test "
    "examples, so that each keeps its distribution, as in the paper. Where the simple feature is "
    "noisy, networks stay near the simple feature's own "
    "accuracy in the quick check and lean on complex ones after the full run's ten times as "
    "many steps: the bias is one of time too, and that number has no limit.",
)
