"""Phases over two settings: the likeliest at each place, as strong as it is sure, and the runs."""

from __future__ import annotations

import numpy as np

from forescale.emergence.events.phases import PHASES, PhaseMap
from forescale.report.charts._spec import BLUE, GREEN, GREY, ORANGE, Chart, Spec, rows, tip

#: Places along each axis.
GRID = 40
COLOURS = dict(zip(PHASES, (GREEN, BLUE, ORANGE, GREY), strict=True))


def phases(found: PhaseMap) -> Chart | None:
    """The map over its first two settings, the others in the middle of theirs."""
    if len(found.axes) < 2:
        return None
    a, b = found.axes[:2]
    edges = np.linspace(0, 1, GRID + 1)
    middle = (edges[:-1] + edges[1:]) / 2
    u, v = (g.ravel() for g in np.meshgrid(middle, middle))
    rest = [np.full(len(u), x.value(np.array([0.5]))[0]) for x in found.axes[2:]]
    chance = found.probability(np.column_stack([a.value(u), b.value(v), *rest]))
    best = chance.argmax(1)
    half = 0.5 / GRID
    data = rows(
        x=a.value(u - half), x2=a.value(u + half), y=b.value(v - half), y2=b.value(v + half),
        phase=[PHASES[k] for k in best], chance=chance.max(1),
    )  # fmt: skip
    there = [p for p in PHASES if p in found.counts]
    colour: Spec = {
        "field": "phase",
        "type": "nominal",
        "title": None,
        "scale": {"domain": there, "range": [COLOURS[p] for p in there]},
    }
    x, y = ({"field": f, "type": "quantitative", "title": w.name.replace("_", " "),
             "scale": {"type": "log" if w.log else "linear", "domain": [w.low, w.high],
                       "nice": False, "zero": False}}
            for f, w in (("x", a), ("y", b)))  # fmt: skip
    runs = rows(x=found.places[:, 0], y=found.places[:, 1], phase=list(found.phases))
    spec: Spec = {
        "layer": [
            {"data": {"values": data}, "mark": {"type": "rect", "clip": True},
             "encoding": {"x": x, "x2": {"field": "x2"}, "y": y, "y2": {"field": "y2"},
                          "color": colour,
                          "opacity": {"field": "chance", "type": "quantitative", "legend": None,
                                      "scale": {"domain": [0.25, 1], "range": [0.05, 0.7]}},
                          "tooltip": tip(phase="phase", chance="chance")}},
            {"data": {"values": runs},
             "mark": {"type": "point", "filled": True, "size": 60, "stroke": "#ffffff",
                      "opacity": 1},
             "encoding": {"x": x, "y": y, "color": colour, "tooltip": tip(phase="run")}},
        ]
    }  # fmt: skip
    middle_of = f" The other settings ({', '.join(w.name for w in found.axes[2:])}) are in the " \
        "middle of their ranges." if rest else ""  # fmt: skip
    return Chart(
        title="Phases",
        spec=spec,
        caption=f"In {found.known:.0%} of the space one phase has a chance of 0.8 or more."
        + middle_of,
        read="Dots are runs. The ground is the likeliest phase there, the paler the less sure.",
        height=420,
    )
