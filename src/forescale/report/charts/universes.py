"""Every universe in order of its number, and whose choice the spread is.

Source: Simonsohn, Simmons & Nelson 2020, "Specification curve analysis".
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from forescale.multiverse import Multiverse
from forescale.quantities import short
from forescale.report._words import level_text, percent
from forescale.report.charts._spec import (
    BLUE,
    GREY,
    GROUPS,
    ORANGE,
    Chart,
    Spec,
    axis,
    plain,
    rows,
    thin,
    tip,
)


def curve(made: Multiverse) -> Chart:
    """The universes sorted, each with its interval, by the option of the choice that moves most."""
    alive = np.flatnonzero(made.alive)
    order = alive[np.argsort(made.values[alive], kind="stable")]
    y, e = made.values[order], made.errors[order]
    z = NormalDist().inv_cdf(0.5 + 0.5 * made.level)
    half = np.where(np.isfinite(e), z * e, 0.0)
    lo = y * np.exp(-half) if made.factors else y - half
    hi = y * np.exp(half) if made.factors else y + half
    # One wild interval must not flatten all others.
    reach = max(float(y.max() - y.min()), 1e-12)
    lo, hi = np.maximum(lo, y - reach), np.minimum(hi, y + reach)
    top = made.dimensions[0]
    i = next(k for k, (name, *_) in enumerate(made.choices) if name == top.name)
    several = len(top.options) <= len(GROUPS)
    keep = thin(np.stack([y, lo, hi], axis=1))
    data = rows(
        place=[float(k + 1) for k in keep],
        v=[float(v) for v in y[keep]],
        lo=[float(v) for v in lo[keep]],
        hi=[float(v) for v in hi[keep]],
        option=[short(top.options[int(made.index[order[k], i])]) for k in keep],
    )
    x = axis("place", "universes, in order", [1.0, float(len(order))], log=False)
    value = axis("v", made.name, np.concatenate([lo, hi, [made.default]]), log=made.factors)
    colour: Spec = {"value": BLUE}
    if several:
        names = [short(o) for o in top.options]
        colour = {"field": "option", "type": "nominal", "title": short(top.name),
                  "scale": {"domain": names, "range": list(GROUPS[: len(names)])}}  # fmt: skip
    lines = [{"y": made.default, "said": "default"}]
    if made.decision is not None:
        lines.append({"y": made.decision.limit, "said": str(made.decision)})
    spec: Spec = {
        "data": {"values": data},
        "layer": [
            {"mark": {"type": "rule", "opacity": 0.25},
             "encoding": {"x": x, "y": {**value, "field": "lo"}, "y2": {"field": "hi"},
                          "color": colour}},
            {"mark": {"type": "point", "filled": True, "size": 18},
             "encoding": {"x": x, "y": value, "color": colour,
                          "tooltip": tip(option=short(top.name), v=made.name, lo="from",
                                         hi="to")}},
            {"data": {"values": lines},
             "mark": {"type": "rule", "color": GREY, "strokeDash": [4, 3]},
             "encoding": {"y": plain("y"), "tooltip": tip(said="line")}},
        ],
    }  # fmt: skip
    return Chart(
        title=f"{made.name} in {len(order)} universes",
        spec=spec,
        caption=f"{made.count_text()}: {made.fan_text()}. {made.mover_text()}.",
        read=f"A point is a universe with its {level_text(made.level)} interval; the dashed line "
        "is the default" + (", another the decision's limit." if made.decision else "."),
    )


def shares(made: Multiverse) -> Chart:
    """Share of the variance of each choice, alone and with its interactions."""
    names = [short(d.name, 40) for d in made.dimensions]
    kinds = ("alone", "with interactions")
    data = [
        {"choice": n, "kind": kind, "share": round(100 * float(share), 2)}
        for n, d in zip(names, made.dimensions, strict=True)
        for kind, share in zip(kinds, (d.first, d.total), strict=True)
    ]
    spec: Spec = {
        "data": {"values": data},
        "mark": {"type": "bar"},
        "encoding": {
            "y": {"field": "choice", "type": "nominal", "sort": names, "title": None},
            "yOffset": {"field": "kind", "sort": list(kinds)},
            "x": {"field": "share", "type": "quantitative", "title": "share of the variance, %"},
            "color": {"field": "kind", "type": "nominal", "title": None,
                      "scale": {"domain": list(kinds), "range": [BLUE, ORANGE]}},
            "tooltip": tip(choice="choice", kind="how", share="%"),
        },
    }  # fmt: skip
    inter = made.interaction
    said = made.spread_text()
    if inter is not None and inter[2] > 0:
        both = f"{short(inter[0])} and {short(inter[1])}"
        said += f"; {both} interact most ({percent(100 * inter[2])})"
    return Chart(
        title="Whose choice it is",
        spec=spec,
        caption=said + ".",
        read="What a choice explains alone, and what it takes part in.",
        height=60 + 44 * len(names),
    )
