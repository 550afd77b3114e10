"""A check by simulation as text and as a page."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from rich.console import Console

from forescale import report
from forescale.fit import fit
from forescale.forecast.check import Check, check
from forescale.report.charts.promised import promised
from forescale.runs import RunTable
from forescale.uncertainty import assess


@pytest.fixture(scope="module")
def made() -> Check:
    c = np.logspace(18, 21, 16)
    error = np.exp(0.003 * np.random.default_rng(0).normal(size=16))
    runs = RunTable({"C": c, "L": (1.8 + 900.0 / c**0.15) * error}, source="<b>ladder</b>.csv")
    fitted = assess(fit(runs, "power", starts=32), "sandwich", resamples=100)
    return check(fitted, {"C": [1e22, 1e23]}, tables=10)


@pytest.mark.parametrize("width", [80, 160])
def test_the_text_holds_every_world_and_ends_with_the_verdict(made: Check, width: int) -> None:
    out = io.StringIO()
    Console(file=out, width=width, markup=False, highlight=False).print(report.text(made))
    said = " ".join(out.getvalue().split())
    for o in made.outcomes:
        assert o.name in said
        assert " ".join(o.what.split()) in said
    assert " ".join(made.needed.verdict.split()) in said
    assert " ".join(made.verdict.split()) in said[said.index("HOLD") :]


def test_the_page_is_whole_and_escapes_names(made: Check) -> None:
    pytest.importorskip("jinja2")
    pytest.importorskip("vl_convert")
    page = report.page([made])
    assert "<b>ladder</b>" not in page
    for title in ("Would the intervals hold", "What is needed", "Coverage of each parameter"):
        assert title in page


def test_the_chart_compiles_and_draws_both_intervals_of_every_world(made: Check) -> None:
    vl_convert = pytest.importorskip("vl_convert")
    chart = promised(made)
    svg = vl_convert.vegalite_to_svg(json.dumps(chart.to_dict()))
    for o in made.outcomes:
        assert o.name in svg
    assert "parameters alone" in svg
    drawn = chart.spec["layer"][1]["data"]["values"]
    assert len(drawn) == 2 * len(made.outcomes)
