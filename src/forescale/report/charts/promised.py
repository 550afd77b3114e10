"""What intervals promise and what they would hold, by world."""

from __future__ import annotations

from forescale.forecast.check import Check
from forescale.report._words import level_text
from forescale.report.charts._spec import BLUE, GREY, ORANGE, Chart, Spec, plain, rows, tip

_OWN, _OURS = "parameters alone", "the forecast"


def promised(made: Check) -> Chart:
    """Coverage in each world with what the simulation leaves open; the rule is the promise."""
    found = [
        (o.name, who, share)
        for o in made.outcomes
        for who, share in ((_OWN, o.worst.own), (_OURS, o.worst.ours))
        if share.of
    ]
    data = rows(
        world=[name for name, _, _ in found],
        who=[who for _, who, _ in found],
        v=[100 * s.value for _, _, s in found],
        lo=[100 * s.interval[0] for _, _, s in found],
        hi=[100 * s.interval[1] for _, _, s in found],
        say=[s.text for _, _, s in found],
    )
    order = [o.name for o in made.outcomes]
    y: Spec = {"field": "world", "type": "nominal", "sort": order, "axis": {"title": None}}
    offset: Spec = {"field": "who", "type": "nominal", "sort": [_OWN, _OURS]}
    colour: Spec = {"field": "who", "type": "nominal",
                    "scale": {"domain": [_OWN, _OURS], "range": [ORANGE, BLUE]},
                    "legend": {"title": None, "symbolOpacity": 1}}  # fmt: skip
    x: Spec = {"field": "v", "type": "quantitative",
               "scale": {"domain": [0, 100], "nice": False},
               "axis": {"title": "truths inside (%)"}}  # fmt: skip
    seen = tip(world="if", who="interval of", say="covers")
    spec: Spec = {
        "layer": [
            {"data": {"values": [{"p": 100 * made.level}]},
             "mark": {"type": "rule", "color": GREY, "strokeDash": [4, 3]},
             "encoding": {"x": plain("p")}},
            {"data": {"values": data}, "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.5},
             "encoding": {"y": y, "yOffset": offset, "x": plain("lo"), "x2": {"field": "hi"},
                          "color": colour}},
            {"data": {"values": data}, "mark": {"type": "circle", "size": 70, "opacity": 1},
             "encoding": {"y": y, "yOffset": offset, "x": x, "color": colour, "tooltip": seen}},
        ]
    }  # fmt: skip
    return Chart(
        title="Would the intervals hold",
        spec=spec,
        caption=f"{made.verdict}.",
        read=f"The dashed rule is the {level_text(made.level)} that is promised. A bar is what "
        "so few simulated tables leave open (90 %); one that ends left of the rule was too narrow.",
        height=90 + 48 * len(made.outcomes),
    )
