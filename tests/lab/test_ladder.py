"""The ladder: a design that fits its time, rates that are found, and a call that goes on."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forescale.errors import BadOption, BadTable
from forescale.lab import ladder as room
from forescale.lab.ladder import Design, best_rate, design, farther, ladder, rate_rule
from forescale.lab.sweep import Progress

BASE = {"task": "teacher", "model": "mlp", "batch": 8}


@given(budget=st.floats(2400, 1e6), workers=st.integers(1, 64))
def test_a_design_stays_within_its_time_and_climbs_five_sizes(budget: float, workers: int) -> None:
    made = design(BASE, budget=budget, workers=workers, pace=lambda size: 0.01 * size**1.3)
    assert made.seconds <= budget * workers
    assert len(made.sizes) == 5
    assert made.sizes == tuple(sorted(made.sizes))
    assert made.most[-1] >= 3
    assert list(made.most) == sorted(made.most, reverse=True)
    configs = made.runs(lambda steps: 1e-2)
    assert len({c.key for c in configs}) == len(configs) == sum(map(sum, made.seeds))
    longest = max(c.steps * made.pace[made.sizes.index(c.size)] for c in configs)
    assert longest <= 0.19 * budget * workers


def test_more_time_buys_a_larger_size() -> None:
    tops = [
        design(BASE, budget=b, workers=2, pace=lambda size: 0.01 * size**1.3).sizes[-1]
        for b in (1200, 12000, 120000)
    ]
    assert tops == sorted(tops)
    assert tops[0] < tops[-1]


@given(foot=st.floats(0.2, 2.0), grows=st.floats(0.0, 3.0), workers=st.integers(1, 4))
def test_the_minutes_named_for_too_little_time_would_do_and_hardly_fewer(
    foot: float, grows: float, workers: int
) -> None:
    def pace(size: int) -> float:
        return foot * float(size) ** grows

    with pytest.raises(BadOption, match="minutes or more") as caught:
        design(BASE, budget=10, workers=workers, pace=pace)
    least = int(str(caught.value).split("give ")[1].split()[0])
    made = design(BASE, budget=60 * least, workers=workers, pace=pace)
    assert made.seconds <= 60 * least * workers
    assert least >= 4
    with pytest.raises(BadOption, match="minutes or more"):
        design(BASE, budget=0.7 * 60 * least, workers=workers, pace=pace)


def test_the_best_rate_is_the_vertex_of_a_parabola_in_its_log() -> None:
    rows = [{"lr": 2.0**k, "loss": 1 + 0.1 * (k - 0.4) ** 2} for k in range(-3, 4)]
    assert best_rate(rows) == pytest.approx(2**0.4)
    assert best_rate([*rows, {"lr": 16.0, "loss": math.nan}]) == pytest.approx(2**0.4)
    assert best_rate(rows[:3]) == rows[2]["lr"]
    with pytest.raises(BadTable, match="diverged"):
        best_rate([{"lr": 1.0, "loss": math.nan}])


def test_a_best_rate_at_the_end_of_those_tried_asks_for_more() -> None:
    assert farther([1.0, 2.0, 4.0], 4.0) == [8.0]
    assert farther([1.0, 2.0, 4.0], 1.0) == [0.5]
    assert farther([1.0, 2.0, 4.0], 2.3) == []


def test_rates_follow_a_power_law_that_never_rises() -> None:
    rule = rate_rule((100, 400), (0.02, 0.01))
    assert (rule(100), rule(400)) == pytest.approx((0.02, 0.01))
    assert rule(1600) == pytest.approx(0.005)
    assert rate_rule((100, 400), (0.01, 0.02))(1600) == pytest.approx(0.01)


def small() -> Design:
    return Design(
        base=dict(BASE), sizes=(1, 2), steps=(16, 32, 64), most=(3, 2),
        seeds=((2, 1, 1), (1, 1)), pace=(1e-3, 1e-3), seconds=1.0, budget=60.0,
    )  # fmt: skip


@pytest.mark.lab
def test_a_ladder_tunes_trains_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "measured_pace", lambda *_, **__: lambda size: 1e-3)
    monkeypatch.setattr(room, "design", lambda *_, **__: small())
    seen: list[tuple[str, Progress]] = []
    runs, made = ladder(
        BASE, tmp_path, budget=60, workers=1, say=lambda stage, p: seen.append((stage, p))
    )
    assert made == small()
    assert len(runs) == 6
    assert {stage for stage, _ in seen} == {"tuning", "ladder"}
    assert (tmp_path / "tuning.csv").exists()
    monkeypatch.setattr(room, "design", lambda *_, **__: pytest.fail("the design was kept"))
    again: list[Progress] = []
    more, _ = ladder(BASE, tmp_path, budget=60, workers=1, say=lambda _, p: again.append(p))
    assert list(more["L"]) == list(runs["L"])
    assert all(p.finished == p.total for p in again)
    with pytest.raises(BadOption, match="other settings \\(batch\\)"):
        ladder({**BASE, "batch": 16}, tmp_path, budget=60, workers=1)
    with pytest.raises(BadOption, match="budget 1 min, not 2"):
        ladder(BASE, tmp_path, budget=120, workers=1)
