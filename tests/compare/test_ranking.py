"""Systems ranked over several metrics."""

from __future__ import annotations

import json

import numpy as np
import pytest

from forescale.cli._output import to_json
from forescale.compare.ranking import chances, rank, ranks, tau_b
from forescale.errors import BadOption, BadTable, ForescaleError, TooFewRuns, UnknownName
from forescale.runs import RunTable, read


def board(scores: np.ndarray, names: str = "abcdefghijklmnopqrstuvwxyz") -> RunTable:
    n, m = scores.shape
    columns = {"model": np.array(list(names[:n]), object)}
    return RunTable({**columns, **{f"t{j}": scores[:, j] for j in range(m)}})


@pytest.fixture
def clear() -> RunTable:
    rng = np.random.default_rng(0)
    return board(np.arange(4.0)[:, None] + 0.3 * rng.normal(size=(4, 9)))


def test_a_clear_leader_is_one_that_metrics_drawn_anew_leave_there(clear: RunTable) -> None:
    made = rank(clear, "model", ["t*"])
    assert [p.system for p in made.places] == ["d", "c", "b", "a"]
    assert made.places[0].p_first > 0.99
    assert made.condorcet == "d"
    assert made.trusted
    assert all(sum(p.p_rank) == pytest.approx(1) for p in made.places)
    # The others leave those level that are never first.
    assert {made.agreement[n] for n in ("copeland", "mean")} == {1.0}


def test_one_loud_metric_decides_the_mean_and_not_the_votes() -> None:
    scores = np.tile(np.arange(4.0)[:, None], (1, 7))
    scores[:, 0] = [100.0, 0, 0, 0]
    made = rank(board(scores), "model", ["t*"])
    assert made.places[0].system == "d"
    assert made.places[0].ranks["mean"] > 1
    assert made.places[-1].ranks["mean"] == 1


def test_losses_are_better_where_they_are_less_and_a_sign_says_so_for_sure() -> None:
    runs = read({"m": ["x", "y"], "eval_loss": [1.0, 2.0], "b_ppl": [3.0, 4.0], "acc": [0.9, 0.8]})
    made = rank(runs, "m", ["eval_loss", "b_ppl", "acc"])
    assert made.places[0].system == "x"
    assert made.lower == ("eval_loss", "b_ppl")
    turned = rank(runs, "m", ["+eval_loss", "+b_ppl", "-acc"])
    assert turned.places[0].system == "y"


def test_a_pattern_finds_all_columns_though_it_looks_like_a_loss() -> None:
    runs = read({"m": ["x", "y"], "loss_a": [1.0, 2], "loss_b": [3.0, 4], "loss_c": [5.0, 6]},
                map={"loss": "loss_b"})  # fmt: skip
    assert sorted(rank(runs, "m", ["loss_*"]).metrics) == ["loss_a", "loss_b", "loss_c"]


def test_missing_scores_are_told_and_do_not_hurt_who_lacks_them() -> None:
    scores = np.tile(np.arange(5.0)[:, None], (1, 8))
    scores[4, :6] = np.nan
    made = rank(board(scores), "model", ["t*"])
    assert made.places[0].system == "e"
    assert any("6 of 40 scores are missing" in n for n in made.notes)
    assert made.to_dict()["scores"][0][0] is None


def test_rows_of_one_system_are_averaged() -> None:
    columns = {"a": np.array([1.0, 3.0, 1.5]), "b": np.array([5.0, np.nan, 6.0])}
    runs = RunTable({"m": np.array(["x", "x", "y"], object), **columns})
    made = rank(runs, "m", ["a", "b"])
    by = {p.system: row for p, row in zip(made.places, made.scores, strict=True)}
    assert by["x"].tolist() == [2.0, 5.0]


def test_rules_that_disagree_and_few_metrics_are_reasons() -> None:
    circle = board(np.array([[3.0, 1, 2], [2, 3, 1], [1, 2, 3]]))
    made = rank(circle, "model", ["t0", "t1", "t2"])
    assert made.condorcet is None
    assert not made.trusted
    assert any("3 metrics" in r for r in made.reasons)
    assert [p.rank for p in made.places] == [2, 2, 2]
    assert "level" in made.verdict


def test_ranks_and_chances_share_ties() -> None:
    assert ranks(np.array([[3.0, 1, 3, 0]])).tolist() == [[1.5, 3, 1.5, 4]]
    assert chances(np.array([1.5, 3, 1.5, 4]))[0].tolist() == [0.5, 0.5, 0, 0]


def test_tau_is_scipys() -> None:
    from scipy.stats import kendalltau

    rng = np.random.default_rng(0)
    for _ in range(5):
        a, b = rng.integers(0, 5, (2, 9)).astype(float)
        assert tau_b(a, b) == pytest.approx(kendalltau(a, b).statistic)


def test_a_seed_gives_one_ranking_and_json_keeps_it(clear: RunTable) -> None:
    one, two = (to_json(rank(clear, "model", ["t*"], seed=4).to_dict()) for _ in range(2))
    assert one == two
    data = json.loads(one)
    assert (data["kind"], data["places"][0]["system"]) == ("ranking", "d")
    assert "d first of 4" in repr(rank(clear, "model", ["t*"]))


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"by": "nosuch"}, UnknownName, "nosuch"),
        ({"by": "one"}, TooFewRuns, "one system"),
        ({"metrics": ["t0"]}, BadOption, "1 metric"),
        ({"metrics": ["t0", "t0"]}, BadOption, "named twice"),
        ({"metrics": ["u*", "t0"]}, BadOption, "no column fits"),
        ({"metrics": ["t0", "nosuch"]}, UnknownName, "nosuch"),
        ({"metrics": ["t0", "word"]}, BadTable, "not numbers"),
        ({"metrics": ["t0", "empty"]}, BadTable, "scores 0 systems"),
        ({"rule": "bordo"}, UnknownName, "did you mean 'borda'"),
        ({"level": 1.5}, BadOption, "no probability"),
        ({"resamples": 9}, BadOption, "99 or more"),
    ],
)
def test_bad_input_is_one_clear_line(
    change: dict[str, object], error: type[ForescaleError], says: str, clear: RunTable
) -> None:
    runs = clear.with_column("one", np.ones(4)).with_column("word", np.array(["a"] * 4, object))
    runs = runs.with_column("empty", np.full(4, np.nan))
    with pytest.raises(error, match=says) as caught:
        rank(runs, **{"by": "model", "metrics": ["t*"], **change})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
