"""A run that generalised late, or not: its losses, its accuracies, and what was foretold."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from forescale.emergence.events.story import GrokStory
from forescale.report.charts._spec import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    Array,
    Chart,
    Spec,
    axis,
    plain,
    rows,
    tip,
)  # fmt: skip

#: Curves of the two charts, by the column, with their words and colours.
LOSSES = (
    ("train_loss", "train", BLUE),
    ("test_loss", "test", ORANGE),
    ("restricted_loss", "key frequencies alone", GREEN),
    ("excluded_loss", "without key frequencies", PINK),
)
SHARES = (("train_accuracy", "train", BLUE), ("test_accuracy", "test", ORANGE))
#: Losses are not drawn below it.
FLOOR = 1e-7


def losses(story: GrokStory) -> Chart:
    """Losses against steps; with the measures of progress where there are any."""
    step = story.curves["step"]
    there = [c for c in LOSSES if c[0] in story.curves]
    values = np.concatenate([np.maximum(story.curves[n], FLOOR) for n, _, _ in there])
    y = axis("y", "Loss (nats)", values[np.isfinite(values)])
    return Chart(
        title="Losses",
        spec={"layer": [*_moments(story), *_lines(story, there, step, y)]},
        caption=story.verdict.capitalize() + ".",
        read="Dashed lines: 99 % of the training examples are known, 90 % of the test examples.",
    )


def accuracies(story: GrokStory) -> Chart:
    """Accuracies against steps, above them what was foretold and when."""
    step = story.curves["step"]
    y: Spec = {"field": "y", "type": "quantitative", "title": "Share right",
               "scale": {"domain": [0, 1]}}  # fmt: skip
    caption = "Nothing was foretold." if not story.forecasts else (
        f"{len(story.forecasts)} forecasts, each from the curves up to its step."
    )  # fmt: skip
    return Chart(
        title="Accuracies, and what was foretold",
        spec={"layer": [*_foretold(story), *_moments(story), *_lines(story, SHARES, step, y)]},
        caption=caption,
        read="Grey bars: 90 % intervals of the step at which the run generalises, the dot the "
        "median; their height is the chance that it does so at all, the tip the step at which it "
        "was told.",
    )


def _lines(
    story: GrokStory, curves: Sequence[tuple[str, str, str]], step: Array, y: Spec
) -> list[Spec]:
    xs: list[float] = []
    ys: list[float] = []
    of: list[str] = []
    for name, words, _ in curves:
        value = story.curves[name]
        known = np.isfinite(value) & (step >= 1)
        xs += step[known].tolist()
        ys += np.maximum(value[known], FLOOR).tolist()
        of += [words] * int(known.sum())
    colour: Spec = {
        "field": "of",
        "type": "nominal",
        "title": None,
        "scale": {"domain": [c[1] for c in curves], "range": [c[2] for c in curves]},
    }
    x = axis("x", "Step", np.array(xs))
    return [
        {
            "data": {"values": rows(x=xs, y=ys, of=of)},
            "mark": {"type": "line", "strokeWidth": 2, "clip": True},
            "encoding": {"x": x, "y": y, "color": colour},
        }
    ]


def _moments(story: GrokStory) -> list[Spec]:
    known = [("memorised", story.memorised), ("generalised", story.generalised)]
    at = [(w, s) for w, s in known if s is not None and s >= 1]
    if not at:
        return []
    data = rows(x=[s for _, s in at], say=[w for w, _ in at])
    return [
        {
            "data": {"values": data},
            "mark": {"type": "rule", "strokeDash": [4, 4], "color": GREY},
            "encoding": {"x": plain("x"), "tooltip": tip(say="at")},
        }
    ]


def _foretold(story: GrokStory) -> list[Spec]:
    last = float(story.curves["step"][-1])
    shown = [f for f in story.forecasts if math.isfinite(f.lo)]
    if not shown:
        return []
    data = rows(
        a=[f.lo for f in shown],
        # What has no upper end is drawn to the edge.
        b=[min(f.hi, 10 * last) for f in shown],
        m=[f.median if math.isfinite(f.median) else None for f in shown],
        y=[f.chance for f in shown],
        say=[f"{f.until:.0f}" for f in shown],
    )
    high: Spec = {"field": "y", "type": "quantitative"}
    noted = tip(say="told at step")
    return [
        {
            "data": {"values": data},
            "mark": {"type": "rule", "color": GREY, "strokeWidth": 2, "opacity": 0.6,
                     "clip": True},
            "encoding": {"x": plain("a"), "x2": {"field": "b"}, "y": high, "tooltip": noted},
        },
        {
            "data": {"values": data},
            "mark": {"type": "point", "filled": True, "color": GREY, "size": 50, "clip": True},
            "encoding": {"x": plain("m"), "y": high, "tooltip": noted},
        },
    ]  # fmt: skip
