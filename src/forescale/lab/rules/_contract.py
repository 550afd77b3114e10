"""What a rule is: a change to the loop at the places where loops are changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from forescale.errors import BadOption
from forescale.lab._io import Setting

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

#: Scores and targets -> mean loss.
Criterion = Callable[["Tensor", "Tensor"], "Tensor"]


class Hooks:
    """Where a rule may act on one run; each does nothing unless a rule says so.

    The criterion is wrapped and the first weights changed once, at the start; a run that is
    resumed has its weights already. In each step the trainer calls `inputs`, then,
    with the gradient in place, `twice` (and, where it asks for it, takes a second gradient at
    the moved weights and calls `back`), `gradients`, the optimizer's step, `after`. Evaluations
    run inside `evaluating`.
    """

    #: Whether every parameter has a first axis more, that of an ensemble's members; set by the
    #: ensemble where the rule says that one set of hooks serves them all.
    stacked = False

    def inputs(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Inputs and targets of a step, changed."""
        return x, y

    def criterion(self, inner: Criterion) -> Criterion:
        """The loss that is trained on, around the one it was."""
        return inner

    def begin(self, module: nn.Module) -> None:
        """Change the first weights."""

    def twice(self, module: nn.Module) -> bool:
        """Move the weights and return True if the gradient is wanted there."""
        return False

    def back(self, module: nn.Module) -> None:
        """Undo what `twice` did to the weights, keeping the gradient."""

    def gradients(self, module: nn.Module) -> None:
        """Change the gradients, right before the step."""

    def after(self, module: nn.Module) -> None:
        """Look at the weights, or change them, after the step."""

    @contextmanager
    def evaluating(self, module: nn.Module) -> Iterator[None]:
        """Put the weights in place that are to be judged, and take them out again."""
        yield

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run must know."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state."""


@dataclass(frozen=True)
class Rule:
    """A change to the training loop.

    Args:
        name: The word users type; the file's name.
        what: One sentence.
        source: The paper.
        make: Fresh hooks for a run, from the settings.
        settings: Defaults of the settings.
        classes: It needs targets that are classes (or tokens).
        vectors: It needs inputs that can be mixed, so no tokens.
        replaces: Its criterion does not call the one it is given: the trainer puts it innermost,
            and a run can have one.
        ensemble: How it serves runs that are trained as one stack: "shared" if one set of hooks
            serves all members (what it does to an entry depends on no other entry, on the loss
            alone, or it heeds `Hooks.stacked`), "each" if every member needs hooks of its own
            on its own module, which costs time per member; None if it does not serve them.
        whole: It needs whole parameters, so that a run cannot shard them over processes.
    """

    name: str
    what: str
    source: str
    make: Callable[..., Hooks]
    settings: Mapping[str, Setting] = field(default_factory=dict)
    classes: bool = False
    vectors: bool = False
    replaces: bool = False
    ensemble: Literal["shared", "each"] | None = None
    whole: bool = False

    def hooks(self, **settings: Setting) -> Hooks:
        """Hooks for a run.

        Raises:
            BadOption: If a setting is unknown.
        """
        if stray := set(settings) - set(self.settings):
            raise BadOption(
                f"rule '{self.name}' has no setting {', '.join(sorted(stray))}",
                fix=f"it has {', '.join(self.settings) or 'none'}",
            )
        return self.make(**{**self.settings, **settings})
