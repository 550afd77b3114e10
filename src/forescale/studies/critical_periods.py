"""What a source misses early another learns for good, the more so the deeper the network.

Source: Kleinman, Achille & Soatto 2023, "Critical Learning Periods Emerge Even in Deep Linear
Networks". Two linear pathways of the same depth add up to one map. From balanced decoupled
weights, the strength K = u^depth of a mode in either follows du/dt = u^(depth - 1) (s - K_a - K_b):
what one has learned, the other need not. During a deficit one pathway stands still.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.lab.worlds.deep_linear import orthogonal
from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, median, over_worlds
from forescale.studies.deep_linear_dynamics import descend, maps

Array = NDArray[np.float64]

DEPTHS = (1, 2, 3, 5)
WIDTH, START, JITTER = 6, 0.01, 0.05
#: Step of descent times the depth.
STEP = 0.06
#: Times are parts of the time at which an undisturbed pair has learned half of a mode of one.
WINDOW, ONSETS, END = 0.1, {"none": np.inf, "early": 0.0, "late": 2.0}, 3.0
OFF, WORSE, GROWS = 0.03, 0.02, 0.05


def speed(u: Array, s: Array, depth: int, learns: Array) -> Array:
    """Velocity of both pathways' layers.

    Args:
        u: Strength of one layer, shape (2, ..., modes).
        s: Singular values, shape (modes,) or as one pathway.
        depth: Layers of a pathway.
        learns: Whether each pathway learns, broadcast to u.
    """
    return np.asarray(learns * u ** (depth - 1) * (s - (u**depth).sum(0)))


def forward(u: Array, s: Array, depth: int, learns: Array, dt: float) -> Array:
    """The layers a time dt later, by one step of Runge and Kutta's of fourth order."""
    a = speed(u, s, depth, learns)
    b = speed(u + dt / 2 * a, s, depth, learns)
    c = speed(u + dt / 2 * b, s, depth, learns)
    d = speed(u + dt * c, s, depth, learns)
    return np.asarray(u + dt / 6 * (a + 2 * b + 2 * c + d))


def half_time(depth: int) -> float:
    """Time at which two equal pathways together have learned half of a mode of one."""
    u, dt, s, both = np.full((2, 1), START ** (1 / depth)), STEP / depth, np.ones(1), np.ones(2)
    time, before = 0.0, 0.0
    while (now := float((u**depth).sum())) < 0.5:
        before, u, time = now, forward(u, s, depth, both[:, None], dt), time + dt
    return time - dt * (now - 0.5) / (now - before)


def grown(
    rng: np.random.Generator, depth: int, worlds: int, rivals: bool = True
) -> tuple[Array, Array]:
    """Strengths in the deprived pathway at the end, and the largest error of the ODE.

    Args:
        rng: Source of the targets and the weights.
        depth: Layers of a pathway.
        worlds: Independent targets and starts.
        rivals: Whether the two learn one sum; otherwise each has the whole target to itself.

    Returns:
        Parts of the singular values, shape (worlds, deficits, WIDTH), and the largest distance
        between descent and ODE of any mode of the deprived pathway, shape (worlds,).
    """
    deficits = len(ONSETS)
    s = rng.uniform(0.8, 1.2, (worlds, 1, WIDTH))
    u = (START * s * np.exp(JITTER * rng.normal(size=(2, worlds, 1, WIDTH)))) ** (1 / depth)
    left, right = (np.stack([orthogonal(rng, WIDTH) for _ in range(worlds)]) for _ in range(2))
    target = np.repeat((right * s) @ left.swapaxes(1, 2), deficits, 0)
    paths = []
    for size in u:
        inner = [
            np.stack([orthogonal(rng, WIDTH) for _ in range(worlds)]) for _ in range(depth - 1)
        ]
        bases = [left, *inner, right]
        layers = [(bases[i + 1] * size) @ bases[i].swapaxes(1, 2) for i in range(depth)]
        paths.append(np.repeat(np.stack(layers), deficits, 1))

    def strengths(map_: Array) -> Array:
        each = map_.reshape(worlds, deficits, WIDTH, WIDTH)
        return np.asarray(
            ((right.swapaxes(1, 2)[:, None] @ each) * left.swapaxes(1, 2)[:, None]).sum(3)
        )

    lr, unit = STEP / depth, half_time(depth)
    ode = np.repeat(u, deficits, 2)
    onset = np.array(list(ONSETS.values())) * unit
    worst = np.zeros(worlds)
    for step in range(int(END * unit / lr)):
        learns = (step * lr < onset) | (step * lr >= onset + WINDOW * unit)
        rate = np.asarray(lr * np.tile(learns, worlds)[:, None, None], float)
        a, b = (maps(p) for p in paths)
        if step % 8 == 0:
            worst = np.maximum(worst, np.abs(strengths(b) - ode[1] ** depth).max((1, 2)))
        paths = [
            descend(paths[0], target - rivals * b, np.full((1, 1, 1), lr)),
            descend(paths[1], target - rivals * a, rate),
        ]
        both = np.stack([np.ones(deficits), learns])[:, None, :, None]
        ode = forward(ode, s, depth, both, lr)
    return strengths(maps(paths[1])) / s, worst


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Deprive one of two pathways early, late and never, at several depths."""
    worlds = 60 if rerun else 8
    rng = np.random.default_rng([seed, 2308])
    off, cost = np.empty((len(DEPTHS), worlds)), np.empty((len(DEPTHS), 2, worlds))
    for i, depth in enumerate(DEPTHS):
        progress(f"{worlds} worlds of {depth} layers")
        part, off[i] = grown(rng, depth, worlds, not falsified)
        end = part.mean(2)
        cost[i] = (1 - end[:, 1:] / end[:, :1]).T
    early, late = cost[:, 0], cost[:, 1]
    return judge(
        {
            "off_ode": over_worlds(
                off.max(0),
                median,
                seed=seed,
                most=OFF,
                what="largest distance of a mode's course from the ODE, part of one, any depth",
            ),
            "early_over_late": over_worlds(
                (early - late).min(0),
                mean,
                seed=seed,
                least=WORSE,
                what="cost of an early deficit less that of a late one, at the depth of least",
            ),
            "growth": over_worlds(
                np.diff(early, axis=0).min(0),
                mean,
                seed=seed,
                least=GROWS,
                what="cost of an early deficit less that at the next smaller depth, at the least",
            ),
            **{
                f"early_{depth}": over_worlds(
                    early[i],
                    mean,
                    seed=seed,
                    what=f"part of the deprived pathway's final strength lost, {depth} layers",
                )
                for i, depth in enumerate(DEPTHS)
            },
            f"late_{DEPTHS[-1]}": over_worlds(
                late[-1],
                mean,
                seed=seed,
                what=f"the same for a late deficit, {DEPTHS[-1]} layers",
            ),
        },
        f"simulation: {worlds} pairs of linear pathways of width {WIDTH} at each of "
        f"{len(DEPTHS)} depths, each deprived early, late and never",
    )


STUDY = Study(
    name="critical_periods",
    papers=("Critical Learning Periods Emerge Even in Deep Linear Networks",),
    claim="Even in linear networks, a source that is shut off early ends weaker than one shut "
    "off late, the more so the deeper the network, as the competition of two sources says.",
    criteria=f"Descent keeps within {OFF:.0%} of the ODE; an early deficit costs the source at "
    f"least {WORSE} more of its final strength than a late one at every depth, and at least "
    f"{GROWS} more at each depth than at the one before (depths {DEPTHS}).",
    check=check,
    full="60 worlds a depth instead of 8",
    falsified="each pathway has the whole target to itself: no competition, nothing is lost for "
    "good",
    note="A deficit lasts a tenth of the time in which an undisturbed pair learns half of a mode "
    "of one at that depth, so that deep networks are not hurt more for being slow; a late one "
    "starts at twice that time. As in the authors' code the deprived pathway stands still and "
    "its output is still seen. Were it silenced, the other would learn to fill in for it even "
    "late, and late deficits would cost something too. What is lost is the source's own part: "
    "the two together still learn the map. The paper's second half, on matrix completion, is "
    "not tested.",
)
