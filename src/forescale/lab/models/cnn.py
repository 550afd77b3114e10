"""Small convolutional network: strides in place of pooling, one mean before the head.

Images get 3 x 3 filters; vectors are read as a signal in one dimension.

Source: Springenberg et al. 2015, "Striving for Simplicity: The All Convolutional Net".
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from forescale.lab._io import Images, Vectors
from forescale.lab.models._contract import Model


class CNN(nn.Module):
    """Convolutions, the first at full resolution, the others at half of what came before."""

    def __init__(self, io: Vectors | Images, depth: int, width: int) -> None:
        super().__init__()
        self.flat = isinstance(io, Vectors)
        layer = nn.Conv1d if self.flat else nn.Conv2d
        channels = 1 if isinstance(io, Vectors) else io.channels
        self.layers = nn.ModuleList(
            layer(width if i else channels, width, 3, stride=2 if i else 1, padding=1)
            for i in range(depth)
        )
        self.head = nn.Linear(width if depth else channels, io.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs, shape (b, outputs)."""
        if self.flat:
            x = x[:, None]
        for layer in self.layers:
            x = F.relu(layer(x))
        return self.head(x.flatten(2).mean(-1))


def build(io: Vectors | Images, *, depth: int, width: int) -> CNN:
    """A convolutional network of `depth` layers, each with `width` channels."""
    return CNN(io, depth, width)


MODEL = Model(
    name="cnn",
    what="Small convolutional network, for images and signals.",
    source="Springenberg et al. 2015, Striving for Simplicity: The All Convolutional Net",
    takes=(Vectors, Images),
    shape=lambda size: {"depth": 3, "width": 8 * size},
    build=build,
)
