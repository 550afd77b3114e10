"""How sure: one method per file, each giving draws of a fit's parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forescale import catalogue
from forescale.errors import BadOption, check_level
from forescale.fit import Draws, Fit, Flag
from forescale.fit.result import Severity
from forescale.uncertainty._agreement import agreement, apart
from forescale.uncertainty._method import Method
from forescale.uncertainty._profile import Profile, intervals, profile

__all__ = ["Method", "Profile", "apart", "assess", "get", "names", "profile"]

#: Rows above which refits cost more than they tell: the sandwich is then exact enough.
MANY_ROWS = 20_000
#: Rows below which drawing runs would lose the design.
FEW_ROWS = 20
#: Flags that are made here, anew with every method.
_OURS = ("intervals", "intervals agree", "intervals disagree")
_ORDER = ("fail", "warn", "note")


def names() -> tuple[str, ...]:
    """Names of the methods."""
    return catalogue.names(__name__)


def get(name: str) -> Method:
    """The method called `name`."""
    method: Method = catalogue.load(__name__, name, "METHOD")
    return method


def clusters_of(fit: Fit, by: str | None) -> NDArray[np.intp]:
    """Cluster of each row: by a column, or by run where a run has several rows."""
    n = len(fit.runs)
    column = by
    if column is None and "run" in fit.runs:
        column = "run" if len(np.unique(fit.runs["run"].astype(str))) < n else None
    if column is None:
        return np.arange(n)
    _, index = np.unique(fit.runs[column].astype(str), return_inverse=True)
    return index.astype(np.intp)


def choose(fit: Fit, clusters: NDArray[np.intp]) -> str:
    """The method that suits the table: see the constants above."""
    n, m = len(fit.runs), int(clusters.max()) + 1
    if n > MANY_ROWS:
        return "sandwich"
    if m < n:
        return "cluster" if m >= 8 else "sandwich"
    return "pairs" if n >= max(FEW_ROWS, 4 * fit.problem.size) else "residual"


def _doubts(draws: Draws, wanted: int) -> list[Flag]:
    """What the draws' notes say, as doubts about the fit that everyone gets to see."""
    lost = 1.0 - len(draws.natural) / wanted
    severity: Severity = "fail" if lost > 0.5 else "warn" if lost > 0.05 else "note"
    return [Flag("intervals", severity, note) for note in draws.notes]


def assess(
    fit: Fit,
    method: str = "auto",
    *,
    resamples: int = 1000,
    level: float = 0.9,
    seed: int | None = None,
    cluster: str | None = None,
    workers: int = 1,
    cross_check: bool = False,
) -> Fit:
    """The fit with parameter draws, and with them intervals.

    Args:
        fit: A fit.
        method: "auto", a name of this room, or "profile" for profile-likelihood intervals
            (the draws for forecasts then come from the sandwich).
        resamples: Draws made.
        level: Level of the intervals shown.
        seed: Seed of the draws; the fit's own by default. The draws are the same for any
            number of workers.
        cluster: Column whose equal values err together.
        workers: Processes.
        cross_check: Whether profile intervals are held against those of the draws, and a
            parameter on which they disagree is flagged. With "profile" the draws are those
            that "auto" would make.

    Raises:
        BadOption: If level or resamples cannot be used, or the method knows no clusters (nor
            does a cross-check).
        UnknownName: If there is no such method.
        MissingExtra: If the method needs a library that is not installed.
    """
    check_level(level)
    if resamples < 20:
        raise BadOption(f"{resamples} resamples", fix="use 20 or more")
    clusters = clusters_of(fit, cluster)
    wanted = method
    if method == "auto":
        method = "cluster" if cluster is not None else choose(fit, clusters)
    used = get("sandwich" if method == "profile" else method)
    if cluster is not None and (wanted == "profile" or not used.clusters):
        able = ", ".join(n for n in names() if get(n).clusters)
        raise BadOption(
            f"'{wanted}' takes rows to err independently; it cannot cluster by {cluster}",
            fix=f"use --uncertainty {able}",
        )
    if cross_check and (cluster is not None or (wanted == "auto" and used.name == "cluster")):
        raise BadOption(
            "a profile takes rows to err independently; it cannot check draws of clusters",
            where="--cross-check",
            fix="name a method that takes them so too, such as --uncertainty pairs",
        )
    seed = fit.spec.seed if seed is None else seed
    theta, notes = used.draw(fit, resamples, seed, clusters=clusters, workers=workers)
    draws = Draws(used.name, fit.problem.natural(theta), seed, notes, cluster)
    out = fit.with_draws(draws, level=level)
    doubts = _doubts(draws, resamples)
    flags = [*(f for f in fit.flags if f.name not in _OURS), *doubts]
    if wanted == "profile" or cross_check:
        profiled = intervals(out, level=level)
    if cross_check:
        drawn = out if wanted != "profile" else assess(
            fit, choose(fit, clusters), resamples=resamples, level=level, seed=seed,
            workers=workers,
        )  # fmt: skip
        assert drawn.draws is not None
        flags += agreement(out, profiled, drawn.intervals, drawn.draws.method)
    out = replace(out, flags=tuple(sorted(flags, key=lambda f: _ORDER.index(f.severity))))
    return replace(out, profiled=profiled) if wanted == "profile" else out
