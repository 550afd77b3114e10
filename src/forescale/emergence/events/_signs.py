"""What a run shows by a step: the height and the slope of every curve, on scales without units.

Losses, norms and ranks are read by their logs, shares by their log odds. A slope is over the log
of steps, in the last half decade of what is read, so that it is the same however long a run is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.errors import BadTable

Array = NDArray[np.float64]
Scale = Literal["log", "odds", "plain"]

#: Curves that are read, and how.
SCALES: Mapping[str, Scale] = {
    "train_loss": "log",
    "test_loss": "log",
    "train_accuracy": "odds",
    "test_accuracy": "odds",
    "margin": "plain",
    "logit_scale": "log",
    "absorbed": "plain",
    "weight_norm": "log",
    "gradient_norm": "log",
    "naive_cosine": "plain",
    "feature_rank": "log",
    "feature_dimension": "log",
    "collapse": "log",
    "kernel_alignment": "plain",
    "kernel_rank": "log",
    "coherence": "log",
}
#: What training loops log anyway; the others are read by probes.
LOSSES = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
#: Settings, read by their logs, with what is added to those that may be zero.
SETTINGS: Mapping[str, float] = {"weight_decay": 1e-2, "lr": 0.0}
#: Losses are not told apart below it, shares not nearer to 0 and 1 than it.
TINY, EDGE = 1e-8, 5e-3
#: Train accuracy from which a run has memorised, and the factor of steps that a slope is over.
MEMORISED, REACH = 0.99, 10**0.5


def signs(
    steps: ArrayLike,
    curves: Mapping[str, ArrayLike],
    until: float,
    settings: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """What a run shows by a step, numbers by name; NaN where too little was read.

    Each curve gives its last value and, as "NAME_slope", its slope; the weight norm is relative to
    its first value. Besides: "memorised", log of the step over that at which the train accuracy
    reached 0.99, 0 before it has; "fallen", log of the highest test loss over the last; "shrunk",
    log of 1 + step * rate * weight decay, where the settings are given.

    Args:
        steps: Steps of the points, ascending, shape (n,).
        curves: Those of `SCALES` that there are, each of shape (n,); points that are no number
            are left out.
        until: Step up to which the run is read.
        settings: Those of `SETTINGS` that are known.

    Raises:
        BadTable: If a curve does not match the steps, or there is no point by then.
    """
    at = np.asarray(steps, float)
    if at.ndim != 1 or not (np.diff(at) > 0).all():
        raise BadTable("steps do not ascend", where="steps", fix="sort the points, each step once")
    if not (at <= until).any():
        raise BadTable(f"no point by step {until:g}", where="steps", fix="read further")
    out = {"step": math.log(until)}
    for name, scale in SCALES.items():
        if name not in curves:
            continue
        y = np.asarray(curves[name], float)
        if y.shape != at.shape:
            raise BadTable(f"shape {y.shape} beside {at.shape} steps", where=name)
        read = np.isfinite(y) & (at <= until)
        t, y = np.maximum(at[read], 1.0), scaled(y[read], scale)
        if not len(t):
            out |= {name: math.nan, f"{name}_slope": math.nan}
            continue
        out[name] = float(y[-1] - y[0] if name == "weight_norm" else y[-1])
        late = t > until / REACH
        out[f"{name}_slope"] = slope(t[late], y[late])
        if name == "test_loss":
            out["fallen"] = float(y.max() - y[-1])
    if "train_accuracy" in curves:
        known = np.asarray(curves["train_accuracy"], float)
        there = (known >= MEMORISED) & (at <= until)
        since = until / max(at[np.argmax(there)], 1.0) if there.any() else 1.0
        out["memorised"] = math.log(since)
    given = settings or {}
    for name, least in SETTINGS.items():
        if name in given:
            out[name] = math.log(max(given[name] + least, TINY))
    if SETTINGS.keys() <= given.keys():
        out["shrunk"] = math.log1p(until * given["lr"] * given["weight_decay"])
    return out


def table(rows: Sequence[Mapping[str, float]], names: Sequence[str]) -> Array:
    """Signs of several runs as an array, shape (rows, names); NaN where one is not known."""
    return np.array([[row.get(n, math.nan) for n in names] for row in rows], float)


def scaled(y: Array, scale: Scale) -> Array:
    """Values on the scale on which they are read."""
    if scale == "log":
        return np.log(np.maximum(y, TINY))
    if scale == "odds":
        share = np.clip(y, EDGE, 1 - EDGE)
        return np.asarray(np.log(share / (1 - share)))
    return y


def slope(t: Array, y: Array) -> float:
    """Slope of y over log t; NaN of fewer than three points."""
    if len(t) < 3:
        return math.nan
    u = np.log(t) - np.log(t).mean()
    return float(u @ (y - y.mean()) / max(u @ u, 1e-12))
