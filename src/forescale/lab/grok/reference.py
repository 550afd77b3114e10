"""What is trained, on what, and how: the settings, the table, and the plain published step.

The fast form is tested against this one and measured beside it.

Source: Nanda et al. 2023, "Progress measures for grokking via mechanistic interpretability",
whose settings are the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from forescale.errors import BadOption
from forescale.lab import inits, models
from forescale.lab._io import Tokens
from forescale.lab.grok.losses import LOSSES
from forescale.lab.grok.rules import RULES
from forescale.lab.models.one_layer import OneLayer
from forescale.lab.tasks import modular

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Setup:
    """A run of the one-layer transformer on the table of an operation, full batches, AdamW.

    Args:
        operation: "+", "-", "*", "/", "x^2+y^2", "x^3+xy" modulo p, or "S5"; only a name where a
            table is given.
        p: Modulus, a prime.
        share: Share of the table that is trained on, above 0 and below 1.
        width: Width of the stream.
        heads: Heads of attention; they divide the width.
        expand: Neurons per unit of width.
        lr: Learning rate after the warm-up.
        weight_decay: Decoupled, on every parameter.
        betas: Memories of AdamW's two means.
        eps: What it adds to the root of the second.
        warmup: Steps in which the rate rises linearly from zero, which the first step has.
        loss: "log1p", "softmax", "softmax_f64" or "stablemax".
        rule: "plain", "perp_grad", "grokfast_ema" or "grokfast_ma".
        strength: Factor on Grokfast's mean.
        memory: What the running mean keeps of itself in a step.
        window: Gradients in the moving mean.
        seed: Seed of the split and of the start.

    Raises:
        BadOption: If a setting is not one of those, or no network or split comes of it.
    """

    operation: str = "+"
    p: int = 113
    share: float = 0.3
    width: int = 128
    heads: int = 4
    expand: int = 4
    lr: float = 1e-3
    weight_decay: float = 1.0
    betas: tuple[float, float] = (0.9, 0.98)
    eps: float = 1e-8
    warmup: int = 10
    loss: str = "log1p"
    rule: str = "plain"
    strength: float = 2.0
    memory: float = 0.98
    window: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        for what, value, known in (("loss", self.loss, LOSSES), ("rule", self.rule, RULES)):
            if value not in known:
                raise BadOption(f"no {what} '{value}'", fix=f"one of {', '.join(known)}")
        if not 0 < self.share < 1:
            raise BadOption(f"share is {self.share:g}", fix="give a number between 0 and 1")
        for name in ("width", "heads", "expand", "window"):
            if getattr(self, name) < 1:
                raise BadOption(f"{name} is {getattr(self, name)}", fix="give 1 or more")
        if self.width % self.heads:
            raise BadOption(
                f"width {self.width} cannot be split into {self.heads} heads",
                fix="choose a width that is a multiple of the heads",
            )


@dataclass(frozen=True, eq=False)
class Split:
    """A table's entries, part to train on and part to test.

    Args:
        elements: How many things the operation combines.
        train: Rows a, b, a o b, shape (n, 3).
        test: The others.
    """

    elements: int
    train: Ints
    test: Ints

    @property
    def rows(self) -> Ints:
        """All entries, sorted by a and b."""
        rows = np.concatenate([self.train, self.test])
        return rows[np.lexsort((rows[:, 1], rows[:, 0]))]


def split(setup: Setup, table: Ints | None = None) -> Split:
    """The entries to train on, drawn by the seed, and the rest; both sorted by a and b.

    Args:
        setup: The settings.
        table: Rows a, b, a o b of any operation, elements numbered from 0; None for that of
            `setup.operation`.

    Raises:
        BadOption: If there is no such operation, or one part would be empty.
    """
    if table is None:
        rows, elements = modular.table(setup.operation, setup.p)
    else:
        rows, elements = np.asarray(table, np.int64), int(np.max(table)) + 1
    n = int(setup.share * len(rows))
    if not 0 < n < len(rows):
        raise BadOption(
            f"share {setup.share:g} of {len(rows)} entries is {n}",
            fix="leave some to train on, and some to test",
        )
    order = np.random.default_rng([setup.seed, 113]).permutation(len(rows))
    return Split(elements, rows[np.sort(order[:n])], rows[np.sort(order[n:])])


def module(setup: Setup, elements: int) -> OneLayer:
    """The network at its start, from the seed; scores at all three places of a, b, =."""
    io, model = Tokens(elements + 1, 3), models.get("one_layer")
    settings: dict[str, Any] = {
        "width": setup.width,
        "heads": setup.heads,
        "expand": setup.expand,
    }
    net = model.make(io, 1, **settings)
    inits.get("stream").apply(net, inits.roles(model, io, 1, settings), seed=setup.seed)
    assert isinstance(net, OneLayer)
    return net


def tokens(rows: Ints, elements: int) -> tuple[Tensor, Tensor]:
    """Sequences a, b, = and their answers."""
    x = np.column_stack([rows[:, :2], np.full(len(rows), elements)])
    return torch.from_numpy(x), torch.from_numpy(rows[:, 2].copy())


class Published:
    """The step as its authors take it: all places, loss in double precision, tensor by tensor.

    Args:
        setup: The settings; loss and rule are not heeded.
        data: The table.
        dtype: Of the weights.
    """

    def __init__(self, setup: Setup, data: Split, dtype: torch.dtype = torch.float32) -> None:
        self.setup, self.net = setup, module(setup, data.elements).to(dtype)
        self.train, self.test = (tokens(rows, data.elements) for rows in (data.train, data.test))
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(),
            lr=setup.lr,
            betas=setup.betas,
            eps=setup.eps,
            weight_decay=setup.weight_decay,
            foreach=False,
        )
        self.warm = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: min(step / setup.warmup, 1.0) if setup.warmup else 1.0
        )

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Mean cross-entropy at the last place."""
        return F.cross_entropy(self.net(x)[:, -1].double(), y)

    def step(self, test: bool = False) -> tuple[float, float]:
        """Train loss before the step, and the test loss, which the authors take every step."""
        loss = self.loss(*self.train)
        held = float("nan")
        if test:
            with torch.no_grad():
                held = float(self.loss(*self.test))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.warm.step()
        return float(loss.detach()), held
