"""Backtest: forecasts of runs that were held out, and the naive forecasts beside them."""

from __future__ import annotations

import numpy as np

from forescale.forecast import Backtest, Cut
from forescale.laws import CUSTOM
from forescale.report._words import level_text, percent, times
from forescale.report.charts._spec import (
    AMBER,
    BLUE,
    GREY,
    MOST_POINTS,
    ORANGE,
    Array,
    Chart,
    Spec,
    axis,
    plain,
    rows,
    thin,
    tip,
)  # fmt: skip


def held_out(test: Backtest) -> Chart | None:
    """Forecast against truth of every held-out run, with its interval; None without cuts."""
    if not test.cuts:
        return None
    relative = all((c.truth > 0).all() for c in test.cuts)
    data: list[Spec] = []
    total = 0
    for cut in test.cuts:
        centre, lo, hi = (_off(cut, v, relative) for v in (cut.forecast, cut.lo, cut.hi))
        keep = thin(np.stack([centre, cut.scale], axis=1), MOST_POINTS // len(test.cuts))
        total += len(centre)
        inside = (cut.lo <= cut.truth) & (cut.truth <= cut.hi)
        data += rows(
            f=(cut.scale / cut.limit)[keep],
            m=centre[keep],
            lo=lo[keep],
            hi=hi[keep],
            in_=["truth inside" if i else "truth outside" for i in inside[keep]],
            row=[f"row {r}" for r in cut.rows[keep]],
            cut=[f"{cut.trained} runs fitted"] * len(keep),
            truth=cut.truth[keep],
            said=cut.forecast[keep],
        )
    ends = np.array([d[k] for d in data for k in ("lo", "hi", "m") if d[k] is not None], float)
    # A few absurd bars would flatten all others; they run off the edge instead.
    reach = 1.15 * float(np.quantile(np.abs(ends), 0.98)) if len(ends) else 1.0
    colour = {
        "field": "in_", "type": "nominal",
        "scale": {"domain": ["truth inside", "truth outside"], "range": [BLUE, ORANGE]},
        "legend": {"title": None, "symbolOpacity": 1},
    }  # fmt: skip
    x = axis("f", "times beyond the largest run fitted", [d["f"] for d in data])
    y = axis("m", f"forecast minus truth{' (%)' if relative else ''}", [-reach, reach], log=False)
    spec = {
        "layer": [
            {"data": {"values": [{"z": 0}]}, "mark": {"type": "rule", "color": GREY},
             "encoding": {"y": plain("z")}},
            {"data": {"values": data}, "mark": {"type": "rule", "opacity": 0.3, "clip": True},
             "encoding": {"x": plain("f"), "y": plain("lo"), "y2": {"field": "hi"},
                          "color": colour}},
            {"data": {"values": data},
             "mark": {"type": "circle", "size": 30, "opacity": 0.8, "clip": True},
             "encoding": {"x": x, "y": y, "color": colour, "tooltip": tip(
                 row="run", cut="cut", truth="truth", said="forecast")}},
        ]
    }  # fmt: skip
    inside_all = float(np.mean(np.concatenate(
        [(c.lo <= c.truth) & (c.truth <= c.hi) for c in test.cuts])))  # fmt: skip
    cut_off = sum(d["m"] is None or abs(d["m"]) > reach for d in data)
    less = f" {cut_off} lie beyond the edge." if cut_off else ""
    less += f" {len(data):,} of {total:,} are drawn." if len(data) < total else ""
    return Chart(
        title="Forecasts of held-out runs",
        spec=spec,
        caption=f"Each dot is a run that the law had not seen; {percent(100 * inside_all, 3)} of "
        f"the {level_text(test.level)} intervals hold the truth, over {len(test.cuts)} cuts "
        f"(a run may be held out in several).{less}",
        read="Zero is the truth. A bar that misses zero was too sure of itself.",
        data={},
        small=True,
    )


def _off(cut: Cut, values: Array, relative: bool) -> Array:
    return 100 * (values / cut.truth - 1) if relative else values - cut.truth


def rivals(test: Backtest) -> Chart | None:
    """Error of the law and of the naive forecasts at each cut; None without cuts."""
    if not test.cuts:
        return None
    ours = "the law chosen" if test.chosen else "this law" if test.law == CUSTOM else test.law
    names = [ours, *test.cuts[0].rivals]
    order, data = [], []
    for cut in test.cuts:
        label = f"{times(cut.factor)} ({cut.held_out})"
        order.append(label)
        for name, error in zip(names, [cut.error_pct, *cut.rivals.values()], strict=True):
            data.append({"cut": label, "who": name, "e": round(float(error), 4),
                         "say": percent(error)})  # fmt: skip
    spec = {
        "data": {"values": data},
        "mark": {"type": "bar", "cornerRadiusEnd": 2},
        "encoding": {
            "x": {"field": "cut", "type": "nominal", "sort": list(dict.fromkeys(order)),
                  "axis": {"title": "times beyond the largest run fitted (runs held out)",
                           "labelAngle": 0, "labelOverlap": "greedy"}},
            "xOffset": {"field": "who", "type": "nominal", "sort": names},
            "y": {"field": "e", "type": "quantitative", "axis": {"title": "mean error (%)"}},
            "color": {"field": "who", "type": "nominal",
                      "scale": {"domain": names, "range": [BLUE, GREY, AMBER]},
                      "legend": {"title": None, "symbolOpacity": 1}},
            "tooltip": tip(who="forecast by", cut="cut", say="mean error"),
        },
    }  # fmt: skip
    return Chart(
        title="Error against naive forecasts",
        spec=spec,
        caption=f"Over the cuts the law missed by {percent(test.error_pct)} on average, a straight "
        f"line on log-log axes by {percent(test.line_pct)}.",
        read="Lower is better; a law that does not beat the straight line earns no trust.",
        data={},
        small=True,
    )
