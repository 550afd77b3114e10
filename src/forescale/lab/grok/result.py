"""What became of a run: its curve, when it memorised, when it generalised."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from forescale.errors import BadOption
from forescale.lab.grok.reference import Setup
from forescale.summarised import Summarised

if TYPE_CHECKING:
    from torch import Tensor

SCHEMA = 1


@dataclass(frozen=True)
class Grokked(Summarised):
    """What became of a run.

    Args:
        setup: Its settings.
        curve: A row per look: step, losses in nats, accuracies, `squares` (sum of squared
            weights), `gradient` (length of the gradient of the training loss, before any rule;
            NaN at a look without a step), `collapsed` (share of training entries whose softmax in
            float32 has no other term than the largest), and where asked for the measures of
            progress, NaN at looks without weights kept.
        t_memorised: First look with 99 % of the training entries right; None if there was none.
        t_generalised: The same of the test entries.
        steps: Steps taken.
        ended: "settled" when the test kept 99.9 % for 100 steps, "steps" when they ran out.
        seconds: CPU seconds of this process, over all parts of an interrupted run.
        frequencies: Key frequencies of the last weights, where measures were asked for; in a group
            that is not cyclic, numbers of its irreducible representations.
        dtype: Of the weights.
        device: Where it ran.
        threads: Threads of the CPU.
        flushed: Whether the CPU took denormal numbers for zero, which changes no printed figure
            and saves time.
        weights: Weights at the steps asked for, by step, flat; `Fast.weights` names the parts.
    """

    setup: Setup
    curve: tuple[dict[str, float], ...] = field(repr=False)
    t_memorised: int | None
    t_generalised: int | None
    steps: int
    ended: Literal["settled", "steps"]
    seconds: float
    frequencies: tuple[int, ...] = ()
    dtype: str = "float32"
    device: str = "cpu"
    threads: int = 1
    flushed: bool = False
    weights: dict[int, Tensor] = field(default_factory=dict, repr=False, compare=False)

    @property
    def delay(self) -> float:
        """Steps to generalise over steps to memorise; NaN where one did not happen."""
        if not self.t_memorised or self.t_generalised is None:
            return math.nan
        return self.t_generalised / self.t_memorised

    def __repr__(self) -> str:
        s = self.setup
        name = f"{s.operation} mod {s.p}" if s.operation != "S5" else "S5"
        known, told = (self._when(t) for t in (self.t_memorised, self.t_generalised))
        return (
            f"Grokked({name}, share {s.share:g}, seed {s.seed}: memorised {known}, "
            f"generalised {told}; {self.steps} steps, {self.seconds:.3g} CPU s)"
        )

    def _when(self, step: int | None) -> str:
        return f"not within {self.steps}" if step is None else f"at {step}"

    def summary(self) -> str:
        """When it memorised and generalised, and where it stood at the end."""
        s, last = self.setup, self.curve[-1]
        lines = [
            repr(self),
            f"width {s.width}, lr {s.lr:g}, weight decay {s.weight_decay:g}, loss {s.loss}, "
            f"rule {s.rule}",
            f"delay: {self.delay:.3g} times"
            if math.isfinite(self.delay)
            else "delay: unknown, at least one of the two was not seen",
            *(
                f"{part}: loss {last[f'{part}_loss']:.3g} nats, {last[f'{part}_accuracy']:.2%} "
                "right at the end"
                for part in ("train", "test")
            ),
        ]
        if self.frequencies:
            lines.append(f"key frequencies: {', '.join(map(str, self.frequencies))}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The result as plain values, without the weights; NaN stays NaN."""
        rest = {k: v for k, v in vars(self).items() if k not in ("weights", "setup", "curve")}
        return {
            "schema": SCHEMA,
            "kind": "grokked",
            **rest,
            "frequencies": list(self.frequencies),
            "setup": {**asdict(self.setup), "betas": list(self.setup.betas)},
            "curve": [dict(row) for row in self.curve],
        }

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Grokked:
        """The result that `to_dict` wrote, without weights.

        Raises:
            BadOption: If it is none, or of a schema this version does not read.
        """
        if data.get("kind") != "grokked" or data.get("schema") != SCHEMA:
            raise BadOption(
                f"kind {data.get('kind')!r} with schema {data.get('schema')!r} is no run of "
                f"schema {SCHEMA}",
                fix="run it again",
            )
        rest = {k: v for k, v in data.items() if k not in ("schema", "kind")}
        setup = Setup(**{**data["setup"], "betas": tuple(data["setup"]["betas"])})
        return Grokked(
            **{
                **rest,
                "setup": setup,
                "curve": tuple(data["curve"]),
                "frequencies": tuple(data["frequencies"]),
            }
        )
