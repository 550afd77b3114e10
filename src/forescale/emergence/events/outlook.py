"""What awaits the runs of a log: memorised or not, generalised or not, and when it may come.

Columns are found by the names that training loops and probes write. A run is foretold where both
its losses are logged; accuracies, and what probes read, make the forecast sharper.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.emergence.events import _signs
from forescale.emergence.events._told import FIRST
from forescale.emergence.events.grokking import GENERALISED, GrokForecast, forecast_grokking
from forescale.emergence.events.levers import Levers, levers
from forescale.errors import BadTable, ForescaleError, MissingExtra
from forescale.quantities import format_number, short
from forescale.runs import RunTable
from forescale.runs.curves import find_curves
from forescale.summarised import Summarised

Array = NDArray[np.float64]

#: Columns in which a curve may stand, the first that is there is read; those with a dot are what
#: the lab's probes write.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "train_loss": ("train_loss", "training_loss", "train/loss", "loss/train"),
    "test_loss": ("L", "test_loss", "val_loss", "eval_loss"),
    "train_accuracy": ("train_accuracy", "train_acc", "train/accuracy", "train/acc"),
    "test_accuracy": (
        "test_accuracy", "test_acc", "val_accuracy", "val_acc", "eval_accuracy", "eval_acc",
        "test/accuracy", "val/accuracy", "eval/accuracy", "accuracy", "acc", "score",
    ),
    "margin": ("output_margin.margin_median",),
    "logit_scale": ("output_margin.logit_scale",),
    "absorbed": ("softmax_collapse.absorbed",),
    "weight_norm": ("norms.weight_norm", "weight_norm", "param_norm", "wn_total"),
    "gradient_norm": ("norms.gradient_norm", "gradient_norm", "grad_norm"),
    "naive_cosine": ("naive_loss_minimisation.cosine",),
    "feature_rank": ("effective_rank.effective_rank/head",),
    "feature_dimension": ("intrinsic_dimension.mle",),
    "collapse": ("neural_collapse.nc1_quotient",),
    "kernel_alignment": ("ntk.alignment",),
    "kernel_rank": ("ntk.effective_rank",),
    "coherence": ("gradient_coherence.m_coherence",),
}  # fmt: skip
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "lr": ("lr_peak", "lr", "learning_rate", "max_lr"),
    "weight_decay": ("weight_decay", "optimizer.weight_decay", "wd"),
}


@dataclass(frozen=True)
class Outlook(Summarised):
    """One run as far as it is logged.

    Args:
        run: Its name.
        step: Its last step.
        train_loss: Last training loss.
        test_loss: Last held-out loss.
        memorised: Step at which the train accuracy reached 0.99; None if it did not, or none is
            logged.
        generalised: Step at which the test accuracy reached 0.9; None likewise.
        forecast: Whether and when it will generalise; None where `why` says why not.
        why: Why there is no forecast; "" where there is one.
    """

    run: str
    step: float
    train_loss: float
    test_loss: float
    memorised: float | None
    generalised: float | None
    forecast: GrokForecast | None
    why: str

    @property
    def said(self) -> str:
        """What became of it or will, one line."""
        if self.generalised is not None:
            return f"generalised at {format_number(self.generalised)}"
        if self.forecast is None:
            return self.why
        f = self.forecast
        doubt = f"; not trusted: {f.doubts[0]}" if f.doubts else ""
        chance = f"{f.chance:.0%} by step {format_number(f.by)}"
        return f"generalises with chance {chance}, {f.when}{doubt}"

    def __repr__(self) -> str:
        return f"Outlook({short(self.run)} at step {format_number(self.step)}: {self.said})"

    def summary(self) -> str:
        """Where it stands and what awaits it."""
        first = (
            f"{self.run} at step {format_number(self.step)}: loss "
            f"{format_number(self.train_loss, 3)} train, {format_number(self.test_loss, 3)} test"
        )
        told = self.said if self.forecast is None else self.forecast.summary()
        return f"{first}\n  {told}"

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        rest = {
            k: None if isinstance(v, float) and not math.isfinite(v) else v
            for k, v in vars(self).items()
        }
        made = None if self.forecast is None else self.forecast.to_dict()
        return {"schema": 1, "kind": "outlook", **rest, "forecast": made}


@dataclass(frozen=True)
class Outlooks(Summarised):
    """Every run of a log.

    Args:
        source: The log.
        runs: The runs.
        read: Columns that were read, by curve.
        levers: What would bring it sooner; None where nothing is ahead.
    """

    source: str
    runs: tuple[Outlook, ...]
    read: Mapping[str, str] = field(repr=False)
    levers: Levers | None = field(default=None, repr=False)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why forecasts are not to be trusted, a line per run."""
        return tuple(
            f"{short(o.run)}: {o.forecast.doubts[0]}"
            for o in self.runs
            if o.forecast is not None and o.forecast.doubts
        )

    def summary(self) -> str:
        """A paragraph per run, and what would bring it sooner."""
        parts = [o.summary() for o in self.runs]
        return "\n".join(parts if self.levers is None else [*parts, self.levers.summary()])

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "schema": 1,
            "kind": "outlooks",
            "source": self.source,
            "read": dict(self.read),
            "runs": [o.to_dict() for o in self.runs],
            "levers": None if self.levers is None else self.levers.to_dict(),
        }


def outlooks(table: RunTable, *, until: float | None = None) -> Outlooks:
    """What awaits each run of a log.

    Args:
        table: Curves: several rows per run, with a step and both losses at least.
        until: Step up to which they are read; their ends if not told.

    Raises:
        BadTable: If the table has no curves, or no losses that can be told apart.
    """
    curves = find_curves(table)
    where = str(table.source)
    if curves is None:
        raise BadTable("no curves, one row a run", where=where, fix="give a log of whole runs")
    read = {}
    for name, choices in {**COLUMNS, **SETTINGS}.items():
        there = [c for c in choices if _number(table, c)]
        if there:
            read[name] = there[0]
    for name in ("train_loss", "test_loss"):
        if name not in read:
            raise BadTable(
                f"no {name.replace('_', ' ')}",
                where=where,
                fix=f"log it as {COLUMNS[name][0] if name == 'train_loss' else 'val_loss'}, or "
                f"map it with --map {name if name == 'train_loss' else 'L'}=COLUMN",
            )
    if "test_accuracy" in read and read["test_accuracy"] == read.get("train_accuracy"):
        del read["test_accuracy"]
    columns = {n: np.asarray(table[c], float) for n, c in read.items()}
    if "train_accuracy" not in read and _number(table, "output_margin.wrong"):
        columns["train_accuracy"] = 1 - np.asarray(table["output_margin.wrong"], float)
        read["train_accuracy"] = "output_margin.wrong"
    found = []
    for run in range(curves.count):
        mine = np.flatnonzero(curves.run == run)
        mine = mine[np.argsort(curves.position[mine], kind="stable")]
        # A step logged twice, as after a resumption, counts as it was logged last.
        step = curves.position[mine]
        mine = mine[np.r_[np.diff(step) > 0, True]]
        mine = mine[curves.position[mine] >= 1]
        if until is not None:
            mine = mine[curves.position[mine] <= until]
        if len(mine):
            name = f"run {run + 1}"
            if "run" in table.columns:
                given = table["run"][mine[0]]
                # Numbers that name runs are read as any column of numbers.
                whole = isinstance(given, float) and given.is_integer()
                name = str(int(given) if whole else given)
            cut = {n: c[mine] for n, c in columns.items()}
            found.append(_outlook(name, curves.position[mine], cut))
    ahead = any(o.forecast is not None for o in found)
    return Outlooks(where, tuple(found), read, levers() if ahead else None)


def _number(table: RunTable, name: str) -> bool:
    return name in table.columns and table.columns[name].dtype != object


def _outlook(name: str, step: Array, columns: Mapping[str, Array]) -> Outlook:
    settings = {n: float(columns[n][0]) for n in SETTINGS if n in columns}
    read = {n: c for n, c in columns.items() if n in _signs.SCALES and np.isfinite(c).any()}
    memorised = _first(step, read.get("train_accuracy"), _signs.MEMORISED)
    generalised = _first(step, read.get("test_accuracy"), GENERALISED)
    made, why = None, ""
    if generalised is None:
        if step[-1] < FIRST:
            why = f"too early: {format_number(step[-1])} steps"
        else:
            try:
                made = forecast_grokking(step, read, settings=settings)
            except MissingExtra:
                raise
            except ForescaleError as error:
                why = str(error)
    return Outlook(
        run=name,
        step=float(step[-1]),
        train_loss=_last(columns["train_loss"]),
        test_loss=_last(columns["test_loss"]),
        memorised=memorised,
        generalised=generalised,
        forecast=made,
        why=why,
    )


def _first(step: Array, curve: Array | None, least: float) -> float | None:
    if curve is None or not (there := curve >= least).any():
        return None
    return float(step[np.argmax(there)])


def _last(curve: Sequence[float] | Array) -> float:
    known = np.asarray(curve)[np.isfinite(curve)]
    return float(known[-1]) if len(known) else math.nan
