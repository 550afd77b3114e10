"""Plan: how loss depends on the split of a budget, and where the best size lies at each."""

from __future__ import annotations

import numpy as np

from forescale.plan import Plan
from forescale.quantities import format_number
from forescale.report._words import level_text
from forescale.report.charts._spec import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    Chart,
    Spec,
    axis,
    plain,
    rows,
    tip,
)  # fmt: skip


def _centre(plan: Plan) -> tuple[float, float]:
    return plan.optimum["N"].value, plan.optimum["C"].value


def valley(plan: Plan) -> Chart:
    """Loss along the budget against size, with the optimum and the flat range."""
    n, c = _centre(plan)
    group = plan.forecast.points[0].group
    sizes = np.geomspace(n / 12, n * 12, 97)
    at = {"N": sizes, "D": c / (6 * sizes)}
    loss = plan.fit.predict(at, group=group)
    lo, hi = max(plan.flat[0], sizes[0]), min(plan.flat[1], sizes[-1])
    best = plan.optimum["N"]
    spec: Spec = {
        "layer": [
            {"data": {"values": [{"a": lo, "b": hi}]},
             "mark": {"type": "rect", "color": GREEN, "opacity": 0.14, "clip": True},
             "encoding": {"x": plain("a"), "x2": {"field": "b"}}},
            {"data": {"values": [{"a": best.lo, "b": best.hi}]},
             "mark": {"type": "rect", "color": ORANGE, "opacity": 0.25, "clip": True},
             "encoding": {"x": plain("a"), "x2": {"field": "b"}}},
            {"data": {"values": rows(n=sizes, y=loss, d=[format_number(v, 3) for v in at["D"]],
                                     t=[format_number(v, 3) for v in sizes])},
             "mark": {"type": "line", "color": BLUE, "strokeWidth": 2},
             "encoding": {"x": axis("n", "N (params)", sizes),
                          "y": axis("y", plan.fit.law.predicts, loss), "tooltip": tip(
                              t="N", d="D", y=plan.fit.law.predicts)}},
            {"data": {"values": [{"n": n}]},
             "mark": {"type": "rule", "color": ORANGE, "strokeWidth": 2},
             "encoding": {"x": plain("n")}},
        ]
    }  # fmt: skip
    return Chart(
        title=f"Splitting {format_number(c)} FLOPs",
        spec=spec,
        caption=f"Best at N = {best.text()} ({level_text(plan.level)} interval of the draws); "
        f"{plan.flat_text()}.",
        read="The curve is the law's loss when the whole budget goes to a model of that size. "
        "Green: sizes that tie with the best; orange: where the best size may lie.",
        small=True,
    )


def frontier(plan: Plan) -> Chart | None:
    """Best size against compute, with the measured iso-FLOP optima; None where there are none."""
    if isinstance(plan.isoflop, str):
        return None
    found = plan.isoflop.parabolas
    n, c = _centre(plan)
    first = min(p.flops for p in found)
    compute = np.geomspace(min(first, c), max(c, *(p.flops for p in found)), 24)
    # Near the budget asked for, N_opt ~ C^a; the law's own exponent hardly moves with C.
    law = n * (compute / c) ** plan.exponent.value
    spread = np.array([p.n_error for p in found])
    best = np.array([p.n_opt for p in found])
    x = axis("c", "compute (FLOPs)", compute)
    y = axis("n", "best N (params)", np.concatenate([law, best, [plan.isoflop.n[0]]]))
    estimate = plan.optimum["N"]
    spec: Spec = {
        "layer": [
            {"data": {"values": rows(c=compute, n=law)},
             "mark": {"type": "line", "color": BLUE, "strokeWidth": 2},
             "encoding": {"x": x, "y": y}},
            {"data": {"values": rows(c=[p.flops for p in found], lo=best * np.exp(-2 * spread),
                                     hi=best * np.exp(2 * spread))},
             "mark": {"type": "rule", "color": GREY},
             "encoding": {"x": plain("c"), "y": plain("lo"), "y2": {"field": "hi"}}},
            {"data": {"values": rows(c=[p.flops for p in found], n=best,
                                     runs=[f"{p.runs} runs" for p in found],
                                     t=[format_number(p.n_opt, 3) for p in found])},
             "mark": {"type": "circle", "size": 60, "color": GREY, "opacity": 1},
             "encoding": {"x": plain("c"), "y": plain("n"), "tooltip": tip(t="best N", runs="of")}},
            {"data": {"values": rows(c=[c], lo=[estimate.lo], hi=[estimate.hi])},
             "mark": {"type": "rule", "color": ORANGE, "strokeWidth": 2.5},
             "encoding": {"x": plain("c"), "y": plain("lo"), "y2": {"field": "hi"}}},
            {"data": {"values": rows(c=[c], n=[n])},
             "mark": {"type": "point", "shape": "diamond", "filled": True, "size": 130,
                      "color": ORANGE, "opacity": 1},
             "encoding": {"x": plain("c"), "y": plain("n")}},
        ]
    }  # fmt: skip
    return Chart(
        title="Best size against compute",
        spec=spec,
        caption=f"By the law N grows as C^{plan.exponent.value:.3f}; through the parabolas: "
        f"{plan.isoflop_text()}.",
        read="Grey dots are the best sizes measured (parabola of each budget, bars twice their "
        "standard error), the line is the law, the diamond the plan.",
        small=True,
    )
