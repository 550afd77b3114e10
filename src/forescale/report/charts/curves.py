"""Learning curves: the loss of every run while it trained."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from forescale.quantities import format_number, format_place, short
from forescale.report._words import titled
from forescale.report.charts._spec import (
    GREY,
    MOST_POINTS,
    Chart,
    Spec,
    axis,
    by_size,
    plain,
    rows,
    tip,
)
from forescale.runs import RunTable
from forescale.runs.curves import Curves, find_curves

#: Columns that can lie below a curve: what a run has cost so far, or how far it has come.
ALONG = ("C", "D", "step", "epochs", "epoch")
#: Fewest points left of a curve, however many curves there are.
LEAST_POINTS = 8


def curves(table: RunTable, name: str) -> Chart | None:
    """Loss against compute, or against data or steps where compute is not known.

    Args:
        table: Several rows per run, read with pick="all".
        name: Name of the data set in the page.

    Returns:
        The chart; None for a table without curves, losses or anything to draw them along.
    """
    found = find_curves(table)
    along = next((a for a in ALONG if a in table.columns), None)
    if found is None or along is None or "L" not in table.columns:
        return None
    x, y = (np.asarray(table[n], float) for n in (along, "L"))
    # A first point at zero would make the axis linear and squeeze all others to its edge.
    drawn = _thinned(found, x, np.isfinite(x) & np.isfinite(y) & (x > 0))
    if not len(drawn):
        return None
    ends = _ends(found, drawn)
    sized = "N" in table.columns and bool((table["N"][drawn] > 0).all())
    count = len(np.unique(found.run[drawn]))
    data = rows(
        x=x[drawn],
        y=y[drawn],
        end=ends.tolist(),
        of=found.run[drawn].tolist(),
        run=[_label(table, found, int(i)) for i in drawn],
        at=[_at(table, along, int(i)) for i in drawn],
        **({"n": table["N"][drawn]} if sized else {}),
    )
    colour: Spec = by_size("n", titled(table, "N")) if sized else {"value": GREY}
    detail: Spec = {"field": "of", "type": "nominal"}
    sets: Spec = {"data": {"name": name}}
    # While the pointer is on one run the others fade; among a hundred it could not be followed.
    pointed: Spec = {
        "name": "pointed",
        "select": {"type": "point", "fields": ["of"], "on": "pointerover", "clear": "pointerout"},
    }
    faded = {"condition": {"param": "pointed", "value": 0.9 if count <= 40 else 0.6}, "value": 0.1}
    thick = {"condition": {"param": "pointed", "empty": False, "value": 3}, "value": 1.5}
    spec: Spec = {
        "layer": [
            {**sets, "mark": {"type": "line", "clip": True},
             "encoding": {"x": axis("x", titled(table, along), x[drawn]),
                          "y": axis("y", titled(table, "L"), y[drawn]),
                          "detail": detail, "color": colour,
                          "opacity": faded, "strokeWidth": thick}},
            # A ring too small to have a hole: the legend of filled marks and of lines together
            # would be a row of symbols in place of one scale.
            {**sets, "transform": [{"filter": "datum.end"}],
             "mark": {"type": "point", "filled": False, **_ring(count)},
             "encoding": {"x": plain("x"), "y": plain("y"), "detail": detail, "color": colour,
                          "opacity": faded}},
            # Unseen, and what the pointer meets: a line has no one place to tell of.
            {**sets, "params": [pointed],
             "mark": {"type": "circle", "size": 90, "opacity": 0},
             "encoding": {"x": plain("x"), "y": plain("y"), "detail": detail,
                          "tooltip": tip(run="run", at="at", y="loss")}},
        ]
    }  # fmt: skip
    return Chart(
        title="Loss while training",
        spec=spec,
        caption=f"{count:,} runs{_sizes(table, drawn) if sized else ''}, each from its first "
        f"measurement to its end{_thinning(table, drawn)}.",
        read="A line is a run, its dot the end; the pointer brings one run forward. Where the "
        "rate decays, a loss on the way is not what a shorter run would end at.",
        height=420,
        data={name: data},
    )


def _ring(count: int) -> Spec:
    radius = 1.95 if count <= 40 else 1.25
    return {"size": math.pi * radius**2, "strokeWidth": 2 * radius}


def _thinned(found: Curves, x: NDArray[np.float64], good: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rows to draw, run by run in their order; of long curves, points evenly spaced in log x."""
    each = max(LEAST_POINTS, MOST_POINTS // max(found.count, 1))
    chosen = []
    for run in range(found.count):
        points = np.flatnonzero(good & (found.run == run))
        points = points[np.argsort(found.position[points], kind="stable")]
        if len(points) > each:
            grid = np.geomspace(x[points[0]], x[points[-1]], each)
            near = np.searchsorted(x[points], grid).clip(max=len(points) - 1)
            points = points[np.unique(np.append(near, [0, len(points) - 1]))]
        chosen.append(points)
    return np.concatenate([np.zeros(0, np.intp), *chosen])


def _ends(found: Curves, drawn: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which of the rows drawn is the last of its run."""
    run = found.run[drawn]
    return np.append(run[1:] != run[:-1], True)


def _label(table: RunTable, found: Curves, i: int) -> str:
    run = short(str(table["run"][i]), 30) if "run" in table else str(found.run[i] + 1)
    size = f", N={format_number(table['N'][i])}" if "N" in table.columns else ""
    return f"{run}{size}"


def _at(table: RunTable, along: str, i: int) -> str:
    names = [along, *(n for n in ("step",) if n in table.columns and n != along)]
    return format_place({n: float(table[n][i]) for n in names})


def _sizes(table: RunTable, drawn: NDArray[np.intp]) -> str:
    count = len(np.unique(table["N"][drawn]))
    return f" of {count} sizes" if count > 1 else " of one size"


def _thinning(table: RunTable, drawn: NDArray[np.intp]) -> str:
    if len(drawn) == len(table):
        return ""
    return f"; {len(drawn):,} of {len(table):,} points are drawn"
