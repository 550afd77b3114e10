"""What the parameters could have been: a histogram each, and the pair that moves together."""

from __future__ import annotations

import numpy as np

from forescale.fit import Fit
from forescale.report._words import interval, level_text, method, value_error
from forescale.report.charts._spec import (
    BLUE,
    GREY,
    ORANGE,
    Array,
    Chart,
    Spec,
    axis,
    plain,
    rows,
    thin,
)  # fmt: skip

MOST = 8


def histograms(fit: Fit) -> list[Chart]:
    """One small histogram per parameter; none without draws."""
    if fit.draws is None:
        return []
    return [
        _histogram(fit, name, fit.draws.natural[:, j])
        for j, name in enumerate(fit.names[:MOST])
        if np.ptp(fit.draws.natural[:, j]) > 0
    ]


def _histogram(fit: Fit, name: str, drawn: Array) -> Chart:
    # The outer half per cent on each side would squeeze the rest: amplitudes have long tails.
    low, high = np.quantile(drawn, [0.005, 0.995])
    drawn = drawn[(drawn >= low) & (drawn <= high)]
    log = bool(low > 0 and high > 20 * low)
    bins = np.geomspace(low, high, 25) if log else np.linspace(low, high, 25)
    count, edges = np.histogram(drawn, bins)
    lo, hi = fit.intervals[name]
    x = axis("a", "", [low, high, max(min(fit.params[name], high), low)], log=log)
    x["axis"] |= {"tickCount": 3, "title": None}
    spec: Spec = {
        "layer": [
            {"data": {"values": rows(a=edges[:-1], b=edges[1:], n=count.tolist())},
             "mark": {"type": "rect", "color": BLUE, "opacity": 0.7},
             "encoding": {"x": x, "x2": {"field": "b"},
                          "y": {**plain("n"), "axis": None, "scale": {"zero": True}},
                          "y2": {"datum": 0}}},
            {"data": {"values": rows(v=[lo, hi])},
             "mark": {"type": "rule", "color": GREY, "strokeDash": [4, 3], "clip": True},
             "encoding": {"x": plain("v")}},
            {"data": {"values": rows(v=[fit.params[name]])},
             "mark": {"type": "rule", "color": ORANGE, "strokeWidth": 2, "clip": True},
             "encoding": {"x": plain("v")}},
        ]
    }  # fmt: skip
    return Chart(f"{name} = {value_error(fit, name)}", spec, interval(lo, hi), "", height=120)


def pair(fit: Fit) -> Chart | None:
    """The two parameters whose draws move together most; None for fewer than two."""
    if fit.draws is None or len(fit.names) < 2:
        return None
    drawn = fit.draws.natural
    vary = np.flatnonzero(np.ptp(drawn, axis=0) > 0)
    if len(vary) < 2:
        return None
    logs = {int(j): bool((drawn[:, j] > 0).all() and drawn[:, j].max() > 5 * drawn[:, j].min())
            for j in vary}  # fmt: skip
    moved = np.stack([np.log(drawn[:, j]) if logs[int(j)] else drawn[:, j] for j in vary], axis=1)
    r = np.corrcoef(moved, rowvar=False)
    np.fill_diagonal(r, 0.0)
    a, b = divmod(int(np.argmax(np.abs(r))), len(vary))
    i, j = int(vary[a]), int(vary[b])
    keep = thin(drawn[:, [i, j]], 600)
    x, y = drawn[keep, i], drawn[keep, j]
    spec = {
        "layer": [
            {"data": {"values": rows(x=x, y=y)},
             "mark": {"type": "circle", "size": 14, "color": BLUE, "opacity": 0.45},
             "encoding": {"x": axis("x", fit.names[i], x, log=logs[i]),
                          "y": axis("y", fit.names[j], y, log=logs[j])}},
            {"data": {"values": rows(x=[fit.natural[i]], y=[fit.natural[j]])},
             "mark": {"type": "point", "shape": "cross", "filled": True, "size": 110,
                      "color": ORANGE, "opacity": 1},
             "encoding": {"x": plain("x"), "y": plain("y")}},
        ]
    }  # fmt: skip
    strong = "do not quote one without the other" if abs(r[a, b]) > 0.9 else "moderately tied"
    return Chart(
        title=f"{fit.names[i]} and {fit.names[j]} together",
        spec=spec,
        caption=f"Correlation {r[a, b]:.2f}, the strongest of all pairs: {strong}. "
        f"An even sample of {len(keep)} from {len(drawn)} draws ({method(fit)}; intervals at "
        f"{level_text(fit.level)}).",
        read="Each dot is a set of parameters that fits about as well; the cross is the best.",
        height=280,
        small=True,
    )
