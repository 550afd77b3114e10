"""Tables with several rows per run."""

from __future__ import annotations

import numpy as np

from forescale.runs import read

NAN = float("nan")


def curves(loss_a=(5, 4, 3), loss_b=(5.1, 4.1, 3.1), **more):
    return {"run": ["a"] * 3 + ["b"] * 3, "step": [1, 2, 3] * 2, "loss": [*loss_a, *loss_b], **more}


def test_a_table_of_curves_is_cut_to_its_ends_with_a_note():
    runs = read(curves())
    assert runs["L"].tolist() == [3, 3.1]
    assert any("2 runs" in note and "not final losses" in note for note in runs.notes)


def test_all_points_are_kept_on_request():
    assert len(read(curves(), pick="all")) == 6


def test_best_and_mean_of_the_last():
    rising = curves(loss_a=(5, 2, 3))
    assert read(rising, pick="best")["L"].tolist() == [2, 3.1]
    runs = read(rising, pick="last:2")
    np.testing.assert_allclose(runs["L"], [2.5, 3.6])
    assert runs["step"].tolist() == [3, 3]
    assert any("mean of the last 2" in note for note in runs.notes)
    assert any("fewer" in note for note in read(rising, pick="last:9").notes)


def test_rows_marked_final_are_the_ends():
    runs = read(curves(is_final=[False, True, False, False, False, True]))
    assert runs["step"].tolist() == [2, 3]


def test_order_in_the_file_does_not_matter():
    table = {k: v[::-1] for k, v in curves().items()}
    assert sorted(read(table)["L"].tolist()) == [3, 3.1]


def test_a_run_that_diverged_does_not_leave_its_last_good_point():
    runs = read(curves(loss_a=(5, 4, NAN)))
    assert runs["run"].tolist() == ["b"]
    assert "diverged" in runs.dropped[0].reason


def test_a_loss_logged_now_and_then_gives_its_last_value():
    runs = read(curves(loss_a=(NAN, 4, NAN)))
    assert sorted(runs["L"].tolist()) == [3.1, 4]


def test_curves_without_run_ids_are_found_by_their_settings():
    runs = read(
        {
            "params": [1e8] * 3 + [2e8] * 3,
            "schedule": ["cos"] * 6,
            "step": [1, 2, 3] * 2,
            "lr": [3, 2, 1] * 2,
            "loss": [5, 4, 3, 5.1, 4.1, 3.1],
        }
    )
    assert runs["L"].tolist() == [3, 3.1]


def test_run_numbers_that_start_again_in_each_group_are_told_apart():
    runs = read(
        {
            "optimizer": ["x"] * 3 + ["y"] * 3,
            "run": [1] * 6,
            "step": [1, 2, 3] * 2,
            "loss": [5, 4, 3, 5.1, 4.1, 3.1],
        }
    )
    assert runs["L"].tolist() == [3, 3.1]


def test_a_log_of_one_run_is_one_curve():
    runs = read(
        {
            "step": [1, 2, 3, 4],
            "grad_norm": [1, 2, 3, 4],
            "foo": [9, 8, 7, 6],
            "loss": [4, 3, NAN, 2],
            "eval_speed": [NAN, 1, NAN, 1],
        }
    )
    assert runs["L"].tolist() == [2]


def test_task_scores_along_training_are_no_loss_curve():
    table = {
        "params": [1e8] * 4,
        "step": [1, 2, 1, 2],
        "task": ["x", "x", "y", "y"],
        "value": [0.1, 0.2, 0.3, 0.4],
    }
    assert len(read(table)) == 4


def test_runs_that_differ_in_tokens_only_are_no_curve():
    assert len(read({"params": [1e8] * 3, "tokens": [1e9, 2e9, 4e9], "loss": [3, 2.9, 2.8]})) == 3


def test_replicates_at_the_end_of_a_run_all_stay():
    runs = read({"run": ["a"] * 4, "step": [1, 2, 3, 3], "loss": [5, 4, 3, 3.05]})
    assert runs["L"].tolist() == [3, 3.05]


def test_pick_on_single_rows_changes_nothing():
    runs = read({"params": [1e8, 2e8], "loss": [3, 2]}, pick="best")
    assert len(runs) == 2 and any("changed nothing" in note for note in runs.notes)
