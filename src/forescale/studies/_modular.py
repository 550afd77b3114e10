"""Small networks that learn addition modulo a prime, trained under the lab's rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forescale.errors import NotReached

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class Table(NamedTuple):
    """One-hot pairs of shape (n, 2p) and their sums, to train and to test on."""

    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor


def load_torch() -> None:
    """See to it that torch is there.

    Raises:
        NotReached: If it is not installed.
    """
    try:
        import torch  # noqa: F401
    except ImportError:
        raise NotReached(
            "the networks are trained with torch, which is not installed",
            fix="pip install 'forescale[lab]'",
        ) from None


def table(rng: np.random.Generator, p: int, share: float, dtype: torch.dtype) -> Table:
    """A random split of all ordered pairs; the share is trained on."""
    import torch

    from forescale.lab.tasks.modular import table as rows

    entries, _ = rows("+", p)
    entries = entries[rng.permutation(len(entries))]
    n = round(share * len(entries))
    x: NDArray[np.float64] = np.zeros((len(entries), 2 * p))
    x[np.arange(len(x)), entries[:, 0]] = 1
    x[np.arange(len(x)), p + entries[:, 1]] = 1
    pairs, sums = torch.from_numpy(x).to(dtype), torch.from_numpy(entries[:, 2].copy())
    return Table(pairs[:n], sums[:n], pairs[n:], sums[n:])


def network(
    rng: np.random.Generator, p: int, width: int, scale: float, dtype: torch.dtype
) -> nn.Module:
    """One hidden layer of squares without biases: the least network that holds the sum's waves.

    Weights are uniform within scale / sqrt(fan-in) of zero.
    """
    import torch
    from torch import nn

    class Squares(nn.Module):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Parameter(drawn(2 * p, width))
            self.outer = nn.Parameter(drawn(width, p))

        def forward(self, x: Tensor) -> Tensor:
            return (x @ self.inner).square() @ self.outer

    def drawn(fan_in: int, fan_out: int) -> Tensor:
        edge = scale / np.sqrt(fan_in)
        return torch.from_numpy(rng.uniform(-edge, edge, (fan_in, fan_out))).to(dtype)

    return Squares()


def steps(
    net: nn.Module,
    data: Table,
    rules: Mapping[str, Mapping[str, float | str]],
    count: int,
    *,
    lr: float,
    beta2: float,
    decay: float = 0.0,
    epsilon: float = 1e-25,
) -> Iterator[int]:
    """Train on the whole table; yields the number of steps taken, after each of them."""
    import torch

    from forescale.lab import rules as room
    from forescale.lab._run import criterion, take_step

    hooks = [room.get(n).hooks(**settings) for n, settings in rules.items()]
    loss = criterion("cross_entropy")
    for hook in hooks:
        loss = hook.criterion(loss)
    stepper = torch.optim.AdamW(
        net.parameters(), lr=lr, betas=(0.9, beta2), eps=epsilon, weight_decay=decay
    )

    for step in range(1, count + 1):
        x, y = data.x, data.y
        for hook in hooks:
            x, y = hook.inputs(x, y, torch.Generator().manual_seed(step))

        def gradient(x: Tensor = x, y: Tensor = y) -> Tensor:
            stepper.zero_grad()
            value = loss(net(x), y)
            value.backward()
            return value.detach()

        take_step(net, stepper, hooks, gradient)
        yield step


def accuracy(net: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of right answers."""
    import torch

    with torch.no_grad():
        return float((net(x).argmax(-1) == y).double().mean())
