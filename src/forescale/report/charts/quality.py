"""How the law fits the runs it was given: predicted against measured, and what is left over."""

from __future__ import annotations

import numpy as np

from forescale.report._words import percent
from forescale.report.charts._runs import Runs
from forescale.report.charts._spec import GREY, Chart, Spec, axis, plain, tip

_TIP = {"run": "run", "at": "at", "y": "measured", "p": "fitted", "e": "off by"}


def _dots(runs: Runs) -> Spec:
    return {"type": "circle", "size": 38 if len(runs.drawn) < 400 else 16, "opacity": 0.75}


def parity(runs: Runs) -> Chart:
    """Measured against fitted values."""
    both = np.concatenate([runs.observed, runs.predicted])
    log = runs.fit.spec.log_residual
    x = axis("p", f"fitted {runs.output_title}", both, log=log)
    y = axis("y", f"measured {runs.output_title}", both, log=log)
    low, high = x["scale"]["domain"]
    spec = {
        "layer": [
            {"data": {"values": [{"a": low, "b": low}, {"a": high, "b": high}]},
             "mark": {"type": "line", "color": GREY, "strokeWidth": 1},
             "encoding": {"x": plain("a"), "y": plain("b")}},
            {"data": {"name": runs.name}, "mark": _dots(runs),
             "encoding": {"x": x, "y": y, "color": runs.colour, "tooltip": tip(**_TIP)}},
            *_labels(runs, "p", "y"),
        ]
    }  # fmt: skip
    inside = float(np.mean(np.abs(runs.error) <= 2 * runs.sigma))
    return Chart(
        title="Fitted against measured",
        spec=spec,
        caption=f"{percent(100 * inside, 3)} of the runs lie within twice the noise found "
        f"({_noise(runs)} per run).{runs.thinned}",
        read="On the line, law and run agree; below it the run did better than the law says.",
        data=runs.data,
        small=True,
    )


def residuals(runs: Runs) -> Chart:
    """What the law leaves over, against scale."""
    s = runs.sigma
    reach = np.concatenate([runs.error, [2.2 * s, -2.2 * s]])
    title = f"measured minus fitted ({runs.error_unit})" if runs.error_unit else "residual"
    spec = {
        "layer": [
            {"data": {"values": [{"lo": -2 * s, "hi": 2 * s}]},
             "mark": {"type": "rect", "color": GREY, "opacity": 0.15},
             "encoding": {"y": plain("lo"), "y2": {"field": "hi"}}},
            {"data": {"values": [{"z": 0}]}, "mark": {"type": "rule", "color": GREY},
             "encoding": {"y": plain("z")}},
            {"data": {"name": runs.name}, "mark": _dots(runs),
             "encoding": {"x": axis("x", runs.scale_title, runs.scale),
                          "y": axis("e", title, reach, log=False),
                          "color": runs.colour, "tooltip": tip(**_TIP)}},
            *_labels(runs, "x", "e"),
        ]
    }  # fmt: skip
    far = int(runs.outliers.sum())
    named = f" The {far} farthest off are labelled." if far > 1 else ""
    named = " The farthest off is labelled." if far == 1 else named
    bends = [f.message for f in runs.fit.flags if f.name == "bends"]
    found = f" In doubt: {bends[0]}." if bends else ""
    return Chart(
        title="Residuals against scale",
        spec=spec,
        caption=f"The band is twice the noise found ({_noise(runs)} per run).{named}{found}",
        read="A cloud without a shape is what a right law leaves; a bend or a slope would carry "
        "over into every forecast.",
        data=runs.data,
        small=True,
    )


def _noise(runs: Runs) -> str:
    return percent(runs.sigma) if runs.error_unit == "%" else f"{runs.sigma:.2g}"


def _labels(runs: Runs, x: str, y: str) -> list[Spec]:
    if not runs.outliers.any():
        return []
    return [
        {
            "data": {"name": runs.name},
            "transform": [{"filter": "datum.far !== ''"}],
            "mark": {"type": "text", "dy": -9, "fontSize": 11},
            "encoding": {"x": plain(x), "y": plain(y), "text": {"field": "far"}},
        }
    ]
