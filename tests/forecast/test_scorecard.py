"""Scores of forecasts on record, against numbers worked out by hand and planted truths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from forescale.errors import BadOption, UnknownName
from forescale.fit import fit
from forescale.forecast import QUANTILES, forecast
from forescale.forecast.records import Place, Record, Register, Truth, read, register, settle
from forescale.forecast.scorecard import LEVELS, score
from forescale.forecast.scores import pinball, weighted_interval_score
from forescale.runs import RunTable


def record(
    key: str,
    *,
    data: str = "",
    source: str = "dict",
    mean: float = 2.0,
    sd: float = 0.1,
    **more: Any,
) -> Record:
    """A record whose predictive distribution is normal; 1e21 FLOPs unless told."""
    at = more.pop("at", ({"C": 1e21},))
    quantiles = {p: NormalDist(mean, sd).inv_cdf(p) for p in QUANTILES}
    places = tuple(
        Place(x, quantiles, {"straight line": 1.8, "best so far": 2.5}, 1.0, more.get("group"))
        for x in at
    )
    told: dict[str, Any] = {
        "date": "2026-11-21T12:00:00Z", "question": key, "law": "power", "formula": "E+A/C^alpha",
        "output": "L", "relative": True, "by": None, "level": 0.9, "trusted": True, "verdict": "",
    }  # fmt: skip
    told |= {k: v for k, v in more.items() if k in told}
    return Record(
        hash=key.ljust(64, "0"),
        source=source,
        data_hash=key,
        table_hash=data or key,
        places=places,
        **told,
    )


def on_record(records: Sequence[Record], *truths: Truth) -> Register:
    return Register("r.jsonl", tuple(records), truths, "head")


def test_one_forecast_is_scored_by_hand() -> None:
    card = score(on_record([record("aa")]), {"aa": 1.85})
    (s,) = card.scored
    assert (s.median, s.error) == (pytest.approx(2.0), pytest.approx(0.15))
    assert s.error_pct == pytest.approx(100 * 0.15 / 1.85)
    assert s.z == pytest.approx(-1.5)
    assert [s.inside(level) for level in LEVELS] == [False, False, True, True]
    width = 2 * 0.1 * NormalDist().inv_cdf(0.9)
    assert s.interval_scores[0.8] == pytest.approx(width + 2 / 0.2 * (2 - width / 2 - 1.85))
    assert s.rivals == {"straight line": pytest.approx(-0.05), "best so far": pytest.approx(0.65)}
    assert card.rival_pct() == pytest.approx(100 * 0.05 / 1.85)
    assert card.error_pct == pytest.approx(s.error_pct)
    assert card.skill == pytest.approx((0.05 - s.wis) / s.wis)
    assert card.doubts[0].startswith("a straight line")


def test_the_weighted_interval_score_is_that_of_its_paper_and_nears_the_crps() -> None:
    mean, sd, y = 2.0, 0.1, 2.13
    q = {p: NormalDist(mean, sd).inv_cdf(p) for p in QUANTILES}
    # Bracher et al. 2021, equation 1: intervals weighted by alpha/2, the median by 1/2.
    total = 0.5 * abs(y - q[0.5])
    lower = [p for p in QUANTILES if p < 0.5]
    for p in lower:
        lo, hi, alpha = q[p], q[QUANTILES[-1 - QUANTILES.index(p)]], 2 * p
        total += alpha / 2 * (hi - lo + 2 / alpha * (max(lo - y, 0) + max(y - hi, 0)))
    assert weighted_interval_score(y, q) == pytest.approx(total / (len(lower) + 0.5))
    z = (y - mean) / sd
    n = NormalDist()
    crps = sd * (z * (2 * n.cdf(z) - 1) + 2 * n.pdf(z) - np.pi**-0.5)
    dense = {k / 400: NormalDist(mean, sd).inv_cdf(k / 400) for k in range(1, 400)}
    assert weighted_interval_score(y, dense) == pytest.approx(crps, rel=0.01)
    # The forecast hubs' grid crowds the tails, where the loss is small.
    assert 0.85 * crps < weighted_interval_score(y, q) < crps
    assert weighted_interval_score(y, dict.fromkeys(QUANTILES, 2.0)) == pytest.approx(0.13)
    assert pinball(np.array([1.0]), 0.5, np.array([3.0])) == 1.0


def test_scores_have_no_per_cent_and_may_be_zero_or_below() -> None:
    card = score(on_record([record("aa", relative=False, output="score")]), {"aa": 0.0})
    assert card.scored[0].error_pct is None
    assert np.isnan(card.error_pct)
    assert card.scored[0].error == pytest.approx(2.0)


# where the truth comes from --------------------------------------------------------------------


def test_a_record_without_a_truth_stays_open() -> None:
    card = score(on_record([record("aa"), record("bb")]), {"bb": 2.0})
    assert [o["id"] for o in card.open] == ["aa000000"]
    assert [s.id for s in card.scored] == ["bb000000"]
    nothing = score(on_record([record("aa")]))
    assert (nothing.scored, nothing.coverage, nothing.doubts) == ((), (), ())
    assert "1 open" in repr(nothing)


def test_the_truth_is_found_in_a_table_by_its_inputs() -> None:
    kept = on_record([record("aa", at=({"N": 7e9, "D": 2e12}, {"N": 7e9, "D": 1e12}))])
    table = RunTable(
        {"N": np.array([7e9, 7.05e9, 7e9]), "D": np.array([2.2e12, 1.99e12, 4e12]),
         "L": np.array([1.0, 2.1, 1.2])}, source="truth.csv", hash="t",
    )  # fmt: skip
    card = score(kept, table=table)
    (s,) = card.scored
    assert (s.id, s.truth, s.where) == ("aa000000.1", 2.1, "truth.csv, row 2")
    assert len(card.open) == 1
    assert score(kept, table=table, within=0.001).scored == ()
    assert score(kept, {"aa.1": 2.5}, table).scored[0].truth == 2.5


def test_seeds_at_one_place_count_once_with_their_mean_and_it_is_said() -> None:
    table = RunTable(
        {"C": np.array([1e21, 1e21, 1e20, 1e21]), "L": np.array([2.1, 2.2, 5.0, np.nan])}, hash="t"
    )
    card = score(on_record([record("aa")]), table=table)
    assert card.scored[0].truth == pytest.approx(2.15)
    assert any("mean of 2 runs" in n for n in card.notes)


def test_a_group_s_forecast_is_settled_by_runs_of_that_group_alone() -> None:
    table = RunTable(
        {"C": np.array([1e21, 1e21]), "L": np.array([2.1, 2.9]),
         "kind": np.array(["a", "b"], object)}, hash="t",
    )  # fmt: skip
    kept = on_record([record("aa", by="kind", group="b"), record("bb", by="size", group="b")])
    card = score(kept, table=table)
    assert [(s.id, s.truth) for s in card.scored] == [("aa000000", 2.9)]


def test_the_table_a_forecast_was_made_from_is_no_truth_for_it() -> None:
    table = RunTable({"C": np.array([1e21]), "L": np.array([2.0])}, hash="same")
    card = score(on_record([record("aa", data="same")]), table=table)
    assert card.scored == ()
    assert "no truth for it" in card.notes[0]


def test_a_table_without_the_inputs_settles_nothing() -> None:
    table = RunTable({"steps": np.array([1e3]), "L": np.array([2.0])}, hash="t")
    assert score(on_record([record("aa")]), table=table).scored == ()


def test_of_two_truths_on_record_the_later_counts_and_both_are_told() -> None:
    kept = on_record(
        [record("aa")], Truth("aa000000", 2.3, "given"), Truth("aa000000", 2.1, "given")
    )
    card = score(kept)
    assert card.scored[0].truth == 2.1
    assert "2.3" in card.notes[0]
    assert "2.1" in card.notes[0]
    assert card.truths == ()
    assert score(kept, {"aa": 2.1}).truths == ()
    assert [t.value for t in score(kept, {"aa": 2.2}).truths] == [2.2]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, -1.0])
def test_a_truth_that_cannot_be_is_refused(value: float) -> None:
    with pytest.raises(BadOption, match="L of aa is"):
        score(on_record([record("aa")]), {"aa": value})


def test_a_truth_of_no_record_and_a_share_that_is_none_are_refused() -> None:
    with pytest.raises(UnknownName, match="records: aa000000"):
        score(on_record([record("aa")]), {"cc": 2.0})
    with pytest.raises(UnknownName, match="names 2 records"):
        score(on_record([record("aa1"), record("aa2")]), {"aa": 2.0})
    with pytest.raises(BadOption, match="no share"):
        score(on_record([record("aa")]), within=2.0)


# coverage --------------------------------------------------------------------------------------


def test_independent_records_count_one_each_and_those_of_one_table_as_one() -> None:
    keys = [f"{k:02x}" for k in range(20)]
    truths = {k: 2.0 + 0.001 * i for i, k in enumerate(keys)}
    alone = score(on_record([record(k) for k in keys]), truths).coverage[2]
    assert (alone.inside, alone.of, alone.effective) == (20, 20, 20)
    assert alone.lo == pytest.approx(0.025 ** (1 / 20))
    same = score(on_record([record(k, data="one") for k in keys]), truths).coverage[2]
    assert same.effective == pytest.approx(1.0)
    assert same.lo == pytest.approx(0.025)
    # Two tables, 15 and 5 records: (15 + 5)^2 / (15^2 + 5^2).
    two = score(
        on_record([record(k, data="ab"[i >= 15]) for i, k in enumerate(keys)]), truths
    ).coverage[2]
    assert two.effective == pytest.approx(1.6)


def test_a_table_that_grew_or_a_run_that_settled_two_ties_records_together() -> None:
    grown = [record("aa", source="runs.csv"), record("bb", source="runs.csv"), record("cc")]
    truths = {"aa": 2.0, "bb": 2.1, "cc": 2.2}
    assert [s.cluster for s in score(on_record(grown), truths).scored] == [0, 0, 1]
    # cc and aa are settled by one run, so all three are one.
    assert [s.cluster for s in score(on_record(grown), truths | {"cc": 2.0}).scored] == [0, 0, 0]


def test_intervals_that_hold_too_few_truths_are_called_out_and_honest_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    keys = [f"{k:03x}" for k in range(200)]
    honest = {k: 2.0 + 0.1 * z for k, z in zip(keys, rng.standard_normal(200), strict=True)}
    vain = {k: 2.0 + 2 * (v - 2.0) for k, v in honest.items()}
    kept = on_record([record(k) for k in keys])
    card = score(kept, honest)
    assert all(c.kept for c in card.coverage)
    assert card.doubts == ()
    assert np.mean([s.z**2 for s in card.scored]) == pytest.approx(1.0, abs=0.2)
    doubts = score(kept, vain).doubts
    assert sum("intervals held" in d for d in doubts) == 4


def test_json_has_the_promised_keys_and_no_surprise_types() -> None:
    import json

    told = score(on_record([record("aa"), record("bb")]), {"aa": 1.9}).to_dict()
    assert json.loads(json.dumps(told)) == told
    assert set(told) == {
        "schema", "kind", "records", "head", "scored", "open", "coverage", "clusters", "error_pct",
        "rivals_pct", "skill", "doubts", "notes",
    }  # fmt: skip
    (s,) = told["scored"]
    assert set(s) == {
        "id", "date", "law", "source", "trusted", "output", "inputs", "group", "decades", "truth",
        "where", "median", "error", "error_pct", "z", "wis", "rivals", "cluster", "intervals",
    }  # fmt: skip
    assert set(s["intervals"]) == {"0.5", "0.8", "0.9", "0.95"}
    assert s["intervals"]["0.9"]["inside"] is True


def test_from_forecast_to_score_a_planted_truth_is_inside(
    power: Callable[..., RunTable], tmp_path: Path
) -> None:
    made = forecast(fit(power(), "power", starts=32), {"C": [3e21, 1e22]}, resamples=200)
    put, _ = register(made, tmp_path)
    c = np.array([3e21, 1e22])
    truth = RunTable({"C": c, "L": 1.8 + 900 / c**0.15}, hash="later", source="later.csv")
    card = score(read(tmp_path), table=truth)
    assert [s.inside(0.95) for s in card.scored] == [True, True]
    assert card.error_pct < 1 < card.rival_pct()
    assert card.skill > 0.5
    settle(tmp_path, card.truths)
    again = score(read(tmp_path))
    assert [s.truth for s in again.scored] == [s.truth for s in card.scored]
    assert again.scored[0].where == "later.csv, row 1"
    assert read(tmp_path).records == (put,)
