"""Networks that learn to add, many seeds of them side by side.

The target is the sum of two sums, each over a hidden stretch of the inputs; the stretches
overlap. Inputs are drawn from one range to train and from a wider one to test, and only a
network that found the sum itself is right on both.

Source: Madsen & Johansen 2019, "Measuring Arithmetic Extrapolation Performance"; the units are
those of Trask et al. 2018, "Neural Arithmetic Logic Units" (NAC+), and of Madsen & Johansen 2020,
"Neural Arithmetic Units" (NAU).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.studies._adam import Adam

Array = NDArray[np.float32]

INPUTS, OVERLAP, SUBSET = 100, 0.5, 0.25
#: Sizes of the inputs, to train and to test; their signs are drawn evenly.
NEAR, FAR = (0.0, 2.0), (2.0, 6.0)
#: Units of the hidden layer; the sum of sums needs two.
HIDDEN = {"nau": 2, "nac": 2, "linear": 2, "mlp": 2, "wide_mlp": 16}
BATCH, TESTED, LR = 64, 512, 1e-2
#: Weight of the pull of a NAU's weights to -1, 0 and 1, and when it sets in, in shares of a run.
PULL, FROM, FULL = 0.05, 0.2, 0.6


def exact(rng: np.random.Generator, networks: int) -> Array:
    """Weights of the first layer that solve each network's task, shape (networks, 2, INPUTS)."""
    size = int(SUBSET * INPUTS)
    shared = int(OVERLAP * size)
    start = rng.integers(0, INPUTS - 2 * size + shared + 1, networks)[:, None]
    at = np.arange(INPUTS)[None]
    one = (at >= start) & (at < start + size)
    two = (at >= start + size - shared) & (at < start + 2 * size - shared)
    return np.stack([one, two], axis=1).astype(np.float32)


def threshold(epsilon: float, rng: np.random.Generator) -> float:
    """Mean squared error in the wider range of a solution whose first weights are all off a little.

    Args:
        epsilon: What every one of the first layer's weights is off, towards 1/2.
        rng: Source of the inputs.
    """
    right = exact(rng, 1)
    x = draw(rng, right, 20_000, FAR)[0][0].astype(float)
    off = (np.abs(right[0].astype(float) - epsilon) - right[0]).sum(0)
    return float(((x @ off) ** 2).mean())


class Stack:
    """One two-layer network per seed, all of one kind.

    Args:
        kind: A key of `HIDDEN`.
        networks: How many.
        steps: Training steps that Adam's rate falls over.
        rng: Source of the starting weights.
    """

    def __init__(self, kind: str, networks: int, steps: int, rng: np.random.Generator) -> None:
        self.kind, self.steps, self.done = kind, steps, 0
        hidden = HIDDEN[kind]
        shapes = [(networks, INPUTS, hidden), (networks, hidden, 1)]

        def glorot(shape: tuple[int, ...]) -> Array:
            # Half of Glorot's range where the weights are bounded by one, as the NAU's paper has.
            reach = np.sqrt(6 / (shape[1] + shape[2]))
            reach = min(0.5, reach / 2) if kind == "nau" else reach
            return rng.uniform(-reach, reach, shape).astype(np.float32)

        self.params = [glorot(s) for s in shapes]
        if kind == "nac":
            self.params += [glorot(s) for s in shapes]
        if kind.endswith("mlp"):
            self.params += [np.zeros((s[0], 1, s[2]), np.float32) for s in shapes]
        self.adam = Adam(self.params, LR, steps)

    def weights(self) -> tuple[Array, Array]:
        """What the inputs and the hidden units are multiplied by."""
        if self.kind != "nac":
            return self.params[0], self.params[1]
        a, b, c, d = self.params
        return np.tanh(a) * _sigmoid(c), np.tanh(b) * _sigmoid(d)

    def forward(self, x: Array) -> tuple[Array, Array, Array]:
        """Hidden units before and after activation, and outputs, (networks, examples, ...)."""
        first, second = self.weights()
        z = x @ first
        if not self.kind.endswith("mlp"):
            return z, z, np.asarray(z @ second)
        z += self.params[2]
        h = np.maximum(z, 0)
        return z, h, np.asarray(h @ second + self.params[3])

    def step(self, x: Array, y: Array) -> None:
        """One step of Adam on the mean squared error of each network on its own examples."""
        z, h, out = self.forward(x)
        _, second = self.weights()
        delta = (2 / x.shape[1]) * (out - y)
        back = delta @ np.swapaxes(second, 1, 2)
        if self.kind.endswith("mlp"):
            back = back * (z > 0)
        grads = [np.swapaxes(x, 1, 2) @ back, np.swapaxes(h, 1, 2) @ delta]
        if self.kind == "nac":
            for k in (0, 1):
                t, s = np.tanh(self.params[k]), _sigmoid(self.params[k + 2])
                g = grads[k]
                grads[k] = g * (1 - t * t) * s
                grads.append(g * t * s * (1 - s))
        if self.kind.endswith("mlp"):
            grads += [back.sum(1, keepdims=True), delta.sum(1, keepdims=True)]
        if self.kind == "nau":
            on = min(max(self.done / self.steps - FROM, 0) / (FULL - FROM), 1)
            for k in (0, 1):
                size = np.abs(self.params[k])
                # min(|w|, 1 - |w|), averaged, draws each weight to the nearer of 0 and +-1.
                grads[k] += on * PULL * np.sign(self.params[k]) * np.where(size < 0.5, 1, -1)
        self.adam.step(grads)
        if self.kind == "nau":
            for p in self.params:
                np.clip(p, -1, 1, out=p)
        self.done += 1

    def sparsity_error(self) -> NDArray[np.float64]:
        """Largest distance of a weight from -1, 0 or 1, shape (networks,)."""
        sizes = [np.abs(w).reshape(len(w), -1) for w in self.weights()]
        off = [np.minimum(s, np.abs(1 - s)).max(1) for s in sizes]
        return np.asarray(np.maximum(*off), float)


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def draw(
    rng: np.random.Generator, right: Array, examples: int, sizes: tuple[float, float]
) -> tuple[Array, Array]:
    """Inputs and targets of each network's task, shapes (networks, examples, INPUTS) and (..., 1).

    Args:
        rng: Source of the inputs.
        right: Weights that solve the tasks, shape (networks, 2, INPUTS).
        examples: Examples for each network.
        sizes: Range of the inputs' absolute values.
    """
    x = rng.random((len(right), examples, INPUTS), np.float32)
    x *= np.float32(2 * (sizes[1] - sizes[0]))
    x -= np.float32(sizes[1] - sizes[0])
    x += np.copysign(np.float32(sizes[0]), x)
    return x, x @ right.sum(1)[:, :, None]
