"""How complex an untrained network is depends on its parts, and tells what it learns easily.

Source: Teney et al. 2024, "Neural Redshift: Random Networks are not Random Functions".
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds
from forescale.studies._live import live
from forescale.studies.chaos_skill import rank_correlation

Array = NDArray[np.float64]

INPUTS, WIDTH, LAYERS, BIAS = 2, 64, 4, 0.3
SCALES = (1.0, 4.0, 16.0)
#: Networks whose last hidden layer is fitted by ridge regression: activation and weight scale.
FITTED = (
    ("relu", 1.0),
    ("tanh", 1.0),
    ("tanh", 2.0),
    ("tanh", 4.0),
    ("sine", 1.0),
    ("sine", 1.5),
    ("sine", 3.0),
)
#: Targets: half turns over a unit of length; examples to fit and to test on; ridges tried.
LOW, HIGH, SHOWN, HELD, RIDGES = 0.5, 3.0, 150, 200, (1e-6, 1e-4, 1e-2)
FLAT, STEEP, CALM, TELLS, BETTER = 0.1, 0.4, 0.25, 0.7, -0.2


class Kind(NamedTuple):
    """An architecture: its activation, whether layers are normed, whether they are residual."""

    activation: str
    norm: bool = False
    residual: bool = False


KINDS = {
    "relu": Kind("relu"),
    "tanh": Kind("tanh"),
    "sine": Kind("sine"),
    "tanh_norm": Kind("tanh", norm=True),
    "tanh_residual": Kind("tanh", residual=True),
}


class Untrained:
    """A random network of equal layers; weights have the spread that keeps a signal's size.

    Args:
        torch: The module.
        generator: Draws the weights.
        kind: The architecture.
        scale: Factor on all weights, but not on biases.
    """

    def __init__(self, torch: Any, generator: Any, kind: Kind, scale: float) -> None:
        self.torch, self.kind, self.layers = torch, kind, []
        gain = 2**0.5 if kind.activation == "relu" else 1.0
        for a, b in itertools.pairwise([INPUTS, *[WIDTH] * LAYERS, 1]):
            weight = torch.randn(a, b, generator=generator, dtype=torch.float64)
            bias = torch.randn(b, generator=generator, dtype=torch.float64)
            self.layers.append((scale * gain / a**0.5 * weight, BIAS * bias))

    def hidden(self, x: Any) -> Any:
        """What the last layer is given, shape (n, WIDTH)."""
        act = {"relu": self.torch.relu, "tanh": self.torch.tanh, "sine": self.torch.sin}
        for i, (weight, bias) in enumerate(self.layers[:-1]):
            z = x @ weight + bias
            if self.kind.norm:
                z = self.torch.nn.functional.layer_norm(z, z.shape[1:])
            z = act[self.kind.activation](z)
            x = x + z if self.kind.residual and i else z
        return x

    def module(self) -> Any:
        """The network as a module."""
        torch, hidden, (weight, bias) = self.torch, self.hidden, self.layers[-1]

        class Net(torch.nn.Module):  # type: ignore[misc, name-defined]
            def forward(self, x: Any) -> Any:
                return hidden(x) @ weight + bias

        return Net()


def fitted(features: Array, y: Array) -> float:
    """Log of the test error over the targets' variance, by ridge regression at its best ridge.

    Args:
        features: Shape (SHOWN + HELD, width); the first rows are fitted.
        y: Shape (SHOWN + HELD,).
    """
    f = features / np.linalg.norm(features[:SHOWN], axis=1).mean()
    level, kernel = y[:SHOWN].mean(), f @ f[:SHOWN].T
    errors = []
    for ridge in RIDGES:
        inside = kernel[:SHOWN] + ridge * np.eye(SHOWN)
        told = kernel[SHOWN:] @ np.linalg.solve(inside, y[:SHOWN] - level) + level
        errors.append(((told - y[SHOWN:]) ** 2).mean())
    return float(np.log(max(min(errors), 1e-12) / y[SHOWN:].var()))


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Frequencies of untrained networks over weight scales, and what they learn from few points."""
    torch = live()
    from forescale.probes import read

    worlds = 60 if rerun else 8
    generator = torch.Generator().manual_seed(seed)
    rng = np.random.default_rng([seed, 2403])

    def drawn(kind: Kind, scale: float) -> Untrained:
        # In the false world all parts are the same: an activation is a word.
        return Untrained(torch, generator, Kind("relu") if falsified else kind, scale)

    def frequency(net: Untrained, x: Any) -> float:
        return read("simplicity", net.module(), x, segments=12, points=64).values["frequency"]

    course = {name: np.empty((worlds, len(SCALES))) for name in KINDS}
    prior, errors = np.empty((2, worlds, len(FITTED))), np.empty((2, worlds, len(FITTED)))
    for w in range(worlds):
        progress(f"world {w + 1} of {worlds}")
        x = torch.from_numpy(rng.uniform(-1, 1, (SHOWN + HELD, INPUTS)))
        for name, kind in KINDS.items():
            course[name][w] = [frequency(drawn(kind, s), x) for s in SCALES]
        along = rng.normal(size=INPUTS)
        turned = x.numpy() @ along / np.linalg.norm(along)
        for i, (activation, scale) in enumerate(FITTED):
            net = drawn(Kind(activation), scale)
            prior[:, w, i] = frequency(net, x)
            for k, pace in enumerate((LOW, HIGH)):
                errors[k, w, i] = fitted(net.hidden(x).numpy(), np.cos(np.pi * pace * turned + 1))
    slope = {n: np.polyfit(np.log(SCALES), np.log(c).T, 1)[0] for n, c in course.items()}
    one, two = FITTED.index(("sine", 1.0)), FITTED.index(("sine", 1.5))
    over = "exponent of the mean frequency in the weights' scale,"
    limits: dict[str, tuple[float | None, float | None]] = {
        "relu": (-FLAT, FLAT),
        "tanh": (STEEP, None),
        "sine": (STEEP, None),
        "tanh_norm": (None, CALM),
        "tanh_residual": (None, None),
    }
    return judge(
        {
            **{
                f"{name}_slope": over_worlds(
                    slope[name], mean, seed=seed, what=f"{over} {name}", least=least, most=most
                )
                for name, (least, most) in limits.items()
            },
            "residual_ratio": over_worlds(
                np.log(course["tanh_residual"][:, -1] / course["tanh"][:, -1]),
                mean,
                seed=seed,
                most=0.0,
                what=f"log frequency at scale {SCALES[-1]:g}, residual over plain, tanh",
            ),
            "low_told": over_worlds(
                rank_correlation(prior[0], errors[0]),
                mean,
                seed=seed,
                least=TELLS,
                what=f"rank correlation over {len(FITTED)} networks of frequency before training "
                "and error on a slow target",
            ),
            "high_gain": over_worlds(
                errors[1, :, two] - errors[1, :, one],
                mean,
                seed=seed,
                most=BETTER,
                what="log error on a fast target, sine of scale 1.5 over sine of scale 1",
            ),
        },
        f"simulation: {worlds} untrained networks of {LAYERS} hidden layers of {WIDTH} on "
        f"{INPUTS} inputs, per kind and scale",
    )


STUDY = Study(
    name="untrained_frequency",
    papers=("Neural Redshift: Random Networks are not Random Functions",),
    claim="Untrained networks are simple functions at any size of their weights with ReLUs or "
    "layer norms but not with tanh or sine alone, and what they are before training tells which "
    "targets they learn from few examples.",
    criteria=f"The mean frequency's exponent in the weights' scale, from {SCALES[0]:g} to "
    f"{SCALES[-1]:g}, is within {FLAT} of zero for ReLU, {STEEP} or more for tanh and sine and "
    f"{CALM} or less for tanh after layer norms; residual tanh is no faster than plain; frequency "
    f"and error on a slow target have a rank correlation of {TELLS} or more; on a fast one the "
    f"faster sine network's log error is lower by {-BETTER} or more.",
    check=check,
    full="60 worlds instead of 8",
    falsified="every network is a plain one of ReLUs, whatever it is called",
    note="Frequencies are read along segments between random inputs rather than on a grid, so "
    "that the same probe works where inputs are many; the mean weighs coefficients by their size. "
    "Trained here is the last layer only, by ridge regression: it keeps what the untrained layers "
    "bring. Biases do not grow with the weights. Frequency tells best at slow targets; at fast "
    "ones the best network is in between, neither the slowest nor the fastest. Limits, the fast "
    "target and the scale that meets it were set after looking.",
)
