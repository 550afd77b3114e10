"""Forecast fan: the runs, the fitted curve, its band as far as the farthest forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forescale.fit import Fit
from forescale.forecast import Backtest, Forecast, Point, forecast
from forescale.forecast._scale import scale_of
from forescale.quantities import format_number, format_place
from forescale.report._words import forecast_value, law_name, level_text
from forescale.report.charts._runs import Runs
from forescale.report.charts._spec import (
    BLUE,
    GROUPS,
    ORANGE,
    Array,
    Chart,
    Spec,
    axis,
    plain,
    rows,
    tip,
)

#: Places along the curve.
PLACES = 48
#: Groups that each get a curve.
CURVES = 6


def fan(runs: Runs, forecasts: Sequence[Forecast] = (), test: Backtest | None = None) -> Chart:
    """The chart of loss against scale.

    Args:
        runs: The runs of the fit.
        forecasts: Forecasts made with it.
        test: The backtest that widens the band, where no forecast brings one.
    """
    fit = forecasts[0].fit if forecasts else runs.fit
    if any(f.draws is None for _, f in fit.rivals):
        # Drawing them would be computing, and slow; the band is then this law's alone.
        fit = replace(fit, rivals=())
    test = forecasts[0].backtest if forecasts else test
    points = [(p, f.level) for f in forecasts for p in f.points]
    path = _path(runs, [p for p, _ in points])
    largest = float(runs.scale.max())
    groups = _groups(runs, [p for p, _ in points])
    level = forecasts[0].level if forecasts else fit.level
    bands: list[Spec] = []
    lines: list[Spec] = []
    ys = [runs.observed]
    for group in groups:
        colour = GROUPS[list(runs.groups).index(group) % len(GROUPS)] if group else BLUE
        made, data = _along(fit, path, group, test, forecasts)
        if made and len(groups) == 1:
            bands += _bands(data, colour)
        lines += _lines(data, path.scale, largest, colour)
        ys.append(np.array([v for row in data for v in (row["lo"], row["hi"]) if v is not None]))
    banded = fit.draws is not None and len(groups) == 1
    xs = np.concatenate([path.scale, runs.scale, *([_scale(runs, p)] for p, _ in points)])
    ys += [np.array([p.band.lo, p.band.hi]) for p, _ in points]
    shown_runs: Spec = {
        "data": {"name": runs.name},
        "mark": {"type": "circle", "size": 42 if len(runs.drawn) < 400 else 18, "opacity": 0.75},
        "encoding": {
            "x": axis("x", runs.scale_title, xs),
            "y": axis("y", runs.output_title, np.concatenate(ys), log=fit.spec.log_residual),
            "color": runs.colour,
            "tooltip": tip(run="run", at="at", y="measured", p="fitted"),
        },
    }
    spec = {"layer": [*bands, shown_runs, *lines, _edge(largest), *_marks(runs, points)]}
    return Chart(
        title=f"{fit.law.predicts} against {runs.scale_title.partition(' (')[0]}",
        spec=spec,
        caption=_caption(runs, fit, path, level, banded, bool(points)) + runs.thinned,
        read="Dots are runs; the line is the law, dashed where no run was made"
        + ("; diamonds are forecasts, their bars the intervals" if points else "")
        + ". Both axes are logarithmic." * bool(fit.spec.log_residual),
        height=420,
        data=runs.data,
    )


@dataclass(frozen=True, eq=False)
class _Path:
    inputs: dict[str, Array]
    scale: Array
    words: str


def _path(runs: Runs, points: Sequence[Point]) -> _Path:
    """Places from the smallest run to the farthest place, and how they were chosen."""
    law, x = runs.fit.law, runs.inputs
    far = max(points, key=lambda p: p.distance.decades, default=None)
    scales = [float(_scale(runs, p)) for p in points] + [float(runs.scale.max())]
    positive = runs.scale[runs.scale > 0]
    low = float(positive.min()) if len(positive) else 1e-9
    grid = np.geomspace(low, max(scales), PLACES)
    if len(x) == 1:
        return _Path({law.inputs[0]: grid}, grid, "")
    if set(x) == {"N", "D"}:
        if far is not None:
            ratio, whose = far.inputs["D"] / far.inputs["N"], "as in the farthest forecast"
        else:
            ratio, whose = float(np.median(x["D"] / x["N"])), "the runs' median"
        n = np.sqrt(grid / (6 * ratio))
        words = f"at {format_number(ratio, 3)} tokens per parameter ({whose})"
        return _Path({"N": n, "D": ratio * n}, grid, words)
    first = int(np.argmin(np.where(runs.scale > 0, runs.scale, np.inf)))
    start = {i: float(v[first]) for i, v in x.items()}
    last = int(np.argmax(runs.scale))
    end = dict(far.inputs) if far is not None else {i: float(v[last]) for i, v in x.items()}
    share = np.linspace(0, 1, PLACES)
    line = {
        i: start[i] * (end[i] / start[i]) ** share
        if start[i] > 0 and end[i] > 0
        else start[i] + (end[i] - start[i]) * share
        for i in x
    }
    words = f"on the way from the smallest run ({format_place(start)}) to {format_place(end)}"
    return _Path(line, scale_of(line, law)[1], words)


def _scale(runs: Runs, point: Point) -> float:
    here = {i: np.array([point.inputs[i]]) for i in runs.inputs}
    return float(scale_of(here, runs.fit.law)[1][0])


def _groups(runs: Runs, points: Sequence[Point]) -> list[str | None]:
    if not runs.groups:
        return [None]
    asked = list(dict.fromkeys(p.group for p in points if p.group is not None))
    return list(asked or runs.groups[:CURVES])


def _along(
    fit: Fit, path: _Path, group: str | None, test: Backtest | None, forecasts: Sequence[Forecast]
) -> tuple[bool, list[Spec]]:
    """The curve with its band; the band is the forecast room's, as at the forecast points."""
    if fit.draws is None:
        y = fit.predict(path.inputs, group=group)
        return False, rows(x=path.scale, m=y, lo=y, hi=y, plo=y, phi=y)
    first = forecasts[0] if forecasts else None
    made = forecast(
        fit,
        path.inputs,
        level=first.level if first else None,
        group=group,
        test=test or False,
        drift=first.drift if first else None,
    )
    bands = made.points
    return True, rows(
        x=path.scale,
        m=fit.predict(path.inputs, group=group),
        lo=[p.band.lo for p in bands],
        hi=[p.band.hi for p in bands],
        plo=[p.parameters.lo for p in bands],
        phi=[p.parameters.hi for p in bands],
    )


def _bands(data: list[Spec], colour: str) -> list[Spec]:
    return [
        {
            "data": {"values": data},
            "mark": {"type": "area", "color": colour, "clip": True, "opacity": opacity},
            "encoding": {"x": plain("x"), "y": plain(lo), "y2": {"field": hi}},
        }
        for lo, hi, opacity in (("lo", "hi", 0.16), ("plo", "phi", 0.2))
    ]


def _lines(data: list[Spec], scale: Array, largest: float, colour: str) -> list[Spec]:
    inside = [d for d, s in zip(data, scale, strict=True) if s <= largest * 1.0001]
    outside = data[max(len(inside) - 1, 0) :]
    return [
        {
            "data": {"values": part},
            "mark": {"type": "line", "color": colour, "strokeWidth": 2, "clip": True, **dash},
            "encoding": {"x": plain("x"), "y": plain("m")},
        }
        for part, dash in ((inside, {}), (outside, {"strokeDash": [6, 4]}))
        if len(part) > 1
    ]


def _edge(largest: float) -> Spec:
    return {
        "data": {"values": [{"x": largest}]},
        "layer": [
            {"mark": {"type": "rule", "strokeDash": [2, 3], "color": "#888"},
             "encoding": {"x": plain("x")}},
            {"mark": {"type": "text", "text": "largest run", "align": "right", "dx": -5, "dy": 10,
                      "baseline": "top", "fontSize": 11},
             "encoding": {"x": plain("x"), "y": {"value": 0}}},
        ],
    }  # fmt: skip


def _marks(runs: Runs, points: Sequence[tuple[Point, float]]) -> list[Spec]:
    if not points:
        return []
    data = [
        {
            **rows(x=[_scale(runs, p)], m=[p.band.median], lo=[p.band.lo], hi=[p.band.hi])[0],
            "text": forecast_value(p),
            "at": format_place(p.inputs),
            "say": f"{forecast_value(p)} ({level_text(level)}: {p.band.lo:.4g} to {p.band.hi:.4g})",
        }
        for p, level in points
    ]
    x = plain("x")
    base: dict[str, Any] = {"data": {"values": data}}
    return [
        {**base, "mark": {"type": "rule", "color": ORANGE, "strokeWidth": 2.5},
         "encoding": {"x": x, "y": plain("lo"), "y2": {"field": "hi"}}},
        {**base, "mark": {"type": "point", "shape": "diamond", "filled": True, "size": 130,
                          "color": ORANGE, "opacity": 1},
         "encoding": {"x": x, "y": plain("m"), "tooltip": tip(at="at", say="forecast")}},
        {**base, "mark": {"type": "text", "align": "right", "dx": -10, "dy": 12,
                          "fontWeight": "bold", "fontSize": 13},
         "encoding": {"x": x, "y": plain("m"), "text": {"field": "text"}}},
    ]  # fmt: skip


def _caption(runs: Runs, fit: Fit, path: _Path, level: float, banded: bool, forecasts: bool) -> str:
    where = f" {path.words}" if path.words else ""
    curve = f"{law_name(fit.law.name, fit.law.formula)}{where}"
    if fit.rivals:
        curve += f", mixed with {len(fit.rivals) - 1} other laws in the band"
    if banded:
        band = (
            f"The wide band is where {level_text(level)} of new runs should fall"
            + ("" if forecasts else " (run noise and drift with distance included)")
            + ", the narrow one what the doubt of the parameters alone would say."
        )
    elif len(runs.groups) > 1:
        band = "One curve per group; their intervals stand in the tables."
    else:
        band = "No band: this fit carries no draws of its parameters."
    return f"{len(runs.observed):,} runs and {curve}. {band}"
