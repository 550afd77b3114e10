"""TensorBoard: event files in FOLDER/tensorboard/KEY.

Source: Abadi et al. 2016, "TensorFlow: A System for Large-Scale Machine Learning", section 9.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forescale.errors import MissingExtra
from forescale.lab.config import Config
from forescale.lab.loggers._contract import RESULTS, Logger, flat, measured


class Events:
    """The event files of one run."""

    def __init__(self, folder: Path, config: Config) -> None:
        # Imported before the run begins, whose seconds are counted.
        from torch.utils.tensorboard import SummaryWriter

        self.folder, self.config, self.make = folder, config, SummaryWriter
        self.writer: Any = None

    def point(self, row: Mapping[str, Any]) -> None:
        """A scalar per number, on disk when this returns: before any checkpoint that knows it."""
        if self.writer is None:
            # Readers then forget this step and later ones of the files before.
            self.writer = self.make(str(self.folder), purge_step=row["step"])
        for name, value in measured(row).items():
            self.writer.add_scalar(name, value, row["step"])
        self.writer.flush()

    def finish(self, row: Mapping[str, Any], curve: Sequence[Mapping[str, Any]]) -> None:
        """The results under `final/`, and the configuration for the HParams page."""
        from torch.utils.tensorboard.summary import hparams

        if self.writer is None:
            # Killed after its last point: that is logged anew, since what follows it may exist.
            self.point(curve[-1])
        final = {f"final/{n}": v for n, v in measured(row, RESULTS).items()}
        for name, value in final.items():
            self.writer.add_scalar(name, value, curve[-1]["step"])
        # Not add_hparams: it writes them as a second run, in a folder inside this one.
        for summary in hparams(flat(self.config), final):
            self.writer.file_writer.add_summary(summary)

    def close(self) -> None:
        """Write out what is left."""
        if self.writer is not None:
            self.writer.close()


def prepare(folder: Path) -> str:
    """The folder of the event files.

    Raises:
        MissingExtra: If TensorBoard is not installed.
    """
    try:
        import tensorboard  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtra(
            "logger 'tensorboard' needs TensorBoard, which is not installed",
            fix="pip install 'forescale[tensorboard]'",
        ) from None
    return str(folder / "tensorboard")


LOGGER = Logger(
    name="tensorboard",
    what="Event files in FOLDER/tensorboard, one folder per run.",
    prepare=prepare,
    open=lambda store, config: Events(Path(store) / config.key, config),
    extra="tensorboard",
)
