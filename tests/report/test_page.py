"""The page: whole HTML, the right numbers, nothing from elsewhere, nothing of the user's run."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from forescale import report
from forescale.errors import BadOption, ForescaleError
from forescale.fit import fit
from forescale.report import _page
from forescale.runs import read

pytest.importorskip("jinja2")
pytest.importorskip("vl_convert")

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Reader(HTMLParser):
    """Tags that match, the text seen, the data carried, and whatever would be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.ids: list[str] = []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [v for k, v in attrs if k == "id"]
        if tag == "script":
            self.scripts.append("")
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if self.stack and self.stack[-1] == "script":
            self.scripts[-1] += data
        elif not self.stack or self.stack[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def data(self):
        return json.loads(self.scripts[0])


@pytest.fixture(scope="session")
def pages(fitted, forecasted, planned, one_input, hostile):
    return {
        "fit": Reader(report.page([fitted])),
        "forecast": Reader(report.page([forecasted], command="forescale forecast x.json")),
        "backtest": Reader(report.page([forecasted.backtest])),
        "plan": Reader(report.page([planned])),
        "one input": Reader(report.page([one_input.fit, one_input])),
        "several": Reader(report.page([forecasted.backtest, one_input, fitted, planned])),
        "groups": Reader(report.page([hostile], title="a</title><script>x</script>")),
    }


def test_every_chart_has_a_place_a_caption_and_a_way_to_read_it(pages) -> None:
    for page in pages.values():
        places = [i for i in page.ids if i.startswith("chart-")]
        assert places == [f"chart-{k}" for k in range(len(page.data["charts"]))]
        assert len(page.ids) == len(set(page.ids))
    assert pages["forecast"].text.count("How to read this") >= 6


def test_a_page_is_titled_by_what_it_shows(pages) -> None:
    wanted = {"fit": "Scaling law", "backtest": "Backtest", "several": "Scaling forecast"}
    for name, title in wanted.items():
        assert pages[name].text.startswith(f"{title} {title} "), name


def test_the_forecast_stands_first_with_its_interval_verdict_and_place(pages, forecasted) -> None:
    (point,) = forecasted.points
    text = pages["forecast"].text
    head = text[: text.index("Forecast ", 40)]
    assert f"{point.band.median:.3f}" in head
    assert f"90 %: {point.band.lo:.3f} to {point.band.hi:.3f}" in head
    assert "N=70B, D=1.4T" in head
    assert ("Trusted" if forecasted.trusted else "Not to be trusted") in head
    assert "beyond the largest C" in head
    assert "forescale forecast x.json" in text


def test_a_page_of_results_of_one_fit_tells_them_as_one_story(pages) -> None:
    text = pages["several"].text
    assert text.count("Where this comes from") == 2
    assert text.count("Backtest") == 2
    for word in ("best size N", "C=1e21", "chinchilla on dict", "E + A*C^-a on dict"):
        assert word in text


def test_provenance_names_source_hash_seed_and_rows_left_out(pages, hostile) -> None:
    text = pages["groups"].text
    assert hostile.runs.hash in text
    assert "Rows left out" in text
    assert "because </script>" in text


def test_nothing_is_fetched_from_anywhere(pages) -> None:
    for page in pages.values():
        for tag, attributes in page.tags:
            assert tag not in {"link", "img", "iframe", "object", "base"}
            assert not {"src", "href", "srcset", "data"} & set(attributes)
        assert "url" not in json.dumps([c["spec"].get("data") for c in page.data["charts"]])
        policy = next(a["content"] for t, a in page.tags if t == "meta" and "content" in a
                      and "default-src" in (a["content"] or ""))  # fmt: skip
        assert "default-src 'none'" in policy
        assert "http" not in policy
        assert "unsafe-eval" not in policy
    text = report.page([object()])
    assert "http:" not in text
    assert "https:" not in text
    assert "@import" not in text
    assert "url(" not in text


def test_no_user_text_becomes_markup(pages) -> None:
    page = pages["groups"]
    assert [t for t, _ in page.tags].count("script") == 3
    assert not [a for _, a in page.tags if any(k.startswith("on") for k in a)]
    assert "onerror=alert(1)" in page.text
    assert "{{7*7}}" in page.text
    assert "a</title><script>x</script>" in page.text
    carried = page.scripts[0]
    assert "<" not in carried
    assert "\u2028" not in carried
    assert any("onerror" in row["run"] for row in page.data["data"]["runs0"])


def test_charts_draw_from_data_sets_that_are_there_and_carry_no_nan(pages) -> None:
    for page in pages.values():
        names = set(page.data["data"])
        for chart in page.data["charts"]:
            assert set(chart["data"]) <= names
            assert set(re.findall(r'"data": \{"name": "(\w+)"', json.dumps(chart))) <= names
            assert "NaN" not in json.dumps(chart)


def test_vega_lite_draws_every_chart_without_a_complaint(pages, capfd) -> None:
    import vl_convert

    for page, first in ((pages["plan"], 9), (pages["groups"], 1)):
        for chart in page.data["charts"][:first]:
            sets = {n: page.data["data"][n] for n in chart["data"]}
            spec = {**chart["spec"], "width": 400, "datasets": sets,
                    "config": page.data["config"]}  # fmt: skip
            svg = vl_convert.vegalite_to_svg(spec)
            assert "NaN" not in svg
            assert svg.count("<path") > 3
    assert "WARN" not in capfd.readouterr().err


def test_a_fit_without_draws_says_that_it_has_no_band(fitted) -> None:
    text = Reader(report.page([replace(fitted, draws=None)])).text
    assert "No band" in text
    assert "What the parameters could be" not in text


def test_the_choice_of_law_is_shown_where_there_was_one(fitted) -> None:
    choice = {
        "cuts": 3,
        "close": [],
        "line_score_pct": 5.0,
        "candidates": [
            {"law": "chinchilla", "score_pct": 0.5, "aic": -100.0, "weight": 1.0, "why": ""},
            {"law": "other", "score_pct": float("nan"), "aic": float("nan"), "weight": 0.0,
             "why": "too few"},
        ],
    }  # fmt: skip
    text = Reader(report.page([replace(fitted, choice=choice)])).text
    assert "Choice of law" in text
    assert "too few" in text
    assert "straight line" in text


def test_many_rows_are_thinned_the_extremes_kept_and_the_caption_says_so(many) -> None:
    runs = many(6000)
    made = fit(runs, "chinchilla", starts=16)
    page = Reader(report.page([made]))
    drawn = page.data["data"]["runs0"]
    assert len(drawn) < 2000
    assert f"{len(drawn):,} of 6,000 runs are drawn" in page.text
    assert min(r["y"] for r in drawn) == pytest.approx(float(runs["L"].min()), rel=1e-4)
    worst = 100 * abs(made.residuals).max()
    assert max(abs(r["e"]) for r in drawn) == pytest.approx(worst, rel=1e-4)


def test_any_result_with_plain_values_has_a_page() -> None:
    class Onset:
        def to_dict(self):
            return {"kind": "onset", "at": {"C": 1e21}, "list": [1.5, None, True], "rows": [[1, 2]]}

        def summary(self):
            return "appears at 1e21 <b>"

    page = Reader(report.page([Onset()]))
    assert page.scripts == []
    for word in ("Onset", "appears at 1e21 <b>", "at.C", "1e21", "rows[0]", "1.5, -, yes"):
        assert word in page.text


def test_the_same_results_give_the_same_page(forecasted) -> None:
    assert report.page([forecasted]) == report.page([forecasted])


def test_what_the_pointer_shows_is_not_dressed_as_the_big_numbers() -> None:
    # vega-tooltip's cells have these classes.
    style = " ".join((_page.TEMPLATES / "page.css").read_text(encoding="utf-8").split())
    selectors = [one.strip() for rule in re.findall(r"([^{}]+){", style) for one in rule.split(",")]
    assert ".number .value" in selectors
    assert not {".value", ".key", "td.value", "td.key"} & set(selectors)


CURVES = {
    "run": [f"r{i}" for i in range(5) for _ in range(4)],
    "step": [10, 20, 40, 80] * 5,
    "params": [1e7 * 2**i for i in range(5) for _ in range(4)],
    "tokens": [s * 1e6 for s in (10, 20, 40, 80)] * 5,
    "loss": [4.0 - 0.2 * i - 0.1 * s for i in range(5) for s in range(4)],
}


def curves_of(**changes):
    return read({**CURVES, **changes}, pick="all")


def carried(page: Reader, title: str):
    """The data set behind the curves, and their chart."""
    assert title in page.text
    (chart,) = [c for c in page.data["charts"] if c["data"][0].startswith("curves")]
    return page.data["data"][chart["data"][0]], chart["spec"]


def test_curves_stand_in_the_story_of_the_fit_of_their_runs(many) -> None:
    runs = many(40, run=[f"r{i}" for i in range(40)])
    made = fit(runs, "chinchilla", starts=8)
    for results in ([made, curves_of()], [curves_of(), made]):
        page = Reader(report.page(results))
        data, _ = carried(page, "Learning curves")
        assert page.text.count("Where this comes from") == 1
        assert page.text.index("Learning curves") < page.text.index("Where this comes from")
        assert [d["end"] for d in data] == [False, False, False, True] * 5
    others = curves_of(run=[f"s{r}" for r in CURVES["run"]])
    alone = Reader(report.page([made, others]))
    assert alone.text.index("Learning curves") > alone.text.index("Where this comes from")


@pytest.mark.parametrize(
    ("columns", "title", "first"),
    [
        (("run", "step", "params", "tokens", "loss"), "C (FLOPs)", 6e14),
        (("run", "step", "tokens", "loss"), "D (tokens)", 1e7),
        (("run", "step", "loss"), "step (steps)", 10),
    ],
)
def test_curves_are_drawn_along_compute_else_data_else_steps(columns, title, first) -> None:
    table = read({name: CURVES[name] for name in columns}, pick="all")
    data, spec = carried(Reader(report.page([table])), "5 runs")
    assert spec["layer"][0]["encoding"]["x"]["axis"]["title"] == title
    assert [d["x"] for d in data[:4]] == [first * f for f in (1, 2, 4, 8)]


def test_a_hundred_long_curves_keep_their_ends_and_say_what_is_left_out(capfd) -> None:
    import vl_convert

    steps = np.arange(0, 200)
    table = read(
        {
            "run": np.repeat([f"r{i}" for i in range(100)], len(steps)),
            "step": np.tile(steps, 100),
            "params": np.repeat(np.geomspace(1e6, 1e9, 100), len(steps)),
            "loss": np.tile(5 * (1 + steps) ** -0.1, 100),
        },
        pick="all",
    )
    page = Reader(report.page([table]))
    data, spec = carried(page, "100 runs of 100 sizes")
    assert len(data) <= 1500
    assert f"{len(data):,} of 20,000 points are drawn" in page.text
    ends = [d for d in data if d["end"]]
    assert len(ends) == 100
    assert {d["x"] for d in ends} == {199}
    first = {d["of"]: d["x"] for d in reversed(data)}
    # A step of zero has no place on a logarithmic axis.
    assert set(first.values()) == {1}
    assert spec["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"
    svg = vl_convert.vegalite_to_svg(
        {**spec, "width": 400, "datasets": {"curves0": data}, "config": page.data["config"]}
    )
    assert svg.count('aria-roledescription="line mark"') == 100
    assert "WARN" not in capfd.readouterr().err


def test_a_run_that_diverged_ends_where_its_loss_was_last_a_number() -> None:
    loss = list(CURVES["loss"])
    loss[2:4] = [float("nan"), float("nan")]
    data, _ = carried(Reader(report.page([curves_of(loss=loss)])), "5 runs of 5 sizes")
    assert [(d["x"], d["end"]) for d in data if d["of"] == 0] == [
        (6e14, False),
        (12e14, True),
    ]


def test_a_table_without_curves_is_no_section(fitted) -> None:
    for results in ([fitted], [fitted.runs], [fitted, fitted.runs]):
        assert "Learning curves" not in report.page(results)


def test_write_leaves_a_whole_file_or_says_why_not(tmp_path, fitted) -> None:
    path = report.write(tmp_path / "a.html", [fitted])
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [p.name for p in tmp_path.iterdir()] == ["a.html"]
    with pytest.raises(BadOption, match="cannot write"):
        report.write(tmp_path / "no" / "a.html", [fitted])


def test_a_page_of_nothing_is_refused() -> None:
    with pytest.raises(ForescaleError, match="no result"):
        report.page([])


def test_a_scorecard_tells_how_the_records_fared(scored) -> None:
    page = Reader(report.page([scored]))
    text = page.text
    said = ("Forecasts on record in r.jsonl", "How they fared", "Not yet known", "Coverage")
    for part in (*said, scored.head, scored.scored[0].id, scored.open[0]["id"]):
        assert part in text
    assert len(page.data["charts"]) == 2
    assert [n for n in page.ids if n.startswith("chart-")] == ["chart-0", "chart-1"]


def test_vega_lite_draws_a_scorecard_without_a_complaint(scored, capfd) -> None:
    import vl_convert

    page = Reader(report.page([scored]))
    for chart in page.data["charts"]:
        svg = vl_convert.vegalite_to_svg(
            {**chart["spec"], "width": 400, "config": page.data["config"]}
        )
        assert "NaN" not in svg
        assert svg.count("<path") > 3
    assert "WARN" not in capfd.readouterr().err


def test_a_scorecard_without_a_truth_has_no_chart_and_says_so(scored) -> None:
    page = Reader(report.page([replace(scored, scored=())]))
    assert "Nothing scored yet" in page.text
    assert page.scripts == []
