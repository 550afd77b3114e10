"""Loss surface: what a law in two inputs says everywhere, with the runs that it knows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from forescale.forecast import Point
from forescale.quantities import format_place
from forescale.report._words import forecast_value, titled
from forescale.report.charts._runs import Runs
from forescale.report.charts._spec import ORANGE, Array, Chart, Spec, axis, number, plain, rows, tip

COLUMNS, CELLS, LEVELS = 96, 160, 14
#: The map reaches this many times beyond the runs and the forecasts.
MARGIN = 1.3


def surface(runs: Runs, points: Sequence[Point] = ()) -> Chart | None:
    """The map of the law over its two inputs; None for other laws or inputs with zeros."""
    if len(runs.inputs) != 2 or any((v <= 0).any() for v in runs.inputs.values()):
        return None
    names = list(runs.inputs)
    group = points[0].group if points else (runs.groups[0] if runs.groups else None)
    spans = [
        np.concatenate([runs.inputs[n], np.array([p.inputs[n] for p in points], float)])
        for n in names
    ]
    spans = [np.array([s.min() / MARGIN, s.max() * MARGIN]) for s in spans]
    x, y = (
        axis(f, titled(runs.fit.runs, n), s)
        for f, n, s in zip(("x", "y"), names, spans, strict=True)
    )
    (x0, x1), (y0, y1) = x["scale"]["domain"], y["scale"]["domain"]
    cells, levels = _bands(runs, names, ((x0, x1), (y0, y1)), group)
    if not cells:
        return None
    colour = {
        "field": "v", "type": "quantitative",
        "scale": {"scheme": "viridis", "reverse": True, "domain": [number(levels[0]),
                                                                  number(levels[-1])]},
        "legend": {"title": runs.output_title, "gradientLength": 180, "tickCount": 4},
    }  # fmt: skip
    layers: list[Spec] = [
        {
            "data": {"values": cells},
            "mark": {"type": "rect", "clip": True},
            "encoding": {
                "x": x, "x2": {"field": "x2"}, "y": y, "y2": {"field": "y2"},
                "color": colour,
            },
        },
    ]  # fmt: skip
    if set(names) == {"N", "D"}:
        layers += _isoflops((x0, x1), (y0, y1))
    layers.append(
        {
            "data": {"name": runs.name},
            "mark": {"type": "circle", "size": 30, "color": "#ffffff", "stroke": "#222222",
                     "strokeWidth": 0.8, "opacity": 0.9},
            "encoding": {
                "x": plain("i0"), "y": plain("i1"),
                "tooltip": tip(run="run", at="at", y="measured", p="fitted"),
            },
        }
    )  # fmt: skip
    layers += _targets(points, names)
    told = f" Parameters of group {group}." if group is not None else ""
    lines = "; dashed lines join equal compute" if set(names) == {"N", "D"} else ""
    return Chart(
        title=f"{runs.fit.law.predicts} over {names[0]} and {names[1]}",
        spec={"layer": layers},
        caption=f"{runs.fit.law.predicts} by the fitted law over {names[0]} and {names[1]}, in "
        f"{len(levels) - 1} steps. The colours are the best fit alone: trust them near the dots, "
        f"and the forecast's interval elsewhere.{told}{runs.thinned}",
        read=f"White dots are runs, brighter is better{lines}"
        + ("; the diamond is the forecast." if points else "."),
        height=400,
        data=runs.data,
    )


def _bands(
    runs: Runs, names: Sequence[str], box: Sequence[tuple[float, float]], group: str | None
) -> tuple[list[Spec], Array]:
    """Columns of the map cut where the law crosses a level: few marks, smooth edges."""
    edges = [np.geomspace(*ends, k + 1) for ends, k in zip(box, (COLUMNS, CELLS), strict=True)]
    middle = [np.sqrt(e[1:] * e[:-1]) for e in edges]
    at = {names[0]: np.repeat(middle[0], CELLS), names[1]: np.tile(middle[1], COLUMNS)}
    grid = runs.fit.predict(at, group=group).reshape(COLUMNS, CELLS)
    good = grid[np.isfinite(grid)]
    if not len(good) or good.min() == good.max():
        return [], good
    # Losses crowd near the floor, so levels are even in rank rather than in loss.
    ends = np.quantile(good, [0.0, 0.98])
    levels = ends[0] + (ends[1] - ends[0]) * np.linspace(0, 1, LEVELS + 1) ** 1.5
    band = np.clip(np.searchsorted(levels, grid, side="right") - 1, 0, LEVELS - 1)
    value = 0.5 * (levels[1:] + levels[:-1])
    seam = (box[0][1] / box[0][0]) ** (0.3 / COLUMNS)
    cells: dict[str, list[float]] = {k: [] for k in ("x", "x2", "y", "y2", "v")}
    for c in range(COLUMNS):
        starts = np.concatenate([[0], np.flatnonzero(np.diff(band[c])) + 1, [CELLS]])
        for a, b in pairwise(starts.tolist()):
            cells["x"].append(float(edges[0][c]))
            # A little over the next column and row: no seams of the paper between them.
            cells["x2"].append(float(edges[0][c + 1]) * seam)
            cells["y"].append(float(edges[1][a]))
            cells["y2"].append(float(edges[1][b]) * seam)
            cells["v"].append(float(value[band[c, a]]))
    return rows(**cells), levels


def _isoflops(x: tuple[float, float], y: tuple[float, float]) -> list[Spec]:
    """Lines of equal 6ND at whole decades, cut to the map."""
    low, high = np.log10(6 * x[0] * y[0]), np.log10(6 * x[1] * y[1])
    step = max(1, round((high - low) / 7))
    data = []
    for e in range(int(np.ceil(low)), int(np.floor(high)) + 1, step):
        product = 10.0**e / 6
        left, right = max(x[0], product / y[1]), min(x[1], product / y[0])
        if right > left * 1.5:
            data.append({"x": left, "y": product / left, "x2": right, "y2": product / right,
                         "t": f"1e{e}"})  # fmt: skip
    return [
        {
            "data": {"values": data},
            "mark": {"type": "rule", "strokeDash": [3, 4], "color": "#ffffff", "opacity": 0.7},
            "encoding": {"x": plain("x"), "y": plain("y"), "x2": {"field": "x2"},
                         "y2": {"field": "y2"}},
        },
        {
            "data": {"values": data},
            "mark": {"type": "text", "fill": "#ffffff", "fontSize": 10, "align": "left", "dx": 8,
                     "dy": 14, "clip": True},
            "encoding": {"x": plain("x"), "y": plain("y"), "text": {"field": "t"}},
        },
    ]  # fmt: skip


def _targets(points: Sequence[Point], names: Sequence[str]) -> list[Spec]:
    if not points:
        return []
    data = [
        {"x": p.inputs[names[0]], "y": p.inputs[names[1]], "t": forecast_value(p),
         "at": format_place(p.inputs)}
        for p in points
    ]  # fmt: skip
    here = {"x": plain("x"), "y": plain("y")}
    return [
        {"data": {"values": data},
         "mark": {"type": "point", "shape": "diamond", "filled": True, "size": 150,
                  "color": ORANGE, "stroke": "#ffffff", "opacity": 1},
         "encoding": {**here, "tooltip": tip(at="at", t="forecast")}},
        {"data": {"values": data},
         "mark": {"type": "text", "align": "right", "dx": -10, "fontWeight": "bold",
                  "fill": "#111111"},
         "encoding": {**here, "text": {"field": "t"}}},
    ]  # fmt: skip
