"""What a task is: batches that are a pure function of the step, and a fixed validation set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.lab._io import IO, Loss, Setting

if TYPE_CHECKING:
    from torch import Tensor


class Batch(Protocol):
    """Inputs and targets of one step; the same step, size and seed give the same batch.

    A pure function of the step needs no state in a checkpoint: a resumed run reads on exactly
    where it stopped.
    """

    def __call__(self, step: int, size: int, seed: int) -> tuple[Tensor, Tensor]: ...


@dataclass(frozen=True)
class Data:
    """A task with its settings put in.

    Args:
        io: What a model must take and give.
        loss: Loss of a prediction.
        batch: Training batches of `size` examples (sequences, for tokens).
        validation: Inputs and targets that are never trained on.
        per_example: Units of data in one example: tokens of a sequence, else 1.
        unique: Examples there are before one repeats; None for a stream without end.
        floor: Loss that no model can beat, in the loss's unit, where it is known.
    """

    io: IO
    loss: Loss
    batch: Batch
    validation: tuple[Tensor, Tensor]
    per_example: int = 1
    unique: int | None = None
    floor: float | None = None


@dataclass(frozen=True)
class Task:
    """What is learnt.

    Args:
        name: The word users type; the file's name (with - for _ on the command line).
        what: One sentence.
        source: The paper, or where the data come from.
        make: The data for some settings; the settings fix everything random in it but the
            order (or the draw, for a stream) of the training batches.
        settings: Defaults of the settings.
        unit: What is counted as data: "tokens" or "examples".
    """

    name: str
    what: str
    source: str
    make: Callable[..., Data]
    settings: Mapping[str, Setting] = field(default_factory=dict)
    unit: Literal["tokens", "examples"] = "examples"

    def data(self, **settings: Setting) -> Data:
        """The task under the given settings, the rest at their defaults.

        Raises:
            BadOption: If a setting is unknown or cannot be used.
        """
        if stray := set(settings) - set(self.settings):
            raise BadOption(
                f"task '{self.name}' has no setting {', '.join(sorted(stray))}",
                fix=f"it has {', '.join(self.settings) or 'none'}",
            )
        return self.make(**{**self.settings, **settings})


def in_turn(n: int, step: int, size: int, seed: int) -> NDArray[np.intp]:
    """Rows of one step's batch: every row once per pass, in an order of each pass's own.

    Args:
        n: Rows there are.
        step: Which batch, from 0.
        size: Rows in a batch.
        seed: Seed of the orders.

    Returns:
        Row numbers, shape (size,).
    """
    at = step * size
    parts = []
    while size > 0:
        number, offset = divmod(at, n)
        taken = min(size, n - offset)
        parts.append(_ORDERS.get(n, number, seed)[offset : offset + taken])
        at, size = at + taken, size - taken
    return np.concatenate(parts)


#: Numbers in the orders that are kept, 64 MiB of them: an ensemble reads in as many as it has
#: seeds, and making one again at every step costs more than the step.
KEPT = 1 << 23


class _Orders:
    """Orders of passes made so far, the oldest dropped where there are too many."""

    def __init__(self) -> None:
        self.made: dict[tuple[int, int, int], NDArray[np.intp]] = {}
        # Counted along: a full batch is a pass, and thousands of them are kept.
        self.numbers = 0

    def get(self, n: int, number: int, seed: int) -> NDArray[np.intp]:
        key = (n, number, seed)
        if key not in self.made:
            # One pass and its successor are all that a batch of one run can touch.
            while len(self.made) > 3 and n + self.numbers > KEPT:
                self.numbers -= len(self.made.pop(next(iter(self.made))))
            self.made[key] = np.random.default_rng([seed, number, 1]).permutation(n)
            self.numbers += n
        return self.made[key]


_ORDERS = _Orders()


def fixed_set(inputs: Tensor, targets: Tensor) -> Batch:
    """Batches from a finite training set."""

    def batch(step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        rows = in_turn(len(inputs), step, size, seed)
        return inputs[rows], targets[rows]

    return batch
