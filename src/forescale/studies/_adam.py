"""Adam in numpy, on arrays that hold many networks at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class Adam:
    """Kingma & Ba 2015, with a rate that falls to zero along half a cosine.

    Args:
        params: What is trained, changed in place.
        lr: Peak rate.
        steps: Steps to the end.
    """

    def __init__(self, params: Sequence[Array], lr: float, steps: int) -> None:
        self.params, self.lr, self.steps, self.done = params, lr, steps, 0
        self.first = [np.zeros_like(p) for p in params]
        self.second = [np.zeros_like(p) for p in params]

    def step(self, gradients: Sequence[Array]) -> None:
        """Move the parameters once."""
        self.done += 1
        lr = self.lr * 0.5 * (1 + np.cos(np.pi * self.done / self.steps))
        # Both corrections of the moments in one factor.
        lr *= np.sqrt(1 - 0.999**self.done) / (1 - 0.9**self.done)
        moving = zip(self.params, gradients, self.first, self.second, strict=True)
        for p, g, m, v in moving:
            m += np.float32(0.1) * (g - m)
            v += np.float32(0.001) * (g * g - v)
            p -= np.float32(lr) * m / (np.sqrt(v) + np.float32(1e-8))
