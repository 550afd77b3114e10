"""The future of a chaotic flow from a window of its past.

Time is counted in Lyapunov times, in which a small error grows by e: forecasts so many steps
ahead are equally hard in all systems by that measure. Trajectories are integrated with the
classical Runge-Kutta method at steps small against the flow; training and validation come from
different ones. There is no noise, so no loss is too small.

Source: Gilpin 2021, "Chaos as an Interpretable Benchmark for Forecasting and Data-Driven
Modelling"; largest Lyapunov exponents from Sprott 2003, "Chaos and Time-Series Analysis",
appendix A.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.lab._io import Vectors
from forescale.lab.tasks._contract import Data, Task, fixed_set

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Flow:
    """A system of three equations.

    Args:
        velocity: Rates of change from a state, both of shape (3, n).
        exponent: Largest Lyapunov exponent, per unit of its time.
        start: A point from which the attractor is reached.
        step: Largest step of the integration.
    """

    velocity: Callable[[Array], Array]
    exponent: float
    start: tuple[float, float, float]
    step: float

    def path(self, states: Array, every: float, n: int) -> Array:
        """States at `n` times that are `every` Lyapunov times apart, shape (n, 3, m).

        Args:
            states: Where to begin, shape (3, m).
            every: Lyapunov times between the states returned.
            n: How many.
        """
        span = every / self.exponent
        parts = int(np.ceil(span / self.step))
        h = span / parts
        out = np.empty((n, *states.shape))
        for i in range(n):
            for _ in range(parts):
                a = self.velocity(states)
                b = self.velocity(states + 0.5 * h * a)
                c = self.velocity(states + 0.5 * h * b)
                d = self.velocity(states + h * c)
                states = states + h / 6.0 * (a + 2.0 * b + 2.0 * c + d)
            out[i] = states
        return out


def lorenz(s: Array) -> Array:
    """Lorenz 1963: sigma = 10, rho = 28, beta = 8/3."""
    x, y, z = s
    return np.stack([10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z])


def rossler(s: Array) -> Array:
    """Rossler 1976: a = b = 0.2, c = 5.7."""
    x, y, z = s
    return np.stack([-y - z, x + 0.2 * y, 0.2 + z * (x - 5.7)])


def thomas(s: Array) -> Array:
    """Thomas 1999: b = 0.18."""
    return np.sin(np.roll(s, -1, axis=0)) - 0.18 * s


def halvorsen(s: Array) -> Array:
    """Halvorsen's cyclically symmetric flow: a = 1.27."""
    y, z = np.roll(s, -1, axis=0), np.roll(s, -2, axis=0)
    return np.asarray(-1.27 * s - 4.0 * y - 4.0 * z - y**2)


def sprott_b(s: Array) -> Array:
    """Sprott 1994, case B."""
    x, y, z = s
    return np.stack([y * z, x - y, 1.0 - x * y])


FLOWS = {
    "lorenz": Flow(lorenz, 0.9056, (0.0, -0.01, 9.0), 0.01),
    "rossler": Flow(rossler, 0.0714, (-9.0, 0.0, 0.0), 0.05),
    "thomas": Flow(thomas, 0.0349, (0.1, 0.0, 0.0), 0.1),
    "halvorsen": Flow(halvorsen, 0.7899, (-5.0, 0.0, 0.0), 0.01),
    "sprott_b": Flow(sprott_b, 0.210, (0.05, 0.05, 0.05), 0.05),
}
#: Windows cut from one trajectory, half a window apart.
WINDOWS = 32
#: Lyapunov times before the first window.
SETTLING = 25.0
#: How far apart trajectories begin; settling makes it the attractor's size.
SPREAD = 1e-2


def make(
    *, system: str, window: int, ahead: int, density: int, examples: int, validation: int
) -> Data:
    """Windows of the flow and the states that follow them.

    Args:
        system: One of `FLOWS`.
        window: States seen.
        ahead: Steps from the last state seen to the one asked for.
        density: States in a Lyapunov time.
        examples: Training examples.
        validation: Examples that validate, from other trajectories.

    Raises:
        BadOption: If there is no such system, or a number is below one.
    """
    import torch

    if system not in FLOWS:
        raise BadOption(f"no system '{system}'", fix=f"one of {', '.join(FLOWS)}")
    for name, value in (("window", window), ("ahead", ahead), ("density", density)):
        if value < 1:
            raise BadOption(f"{name} is {value}", fix="give 1 or more")
    flow = FLOWS[system]
    hop = max(1, window // 2)

    def draw(n: int, seed: int) -> tuple[Array, Array]:
        rng = np.random.default_rng([seed, window])
        many = -(-n // WINDOWS)
        states = np.array(flow.start)[:, None] + SPREAD * rng.normal(size=(3, many))
        # Settled in one bound, so that only the last state is kept.
        states = flow.path(states, SETTLING, 1)[0]
        length = hop * (WINDOWS - 1) + window + ahead
        path = flow.path(states, 1.0 / density, length)
        starts = hop * np.arange(WINDOWS)
        seen = path[starts[:, None] + np.arange(window)]
        asked = path[starts + window + ahead - 1]
        x = seen.transpose(0, 3, 1, 2).reshape(-1, window, 3)
        return x[:n], asked.transpose(0, 2, 1).reshape(-1, 3)[:n]

    x, y = draw(examples, 2)
    mean, std = y.mean(axis=0), y.std(axis=0)

    def tensors(x: Array, y: Array) -> tuple[Tensor, Tensor]:
        flat = ((x - mean) / std).reshape(len(x), -1)
        return torch.from_numpy(flat).float(), torch.from_numpy((y - mean) / std).float()

    return Data(
        io=Vectors(inputs=3 * window, outputs=3),
        loss="mse",
        batch=fixed_set(*tensors(x, y)),
        validation=tensors(*draw(validation, 0)),
        unique=examples,
        floor=0.0,
    )


TASK = Task(
    name="chaos",
    what="The future of a chaotic flow from a window of its past.",
    source="Gilpin 2021, Chaos as an Interpretable Benchmark for Forecasting and Data-Driven "
    "Modelling",
    make=make,
    settings={
        "system": "lorenz",
        "window": 8,
        "ahead": 4,
        "density": 20,
        "examples": 4096,
        "validation": 1024,
    },
)
