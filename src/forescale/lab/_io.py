"""What goes into a model and what comes out: the only thing a task and a model must agree on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Loss = Literal["cross_entropy", "mse"]
#: What a setting of a piece may be: what TOML and the command line can say.
Setting = float | int | str | bool
#: A target that does not count; what PyTorch's losses leave out.
IGNORED = -100


@dataclass(frozen=True)
class Tokens:
    """Sequences of tokens in, scores of every token out at each place that has a target.

    Args:
        vocab: Number of tokens.
        context: Longest sequence.
        targets: Places that have a target and a score: all, or the last one alone.
        source: With targets "all", leading tokens that are given: the first target is the token
            that follows them. 0 where every token but the first is a target.
    """

    vocab: int
    context: int
    targets: Literal["all", "last"] = "all"
    source: int = 0

    @property
    def outputs(self) -> int:
        """Scores per place."""
        return self.vocab

    @property
    def given(self) -> int:
        """Tokens that are read before the first target; the last of them has the first score."""
        return self.context if self.targets == "last" else max(self.source, 1)

    @property
    def places(self) -> int:
        """Places that have a target and a score."""
        return self.context - self.given + 1


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
