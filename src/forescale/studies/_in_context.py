"""A small network that reads examples and tells the label of the next one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from forescale.studies._live import Descent

if TYPE_CHECKING:
    from torch import Tensor

    from forescale.lab.tasks.random_projection_digits import Array, Index

WIDTH, HEADS, LAYERS = 48, 4, 2
WARMUP = 50


class Reader:
    """Each image asks the labelled ones before it, in two layers of attention.

    What the examples hold is made once, an image and its label into one place, so that a layer
    can look for the image and take the label: in a transformer over single words this would be
    another layer's work, and the wait for it most of the training. A place of its own stands
    before the first example.

    Args:
        inputs: Numbers in an image.
        classes: Labels there are.
        seed: Seed of the weights.
    """

    def __init__(self, inputs: int, classes: int, seed: int) -> None:
        import torch

        self.draw = torch.Generator().manual_seed(seed)
        self.weights: dict[str, Tensor] = {}
        self._matrix("image", inputs, WIDTH)
        # Labels are looked up, not summed over: their size does not fall with their number.
        self._matrix("label", classes, WIDTH, math.sqrt(classes))
        self._matrix("nothing", 1, WIDTH)
        self._matrix("up", WIDTH, 2 * WIDTH)
        self._matrix("down", 2 * WIDTH, WIDTH, 0.5)
        for layer in range(LAYERS):
            for name in ("ask", "key", "value"):
                self._matrix(f"{name}{layer}", WIDTH, WIDTH)
            self._matrix(f"told{layer}", WIDTH, WIDTH, 0.5)
            self._matrix(f"up{layer}", WIDTH, 4 * WIDTH)
            self._matrix(f"down{layer}", 4 * WIDTH, WIDTH, 0.5)
        self._matrix("out", WIDTH, classes, 0.5)

    def _matrix(self, name: str, rows: int, columns: int, gain: float = 1.0) -> None:
        import torch

        drawn = torch.randn(rows, columns, generator=self.draw) * gain / math.sqrt(rows)
        self.weights[name] = drawn.requires_grad_()

    def _heads(self, x: Tensor, name: str) -> Tensor:
        found = x @ self.weights[name]
        return found.unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2)

    def _through(self, x: Tensor, layer: int | str = "") -> Tensor:
        return (_normed(x) @ self.weights[f"up{layer}"]).relu() @ self.weights[f"down{layer}"]

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores of each place's label from the places before it.

        Args:
            x: Images, shape (sequences, places, inputs).
            y: Their labels, shape (sequences, places).

        Returns:
            Shape (sequences, places, classes).
        """
        import torch

        w, (sequences, places, _) = self.weights, x.shape
        images = x @ w["image"]
        nothing = w["nothing"].expand(sequences, 1, WIDTH)
        known = torch.cat([nothing, (images + w["label"][y])[:, :-1]], 1)
        known = _normed(known + self._through(known))
        later = torch.ones(places, places, dtype=torch.bool).triu(1)
        asked = images
        for layer in range(LAYERS):
            query = self._heads(_normed(asked), f"ask{layer}")
            key, value = (self._heads(known, f"{n}{layer}") for n in ("key", "value"))
            match = query @ key.transpose(2, 3) / math.sqrt(WIDTH // HEADS)
            told = match.masked_fill(later, -math.inf).softmax(-1) @ value
            asked = asked + told.transpose(1, 2).flatten(2) @ w[f"told{layer}"]
            asked = asked + self._through(asked, layer)
        return _normed(asked) @ w["out"]


def _normed(x: Tensor) -> Tensor:
    import torch

    return torch.nn.functional.layer_norm(x, (WIDTH,))


def fit(reader: Reader, batches: Iterator[tuple[Array, Index]], steps: int, lr: float) -> None:
    """Train on the labels of all places, the rate rising briefly and falling along a cosine.

    Args:
        reader: What is trained, in place.
        batches: Images and labels of each step.
        steps: Steps.
        lr: Peak rate of Adam.
    """
    import torch

    descent = Descent(reader.weights.values(), lr)
    for step, (images, labels) in zip(range(steps), batches, strict=False):
        x, y = torch.from_numpy(images), torch.from_numpy(labels)
        loss = torch.nn.functional.cross_entropy(reader(x, y).flatten(0, 1), y.flatten())
        descent.lr = lr * min(1, (step + 1) / WARMUP) * 0.5 * (1 + np.cos(np.pi * step / steps))
        descent.step(loss)


def right(reader: Reader, sequences: tuple[Array, Index], places: Sequence[int]) -> list[float]:
    """Share of right answers at each of some places."""
    import torch

    x, y = map(torch.from_numpy, sequences)
    with torch.no_grad():
        hits = (reader(x, y).argmax(-1) == y).float().mean(0)
    return [float(h) for h in hits[list(places)]]
