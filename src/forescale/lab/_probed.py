"""What a run's probes read: the same training examples at every evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forescale import probes
from forescale.errors import BadOption
from forescale.lab._run import Row, criterion
from forescale.lab.config import Config
from forescale.lab.tasks import Data

if TYPE_CHECKING:
    from torch import nn

#: Training examples that probes are read on, at most.
EXAMPLES = 512


class Probed:
    """The probes of a run, and what they are read on.

    The examples are those of the run's first steps, on which it trains too: what is told of
    examples it never saw stands in the curve anyway.

    Raises:
        BadOption: If a probe needs classes and the task has values.
        UnknownName: If there is no such probe, or it has no such setting.
    """

    def __init__(self, config: Config, data: Data, device: str) -> None:
        self.asked, self.seed = config.probes, config.seed
        if not self.asked:
            return
        count = min(EXAMPLES, data.unique or EXAMPLES)
        x, y = data.batch(0, count, config.seed)
        self.batch = probes.Batch(x.to(device), y.to(device))
        self.loss = criterion(data.loss)
        for name, settings in self.asked.items():
            try:
                probes.prepared(name, self.batch, self.loss, settings)
            except BadOption as error:
                raise BadOption(
                    error.what, where=f"task '{config.task}'", fix="leave the probe out"
                ) from None

    def row(self, module: nn.Module) -> Row:
        """Every probe's numbers, by "probe.measure"; NaN where one is not defined."""
        found: Row = {}
        for name, settings in self.asked.items():
            given: dict[str, Any] = dict(settings)
            reading = probes.read(name, module, self.batch, self.loss, seed=self.seed, **given)
            found |= {f"{name}.{measure}": v for measure, v in reading.values.items()}
        return found
