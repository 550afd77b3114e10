"""What methods save against the baseline, by scale."""

from __future__ import annotations

import numpy as np

from forescale.compare import Comparison
from forescale.quantities import format_number, short
from forescale.report._words import level_text, titled
from forescale.report.charts._spec import GREY, GROUPS, Chart, Spec, axis, plain, rows, tip

#: Methods drawn.
MOST = len(GROUPS)


def savings(made: Comparison) -> Chart:
    """The multiplier of each method with its band against scale; one is where they are level."""
    drawn = made.contrasts[:MOST]
    points = [(short(c.method), x, m) for c in drawn for x, m in c.curve if np.isfinite(m.value)]
    # An end that was not found is drawn a hundredfold beyond the value.
    data = rows(
        method=[n for n, _, _ in points],
        x=[x for _, x, _ in points],
        v=[max(m.value, 1e-12) for _, _, m in points],
        lo=[max(m.lo, m.value / 100, 1e-12) for _, _, m in points],
        hi=[min(m.hi, m.value * 100 + 1e-12) for _, _, m in points],
    )
    reach = np.array([r[k] for r in data for k in ("lo", "hi", "v")] + [1.0])
    fit = next(iter(made.fits.values()))
    x = axis("x", titled(fit.runs, made.scale), [r["x"] for r in data] or [1.0])
    y = axis("v", f"times more {made.scale} that {short(made.baseline)} needs", reach)
    domain = [short(c.method) for c in drawn]
    colour: Spec = {"field": "method", "type": "nominal", "title": None,
                    "scale": {"domain": domain, "range": list(GROUPS[: len(domain)])}}  # fmt: skip
    spec: Spec = {
        "data": {"values": data},
        "layer": [
            {"data": {"values": [{"one": 1.0}]},
             "mark": {"type": "rule", "color": GREY, "strokeDash": [4, 3]},
             "encoding": {"y": plain("one")}},
            {"mark": {"type": "area", "opacity": 0.16},
             "encoding": {"x": x, "y": {**y, "field": "lo"}, "y2": {"field": "hi"},
                          "color": colour}},
            {"mark": {"type": "line", "strokeWidth": 2, "point": True},
             "encoding": {"x": x, "y": y, "color": colour,
                          "tooltip": tip(method="method", x=made.scale, v="saved", lo="from",
                                         hi="to")}},
        ],
    }  # fmt: skip
    more = f" The likeliest {MOST} of {len(made.contrasts)} methods." if (
        len(made.contrasts) > MOST) else ""  # fmt: skip
    return Chart(
        title=f"What is saved against {short(made.baseline)}",
        spec=spec,
        caption=f"At {made.scale} = {format_number(made.target, 3)}: {made.main.verdict}.{more}",
        read=f"Above the dashed line a method is ahead. Bands: {level_text(made.level)} intervals.",
    )
