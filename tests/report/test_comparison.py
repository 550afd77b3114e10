"""A comparison as text and as a page."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from rich.console import Console

from forescale import report
from forescale.compare import Comparison, compare
from forescale.laws import get
from forescale.report.charts.methods import savings
from forescale.runs import RunTable


@pytest.fixture(scope="module")
def made() -> Comparison:
    law, c = get("power"), np.logspace(17, 20, 9)
    t = dict(law.typical)
    rng = np.random.default_rng(0)
    losses = [law.predict({"C": c}, {**t, "A": f * t["A"]}) * np.exp(2e-3 * rng.normal(size=9))
              for f in (1.0, 0.9, 1.02)]  # fmt: skip
    # A name with markup in it must reach neither terminal nor page as markup.
    method = np.repeat(np.array(["base", "<b>ours</b>", "other"], object), 9)
    runs = RunTable({"C": np.tile(c, 3), "L": np.concatenate(losses), "method": method})
    return compare(runs, "method", resamples=99)


@pytest.mark.parametrize("width", [80, 160])
def test_the_text_holds_every_method_and_ends_with_the_verdict(made, width: int) -> None:
    out = io.StringIO()
    Console(file=out, width=width, markup=False, highlight=False).print(report.text(made))
    text = out.getvalue()
    assert "C saved" in text
    for method in ("<b>ours</b>", "other"):
        assert method in text
    said = " ".join(text.split())
    verdict = said.index("TRUSTED")
    assert " ".join(made.main.verdict.split()) in said[verdict:]
    assert "being best" in said
    for reason in made.reasons:
        assert " ".join(reason.split()) in said[verdict:]


def test_the_page_is_whole_and_escapes_names(made) -> None:
    pytest.importorskip("jinja2")
    pytest.importorskip("vl_convert")
    page = report.page([made])
    assert "<b>ours</b>" not in page
    assert "&lt;b&gt;ours&lt;/b&gt;" in page
    for title in ("What differs", "By scale", "Where this comes from", "chance that it leads"):
        assert title in page


def test_the_chart_compiles_and_draws_every_method(made) -> None:
    vl_convert = pytest.importorskip("vl_convert")
    chart = savings(made)
    compiled = vl_convert.vegalite_to_vega(chart.to_dict())
    assert compiled["marks"]
    drawn = {row["method"] for row in chart.spec["data"]["values"]}
    assert drawn == {c.method for c in made.contrasts}
    json.dumps(chart.to_dict(), allow_nan=False)
