"""What the charts share: colours, axes that read as people write, thinning, one data set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Spec = dict[str, Any]

# Okabe & Ito's palette, told apart by colour-blind readers; its yellow is left out, too pale
# for a white page.
BLUE, ORANGE, GREEN, PINK, SKY, AMBER, GREY = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7f7f7f",
)  # fmt: skip
GROUPS = (BLUE, ORANGE, GREEN, PINK, SKY, AMBER, "#882255", GREY)
#: Points a chart draws: Vega is slow beyond ~20,000 marks on a page of several charts.
MOST_POINTS = 1500

#: Shared by every chart; the page's style sheet recolours text and grid for dark screens.
CONFIG: Spec = {
    "font": "system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif",
    "background": "#ffffff",
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "gridColor": "#e4e4e4",
        "domainColor": "#999999",
        "tickColor": "#999999",
        "labelColor": "#333333",
        "titleColor": "#333333",
    },
    "legend": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "orient": "top",
        "labelColor": "#333333",
        "titleColor": "#333333",
        "labelLimit": 220,
    },
    "text": {"fontSize": 12, "fill": "#333333"},
    "range": {"category": list(GROUPS)},
}

# 7e9 -> 7B, 1.4e12 -> 1.4T, 1e21 -> 1e21, 0.5 -> 0.5: d3 itself would write 7G and 500m.
_LABEL = (
    "datum.value === 0 ? '0' : abs(datum.value) >= 1e15 || abs(datum.value) < 1e-4 ? "
    "replace(format(datum.value, '.2~e'), 'e+', 'e') : abs(datum.value) >= 1e4 ? "
    "replace(format(datum.value, '.3~s'), 'G', 'B') : format(datum.value, '.4~g')"
)


@dataclass(frozen=True)
class Chart:
    """A chart with the words that belong to it.

    Args:
        title: What it shows.
        spec: Vega-Lite, without data sets, size and theme.
        caption: What one sees and how sure it is.
        read: How to read it: what each mark is.
        height: Pixels.
        data: Data sets that the spec names.
        small: Whether two fit side by side.
    """

    title: str
    spec: Spec
    caption: str
    read: str
    height: int = 340
    data: Mapping[str, list[Spec]] = field(default_factory=dict)
    small: bool = False

    def to_dict(self) -> Spec:
        """The spec, complete but for the theme (`CONFIG`)."""
        return {
            "width": "container",
            "height": self.height,
            "autosize": {"type": "fit", "contains": "padding"},
            "datasets": dict(self.data),
            **self.spec,
        }


def number(x: float) -> float | None:
    """`x` short enough for a page and fine enough for a pixel; None where there is none."""
    x = float(x)
    return float(f"{x:.5g}") if math.isfinite(x) else None


def rows(**columns: Any) -> list[Spec]:
    """Columns of equal length as records; numbers shortened."""
    cells = {
        k: [number(float(v)) if isinstance(v, float | np.floating) else v for v in values]
        for k, values in columns.items()
    }
    n = len(next(iter(cells.values()), []))
    return [{k: v[i] for k, v in cells.items()} for i in range(n)]


def axis(
    field_: str, title: str, values: Sequence[float] | Array, *, log: bool = True, **more: Any
) -> Spec:
    """An encoding channel for numbers spanning `values`: logarithmic where that can be."""
    v = np.asarray(values, float)
    v = v[np.isfinite(v)]
    log = log and len(v) > 0 and bool((v > 0).all())
    low, high = (float(v.min()), float(v.max())) if len(v) else (0.0, 1.0)
    scale: Spec = {"type": "log" if log else "linear", "nice": False, "zero": False}
    if log:
        scale.pop("zero")
        pad = max((high / low) ** 0.03, 1.002)
        scale["domain"] = [low / pad, high * pad]
    else:
        pad = 0.04 * (high - low) or 0.05 * abs(high) or 1.0
        scale["domain"] = [low - pad, high + pad]
    shown: Spec = {"title": title, "labelExpr": _LABEL, "labelOverlap": "greedy"}
    if log:
        shown["values"] = ticks(*scale["domain"])
    return {"field": field_, "type": "quantitative", "scale": scale, "axis": shown, **more}


def ticks(low: float, high: float) -> list[float]:
    """Round numbers for a log axis: decades, with what lies between where decades are few."""
    a, b = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        out = [float(f"{s}e{e}") for e in range(a, b + 1) for s in steps]
        out = [t for t in out if low <= t <= high]
        if len(out) >= 4:
            return out[:: math.ceil(len(out) / 9)]
    step = 10.0 ** math.floor(math.log10((high - low) / 3))
    step *= next((m for m in (5, 2) if (high - low) / (m * step) >= 3), 1)
    first = math.ceil(low / step)
    return [float(f"{k * step:.10g}") for k in range(first, math.floor(high / step) + 1)]


def plain(field_: str, **more: Any) -> Spec:
    """A numeric channel that takes its scale and axis from the layer that has them."""
    return {"field": field_, "type": "quantitative", **more}


def by_size(field_: str, title: str) -> Spec:
    """A colour channel for sizes above zero, by their logs."""
    return {
        "field": field_,
        "type": "quantitative",
        # The darkest fifth is lost on a dark screen.
        "scale": {"type": "log", "scheme": {"name": "viridis", "extent": [0.2, 0.95]}},
        "legend": {
            "title": title,
            "type": "gradient",
            "gradientLength": 160,
            "labelSeparation": 8,
            "format": ".2~s",
            "labelExpr": "replace(format(datum.value, '.2~s'), 'G', 'B')",
        },
    }


def tip(**fields: str) -> list[Spec]:
    """What the pointer shows: field to title, in order."""
    return [{"field": f, "title": title} for f, title in fields.items()]


def thin(keep: Array, limit: int = MOST_POINTS) -> NDArray[np.intp]:
    """Which points to draw, in order: at most about `limit`, with the extremes of each column.

    Args:
        keep: Columns whose extremes must stay, shape (n, m).
        limit: Points drawn.
    """
    n = len(keep)
    if n <= limit:
        return np.arange(n)
    each = max(1, limit // (8 * keep.shape[1]))
    chosen = [np.linspace(0, n - 1, limit * 3 // 4).astype(np.intp)]
    for column in keep.T:
        order = np.argsort(np.where(np.isfinite(column), column, 0.0), kind="stable")
        chosen += [order[:each], order[-each:]]
    return np.unique(np.concatenate(chosen))
