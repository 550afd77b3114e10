"""Deep narrow ReLU networks have fewer dimensions than parameters; wide ones miss only scalings.

Source: Grigsby, Lindsey & Rolnick 2023, "Hidden symmetries of ReLU networks".
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds, share
from forescale.studies._live import live

Array = NDArray[np.float64]

#: Spread of the inputs, over that of the biases: kinks must lie among the points.
SPREAD = 3.0
#: Points for each parameter.
POINTS = 12
SHALLOW, DEEP, RISE = 0.7, 0.4, 0.05


class Shape(NamedTuple):
    """A network with one output: inputs, width of its hidden layers, and how many."""

    inputs: int
    width: int
    layers: int

    @property
    def hidden(self) -> int:
        """Hidden units: each can be scaled without a change of the function."""
        return self.width * self.layers

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        widths = (self.inputs, *(self.width,) * self.layers, 1)
        return sum((a + 1) * b for a, b in itertools.pairwise(widths))


DEPTHS = tuple(Shape(3, 4, layers) for layers in (1, 2, 3))
WIDER = (Shape(2, 4, 2), Shape(4, 6, 2), Shape(8, 8, 2))


def network(torch: Any, rng: np.random.Generator, shape: Shape, activation: str) -> Any:
    """A random network: weights by He's rule, biases of spread 1."""
    layers: list[Any] = []
    for a, b in itertools.pairwise((shape.inputs, *(shape.width,) * shape.layers, 1)):
        layer = torch.nn.Linear(a, b, dtype=torch.float64)
        layer.weight.data = torch.from_numpy(rng.normal(size=(b, a)) * np.sqrt(2 / a))
        layer.bias.data = torch.from_numpy(rng.normal(size=b))
        layers += [layer, getattr(torch.nn, activation)()]
    return torch.nn.Sequential(*layers[:-1])


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Count how often the rank of random networks is parameters less hidden units."""
    torch = live()
    from forescale.probes import read

    inits, points = (200, 40) if rerun else (44, POINTS)
    rng = np.random.default_rng([seed, 2306])
    exact: dict[Shape, Array] = {}
    effective: dict[Shape, Array] = {}
    for shape in dict.fromkeys((*DEPTHS, *WIDER)):
        progress(f"{inits} networks of shape {tuple(shape)}")
        count = points * shape.parameters
        ranks = []
        for _ in range(inits):
            # In the false world units are smooth, and no scaling goes unseen.
            net = network(torch, rng, shape, "Tanh" if falsified else "ReLU")
            x = torch.from_numpy(SPREAD * rng.normal(size=(count, shape.inputs)))
            ranks.append(read("functional_dimension", net, x, points=count).values["rank"])
        exact[shape] = np.array(ranks) == shape.parameters - shape.hidden
        effective[shape] = np.array(ranks) / (shape.parameters - shape.hidden)
    first, *_, deepest = DEPTHS
    narrow, *_, wide = WIDER
    of = "networks without hidden symmetries"
    return judge(
        {
            **{
                f"layers_{s.layers}": share(
                    exact[s],
                    least=SHALLOW if s is first else None,
                    most=DEEP if s is deepest else None,
                    what=f"share of {of}, {s.inputs} inputs, width {s.width}",
                )
                for s in DEPTHS
            },
            "rise_with_width": over_worlds(
                exact[wide].astype(float) - exact[narrow],
                mean,
                seed=seed,
                least=RISE,
                what=f"share of {of}, {wide.inputs} inputs and width {wide.width} less "
                f"{narrow.inputs} and {narrow.width}, 2 layers",
            ),
            **{
                f"inputs_{s.inputs}_width_{s.width}": share(
                    exact[s], what=f"share of {of}, 2 layers"
                )
                for s in WIDER
            },
            **{
                f"effective_{s.inputs}_{s.width}_{s.layers}": over_worlds(
                    effective[s], mean, seed=seed, what="rank over parameters less hidden units"
                )
                for s in (deepest, wide)
            },
        },
        f"simulation: {inits} random networks of each shape, {points} points for each parameter",
    )


STUDY = Study(
    name="hidden_symmetries",
    papers=("Hidden symmetries of ReLU networks",),
    claim="The chance that a random ReLU network has no symmetries but the scalings of its units "
    "falls with depth and rises with width and the dimension of its inputs.",
    criteria=f"With 3 inputs and width 4 the share of networks whose functional dimension is "
    f"parameters less hidden units is {SHALLOW} or more at 1 hidden layer and {DEEP} or less at 3; "
    f"with 2 layers it is higher by {RISE} or more for 8 inputs and width 8 than for 2 and 4.",
    check=check,
    full="200 networks of each shape and 40 points for each parameter instead of 44 and 12",
    falsified="units are smooth (tanh): no scaling goes unseen",
    note="A rank over finitely many points is a lower bound: symmetries that more points would "
    "break count as hidden. Inputs are spread three times as far as biases, set after looking; "
    "with equal spreads one hidden layer falls short in 5 to 40 % of the networks, by shape, for "
    "a unit's kink may pass by all points.",
)
