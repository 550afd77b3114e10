"""How forecasts on record fared: each against its truth, and the promises against the count."""

from __future__ import annotations

import numpy as np

from forescale.forecast.scorecard import LINE, Scorecard
from forescale.quantities import format_place
from forescale.report._words import percent
from forescale.report.charts._spec import (
    AMBER,
    BLUE,
    GREY,
    ORANGE,
    Chart,
    number,
    plain,
    rows,
    tip,
)  # fmt: skip

#: Forecasts drawn, newest last; the table holds all.
MOST = 60


def against_truth(card: Scorecard) -> Chart | None:
    """Each forecast minus its truth, with its intervals; None without truths in per cent."""
    told = [s for s in card.scored if s.error_pct is not None]
    shown = told[-MOST:]
    if not shown:
        return None
    off = {
        level: np.array([[100 * (end / s.truth - 1) for end in s.ends[level]] for s in shown])
        for level in (0.5, 0.9)
    }
    inside = ["inside 90 %" if s.inside(0.9) else "outside 90 %" for s in shown]
    data = rows(
        id=[s.id for s in shown],
        at=[format_place(s.inputs) for s in shown],
        m=[float(s.error_pct or 0.0) for s in shown],
        lo=off[0.9][:, 0], hi=off[0.9][:, 1], a=off[0.5][:, 0], b=off[0.5][:, 1],
        truth=[s.truth for s in shown],
        said=[s.median for s in shown],
        in_=inside,
    )  # fmt: skip
    naive = [(s.id, 100 * s.rivals[LINE] / s.truth) for s in shown if LINE in s.rivals]
    lines = [{"id": i, "m": number(off_by), "say": percent(abs(off_by))} for i, off_by in naive]
    # A line that is far off would flatten the rest; it runs off the edge instead.
    reach = 1.3 * float(np.max(np.abs(np.concatenate([off[0.9].ravel(), [d["m"] for d in data]]))))
    y = {"field": "id", "type": "nominal", "sort": None, "axis": {"title": None}}
    x = {
        "field": "m", "type": "quantitative", "axis": {"title": "forecast minus truth (%)"},
        "scale": {"domain": [-reach, reach], "nice": False},
    }  # fmt: skip
    colour = {
        "field": "in_", "type": "nominal",
        "scale": {"domain": ["inside 90 %", "outside 90 %"], "range": [BLUE, ORANGE]},
        "legend": {"title": None, "symbolOpacity": 1},
    }  # fmt: skip
    seen = tip(id="record", at="at", said="forecast", truth="truth", m="off by (%)")
    spec = {
        "layer": [
            {"data": {"values": [{"z": 0}]}, "mark": {"type": "rule", "color": GREY},
             "encoding": {"x": plain("z")}},
            {"data": {"values": data}, "mark": {"type": "rule", "opacity": 0.5, "clip": True},
             "encoding": {"y": y, "x": plain("lo"), "x2": {"field": "hi"}, "color": colour}},
            {"data": {"values": data},
             "mark": {"type": "rule", "strokeWidth": 5, "opacity": 0.5, "clip": True},
             "encoding": {"y": y, "x": plain("a"), "x2": {"field": "b"}, "color": colour}},
            {"data": {"values": data}, "mark": {"type": "circle", "size": 60, "opacity": 1},
             "encoding": {"y": y, "x": x, "color": colour, "tooltip": seen}},
            {"data": {"values": lines},
             "mark": {"type": "tick", "color": AMBER, "thickness": 3, "clip": True},
             "encoding": {"y": y, "x": plain("m"), "tooltip": tip(id="record", say="line off by")}},
        ]
    }  # fmt: skip
    less = f" The newest {MOST} of {len(told)} are drawn." if len(told) > MOST else ""
    beyond = sum(abs(off_by) > reach for _, off_by in naive)
    less += f" {beyond} of the line's forecasts lie beyond the edge." if beyond else ""
    return Chart(
        title="Forecasts on record against the truth",
        spec=spec,
        caption=f"The forecasts missed by {percent(card.error_pct)} on average, a straight line "
        f"on log-log axes, put on record with them, by {percent(card.rival_pct())}.{less}",
        read="Zero is the truth. The thick bar is the 50 % interval, the thin one the 90 %, the "
        "amber tick the straight line. A bar that misses zero was too sure of itself.",
        height=max(160, 60 + 26 * len(shown)),
        small=True,
    )


def coverage(card: Scorecard) -> Chart | None:
    """Share of truths inside intervals of each level; None while no truth is known."""
    if not card.scored:
        return None
    found = card.coverage
    data = rows(
        p=[100 * c.level for c in found],
        s=[100 * c.share for c in found],
        lo=[100 * c.lo for c in found],
        hi=[100 * c.hi for c in found],
        say=[f"{c.inside} of {c.of}" for c in found],
    )
    ends = {"domain": [0, 100], "nice": False}
    x = {"field": "p", "type": "quantitative", "scale": ends,
         "axis": {"title": "promised (% of truths inside)"}}  # fmt: skip
    y = {"field": "s", "type": "quantitative", "scale": ends,
         "axis": {"title": "held (% of truths inside)"}}  # fmt: skip
    spec = {
        "layer": [
            {"data": {"values": [{"a": 0, "b": 0}, {"a": 100, "b": 100}]},
             "mark": {"type": "line", "color": GREY, "strokeWidth": 1},
             "encoding": {"x": plain("a"), "y": plain("b")}},
            {"data": {"values": data}, "mark": {"type": "rule", "color": BLUE, "opacity": 0.5},
             "encoding": {"x": plain("p"), "y": plain("lo"), "y2": {"field": "hi"}}},
            {"data": {"values": data}, "mark": {"type": "circle", "size": 70, "color": BLUE,
                                                "opacity": 1},
             "encoding": {"x": x, "y": y, "tooltip": tip(p="level (%)", say="inside")}},
        ]
    }  # fmt: skip
    c = found[0]
    return Chart(
        title="Did the intervals keep their word",
        spec=spec,
        caption=f"{c.of} truths, worth {c.effective:.3g} independent ones: forecasts from one "
        "table, or settled by one run, may all err together.",
        read="On the line, intervals hold as many truths as they promise; below it they were too "
        "narrow. A bar is what so few truths leave open (95 %).",
        small=True,
    )
