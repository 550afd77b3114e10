"""Terminal text: what people read at 80 and at 160 columns."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from forescale import report
from forescale.quantities import format_error


def shown(result, width: int) -> str:
    """What a plain terminal of this width prints."""
    out = io.StringIO()
    console = Console(file=out, width=width, markup=False, highlight=False, emoji=False)
    console.print(report.text(result))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


@pytest.mark.parametrize("width", [80, 160])
def test_a_fit_says_what_was_read_the_law_its_numbers_and_its_noise(fitted, width: int) -> None:
    text = shown(fitted, width)
    assert "runs     dict: 48 rows used" in text
    assert "law      L = E + A/N^alpha + B/D^beta  (chinchilla)" in text
    for name, value in fitted.params.items():
        number = re.escape(format_error(value, fitted.errors[name]))
        assert re.search(rf"^{name} +{number} +[\d.]+ to [\d.]+", text, re.MULTILINE)
    assert "90 % interval" in text
    assert re.search(r"^noise +0\.\d+ % per run, huber on log residuals$", text, re.MULTILINE)
    assert "sandwich, 200 draws, seed 0" in text


@pytest.mark.parametrize("width", [80, 160])
def test_a_forecast_says_how_far_beyond_and_ends_with_its_verdict(forecasted, width: int) -> None:
    text = shown(forecasted, width)
    row = next(line for line in text.splitlines() if line.lstrip().startswith("70B"))
    assert re.match(
        r" *70B +1\.4T +\d\.\d+ +\d\.\d+ to \d\.\d+ +\d\.\d+ to \d\.\d+ +[\d.e]+x C", row
    )
    assert "parameters only" in text
    verdict = text.index("TRUSTED")
    assert "backtest" in text[verdict:]
    for reason in forecasted.verdict.reasons:
        assert " ".join(reason.split()) in " ".join(text[verdict:].split())


def test_the_readme_forecast_reads_as_people_expect(one_input) -> None:
    text = shown(one_input, 80)
    assert re.search(r"C +L +90 % interval +parameters only +beyond the runs$", text, re.MULTILINE)
    assert "1e21" in text
    assert "333x C" in text
    assert "NOT TO BE TRUSTED" in text
    assert "- 333x is past two decades" in text


@pytest.mark.parametrize("width", [80, 160])
def test_a_backtest_shows_each_cut_with_its_rivals_and_cuts_no_number(forecasted, width) -> None:
    test = forecasted.backtest
    text = shown(test, width)
    assert "…" not in text
    for cut in test.cuts:
        assert re.search(
            rf"^ *{cut.trained} +{cut.held_out} +[\d.]+x +[\d.]+ % +[+-][\d.e-]+ % +\d+ % "
            rf"+[\d.]+ % +[\d.]+ % +[\d.]+ %$", text, re.MULTILINE,
        ), text  # fmt: skip
    assert "straight line" in text


def test_a_plan_shows_the_optimum_the_flat_range_and_the_forecast(planned) -> None:
    text = shown(planned, 80)
    for word in ("size N (params)", "tokens per parameter", "given", "you lose less than 0.5 %",
                 "parabolas", "TRUSTED"):  # fmt: skip
        assert word in text


def test_no_line_is_wider_than_the_terminal(fitted, forecasted, planned, hostile) -> None:
    for result in (fitted, forecasted, forecasted.backtest, planned, hostile):
        for width in (80, 160):
            assert max(map(len, shown(result, width).splitlines())) <= width


def test_dropped_rows_are_counted_by_reason_and_user_text_moves_no_cursor(hostile) -> None:
    text = shown(hostile, 160)
    assert "1 left out: 1 because </script>" in text
    assert "\u2028" not in text
    assert "[bold]" in text


def test_another_result_speaks_for_itself() -> None:
    class Onset:
        def summary(self):
            return "appears at 1e21 [bold]"

    assert shown(Onset(), 80) == "appears at 1e21 [bold]"
    assert re.search(r"^at\.C +1e21$", shown({"at": {"C": 1e21}}, 80), re.MULTILINE)


@pytest.mark.parametrize("width", [80, 160])
def test_a_scorecard_shows_each_record_with_its_truth_and_its_doubts(scored, width) -> None:
    text = shown(scored, width)
    (first, second), (still,) = scored.scored, scored.open
    assert "chain whole up to" in text
    assert re.search(rf"^{first.id} .* 2 +{re.escape(f'{first.error_pct:+.2g}')} % +NO", text, re.M)
    assert re.search(rf"^{second.id} .* yes$", text, re.MULTILINE)
    assert re.search(r"90 % +1 +2 +50.0 %", text)
    assert still["id"] in text[text.index("without a truth yet") :]
    assert "doubt    a straight line" in shown(replace(scored, scored=(first,)), width)
