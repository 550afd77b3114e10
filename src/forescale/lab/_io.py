"""What goes into a model and what comes out: the only thing a task and a model must agree on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Loss = Literal["cross_entropy", "mse"]
#: What a setting of a piece may be: what TOML and the command line can say.
Setting = float | int | str | bool


@dataclass(frozen=True)
class Tokens:
    """Sequences of tokens in, scores of every token out at each place.

    Args:
        vocab: Number of tokens.
        context: Longest sequence.
        targets: Places whose target counts: every place, or the last one alone.
    """

    vocab: int
    context: int
    targets: Literal["all", "last"] = "all"

    @property
    def outputs(self) -> int:
        """Scores per place."""
        return self.vocab


@dataclass(frozen=True)
class Vectors:
    """Vectors of `inputs` numbers in, `outputs` numbers out: scores of classes, or values."""

    inputs: int
    outputs: int


@dataclass(frozen=True)
class Images:
    """Square images in, `outputs` scores out."""

    channels: int
    side: int
    outputs: int


IO = Tokens | Vectors | Images
