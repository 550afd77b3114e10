"""How a sweep's runs are made, and where what they measured is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forescale import files
from forescale.lab.config import Config
from forescale.lab.parallel import SINGLE, Parallel


@dataclass(frozen=True)
class How:
    """How runs are made; nothing in it changes their numbers or their names.

    Args:
        device: PyTorch's name of the device.
        compiled: Compile the models.
        parallel: How each run is spread over processes.
        every: Seconds between checkpoints.
        logs: Loggers and their stores.
        weights: Keep the weights at the end of each run, as KEY.safetensors.
    """

    device: str = "cpu"
    compiled: bool = False
    parallel: Parallel = SINGLE
    every: float = 60.0
    logs: Mapping[str, str] = field(default_factory=dict)
    weights: bool = False

    def done(self, folder: Path, key: str) -> bool:
        """Whether the folder holds all that is wanted of a run."""
        kept = weights_of(folder, key).exists() or not self.weights
        return kept and result_of(folder, key).exists()


def result_of(folder: Path, key: str) -> Path:
    """Where a run's row and curve lie once it has ended."""
    return folder / f"{key}.json"


def weights_of(folder: Path, key: str) -> Path:
    """Where its weights lie, if they are kept."""
    return folder / f"{key}.safetensors"


def keep(folder: Path, key: str, result: Mapping[str, Any]) -> None:
    """Keep a result; whoever comes second replaces a file with the same content."""
    files.write(result_of(folder, key), json.dumps(result))


def results(configs: Sequence[Config], folder: Path) -> list[dict[str, Any]]:
    """What is kept of the runs that have finished, in the order of the configurations."""
    paths = [result_of(folder, c.key) for c in configs]
    return [json.loads(p.read_text("utf-8")) for p in paths if p.exists()]
