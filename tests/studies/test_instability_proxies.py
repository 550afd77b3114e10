"""Reading of sweeps over rates: known crossings, and a planted law of logits."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies import instability_proxies as study

RATES = np.array(study.RATES)


def runs(lr, loss, first=6.0):
    return {"lr": np.array(lr), "loss": np.array(loss), "first_loss": np.full(len(lr), first)}


def test_the_unstable_rate_is_where_the_loss_rises_past_the_limit_in_log_rate() -> None:
    # From 0 to twice the limit between 0.1 and 0.4: half of the way in logs is 0.2.
    failed, rate = study.unstable(runs([0.01, 0.1, 0.4], [2.5, 2.0, 2.0 + 2 * study.EXCESS]))
    assert failed.tolist() == [False, False, True]
    assert rate == pytest.approx(0.2)


def test_a_rate_too_low_to_learn_by_is_not_unstable() -> None:
    failed, rate = study.unstable(runs([0.01, 0.1, 1.0], [5.0, 3.0, 2.0]))
    assert not failed.any()
    assert rate == 1.0


def test_a_lost_run_counts_as_one_that_learnt_nothing() -> None:
    lost = study.unstable(runs([0.01, 0.1, 1.0], [2.5, 2.0, np.nan]))
    nothing = study.unstable(runs([0.01, 0.1, 1.0], [2.5, 2.0, 6.0]))
    assert lost[0].tolist() == nothing[0].tolist() == [False, False, True]
    assert lost[1] == nothing[1]
    # Nor is a loss above the one before training worse than that.
    assert study.unstable(runs([0.01, 0.1, 1.0], [2.5, 2.0, 60.0]))[1] == lost[1]


def planted(rng: np.random.Generator, *, told: bool) -> dict[str, np.ndarray]:
    """Sweeps whose losses rise as the logits pass 300; or, untold, at the same rate everywhere."""
    rows = []
    for s in range(study.SEEDS):
        for guarded in (0.0, 1.0):
            for width in (*study.WIDTHS, study.NEXT):
                scatter = np.exp(rng.normal(0, 0.1, len(RATES)))
                logit = 6.0 + 20.0 * RATES**1.5 * width**1.5 * scatter
                x = np.log(logit / 300.0 if told else RATES / 0.1)
                loss = 2.0 + 0.01 * np.abs(np.log(RATES / 2e-3)) + 0.3 * np.maximum(x, 0)
                cells = np.broadcast_arrays(guarded, width, RATES, s, loss, 6.0, logit, 1.0)
                rows.append(np.stack(cells, 1))
    return dict(zip(study.COLUMNS, np.concatenate(rows).T, strict=True))


def test_the_law_of_the_logits_names_the_next_size_s_rate_where_logits_decide() -> None:
    table = planted(np.random.default_rng(0), told=True)
    found = study.forecast(table, np.arange(study.SEEDS, dtype=float), 0)
    assert found["forecast"].verdict == "holds"
    assert found["size_exponent"].value == pytest.approx(1.5, abs=0.2)
    assert found["rate_exponent"].value == pytest.approx(1.5, abs=0.2)


def test_it_does_not_where_logits_have_nothing_to_do_with_it() -> None:
    table = planted(np.random.default_rng(0), told=False)
    found = study.forecast(table, np.arange(study.SEEDS, dtype=float), 0)
    assert found["forecast"].verdict != "holds"


def test_the_runs_of_a_size_come_by_rising_rate() -> None:
    table = planted(np.random.default_rng(0), told=True)
    order = np.random.default_rng(1).permutation(len(table["lr"]))
    shuffled = {name: values[order] for name, values in table.items()}
    for name, values in study.series(shuffled, True, 32, 1.0).items():
        np.testing.assert_array_equal(values, study.series(table, True, 32, 1.0)[name])


def test_ratios_are_those_of_the_width_that_says_least() -> None:
    table = planted(np.random.default_rng(0), told=False)
    # Guarded networks that rise half as fast, but for one width, which is as the plain one.
    eased = (table["guarded"] == 1) & (table["width"] != 32)
    table["loss"] = np.where(eased, 2 + 0.5 * (table["loss"] - 2), table["loss"])
    found = study.compared(table, 0.0)
    assert found["share"] == pytest.approx(1.0)
    assert found["borne"] == pytest.approx(1.0)
    for width in (16, 64):
        eased_share = found[f"sensitivity_guarded_{width}"] / found[f"sensitivity_{width}"]
        assert eased_share == pytest.approx(0.5)
        assert found[f"unstable_guarded_{width}"] > found[f"unstable_{width}"]


@pytest.mark.slow
def test_trained_networks_are_bounded_by_qk_norm_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    for name, value in {"WIDTHS": (16,), "NEXT": 32, "RATES": (0.03, 0.3), "SEEDS": 1}.items():
        monkeypatch.setattr(study, name, value)
    monkeypatch.setattr(study, "STEPS", 30)
    rows = np.array(list(study.measured(5)))
    assert rows.shape == (6, len(study.COLUMNS))
    table = dict(zip(study.COLUMNS, rows.T, strict=True))
    assert (table["seed"] == 5).all()
    guarded = table["guarded"] == 1
    # Normed vectors of 16 entries have a product of 16 at most, divided by 4.
    assert (table["attention_logit"][guarded] <= 4.0 + 1e-4).all()
    assert (table["attention_logit"][~guarded][[1, 3]] > 4.0).all()
    # The same weights and text at the start, whatever the norms do.
    assert table["first_loss"][:2] == pytest.approx(table["first_loss"][2:4], abs=0.1)
