"""MLflow: a database in the sweep's folder, or the server that MLFLOW_TRACKING_URI names.

The sweep is an experiment, named by its folder; a run has its key as name.

Source: Zaharia et al. 2018, "Accelerating the Machine Learning Lifecycle with MLflow".
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forescale.errors import MissingExtra
from forescale.lab.config import Config
from forescale.lab.loggers._contract import RESULTS, Logger, flat, measured

#: The metric whose history tells which points are there.
WITNESS = "loss"


class Tracked:
    """One run of an experiment."""

    def __init__(self, client: Any, experiment: str, config: Config) -> None:
        from mlflow.entities import Param

        self.client = client
        found = client.search_runs([experiment], f"tags.forescale_run = '{config.key}'")
        if found:
            self.run = found[0].info.run_id
            client.update_run(self.run, status="RUNNING")
        else:
            tags = {"forescale_run": config.key}
            self.run = client.create_run(experiment, tags=tags, run_name=config.key).info.run_id
        # Writing the same values once more changes nothing.
        client.log_batch(self.run, params=[Param(k, str(v)) for k, v in flat(config).items()])
        self.there = {m.step for m in client.get_metric_history(self.run, WITNESS)}

    def point(self, row: Mapping[str, Any]) -> None:
        """A metric per number, all in one message."""
        if row["step"] not in self.there:
            self._write(measured(row), row["step"])

    def finish(self, row: Mapping[str, Any], curve: Sequence[Mapping[str, Any]]) -> None:
        """The results as `final_...`, and the run's status."""
        if "final_seconds" not in self.client.get_run(self.run).data.metrics:
            final = {f"final_{n}": v for n, v in measured(row, RESULTS).items()}
            self._write(final, curve[-1]["step"])
        self.client.set_terminated(self.run, "FINISHED")

    def close(self) -> None:
        """Nothing is held; a run without an end stays open, to be gone on with."""

    def _write(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = round(1000 * time.time())
        self.client.log_batch(
            self.run, metrics=[Metric(k, v, now, step) for k, v in values.items()]
        )


def prepare(folder: Path) -> str:
    """The experiment's number and the store's address, which it makes if it is not there.

    Raises:
        MissingExtra: If MLflow, or what it needs for a database, is not installed.
    """
    address = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder / 'mlflow.db'}"
    try:
        client = _client(address)
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"logger 'mlflow' needs MLflow, of which {error.name} is not installed",
            fix="pip install 'forescale[mlflow]'",
        ) from None
    found = client.get_experiment_by_name(folder.name)
    number = found.experiment_id if found else client.create_experiment(folder.name)
    return f"{number} {address}"


def _client(address: str) -> Any:
    import logging

    from mlflow import MlflowClient

    # A new database would tell of each of its fifty migrations.
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=address)


def _open(store: str, config: Config) -> Tracked:
    number, _, address = store.partition(" ")
    return Tracked(_client(address), number, config)


LOGGER = Logger(
    name="mlflow",
    what="FOLDER/mlflow.db, or the server of MLFLOW_TRACKING_URI; an experiment per sweep.",
    prepare=prepare,
    open=_open,
    extra="mlflow",
)
