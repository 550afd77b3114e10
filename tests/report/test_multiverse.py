"""A multiverse as text and as a page."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from rich.console import Console

from forescale import report
from forescale.multiverse import Multiverse, multiverse
from forescale.report.charts.universes import curve, shares


@pytest.fixture(scope="module")
def made(many) -> Multiverse:
    # A name with markup in it must reach neither terminal nor page as markup.
    corpus = np.where(np.arange(48) % 2, "<b>web</b>", "books").astype(object)
    return multiverse(
        many(corpus=corpus), vary=("corpus",), decide="a > 0.4", forms=("chinchilla",),
        objectives=("lsq-log",), without=("smallest", "outliers"),
    )  # fmt: skip


@pytest.mark.parametrize("width", [80, 160])
def test_the_text_holds_every_choice_and_ends_with_the_reasons(made, width: int) -> None:
    out = io.StringIO()
    Console(file=out, width=width, markup=False, highlight=False).print(report.text(made))
    said = " ".join(out.getvalue().split())
    for name, *_ in made.choices:
        assert name in said
    assert "<b>web</b>" in said
    assert made.default_text() in said
    verdict = said.index("CAN STAND ALONE" if made.trusted else "NOT TO BE QUOTED ALONE")
    for reason in made.reasons:
        assert " ".join(reason.split()) in said[verdict:]


def test_the_checklist_has_a_text_of_its_own(made) -> None:
    out = io.StringIO()
    Console(file=out, width=120).print(report.text(made.checklist))
    assert "How many points?" in out.getvalue()


def test_the_page_is_whole_and_escapes_names(made) -> None:
    pytest.importorskip("jinja2")
    pytest.importorskip("vl_convert")
    page = report.page([made])
    assert "<b>web</b>" not in page
    assert "&lt;b&gt;web&lt;/b&gt;" in page
    for title in ("Universes", "One choice at a time", "Checklist", "moved most by"):
        assert title in page


@pytest.mark.parametrize("draw", [curve, shares])
def test_the_charts_compile_and_draw_every_universe_and_choice(made, draw) -> None:
    vl_convert = pytest.importorskip("vl_convert")
    chart = draw(made)
    assert vl_convert.vegalite_to_vega(chart.to_dict())["marks"]
    rows = chart.spec["data"]["values"]
    assert len(rows) == (made.alive.sum() if draw is curve else 2 * len(made.choices))
    json.dumps(chart.to_dict(), allow_nan=False)
