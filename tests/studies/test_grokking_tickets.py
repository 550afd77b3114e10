"""Training against torch's, masks by their definition, and verdicts on planted steps."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies import grokking_tickets as study
from forescale.studies import judge


@pytest.fixture
def begun():
    return study.drawn([np.random.default_rng(k) for k in (0, 1)])


def test_every_network_has_its_own_split_of_all_unordered_pairs(begun):
    data, start = begun
    count = study.P * (study.P + 1) // 2
    assert data.x.shape[1] + data.x_test.shape[1] == count
    assert not np.array_equal(data.x[0], data.x[1])
    for k in (0, 1):
        rows = np.concatenate([data.x[k], data.x_test[k]])
        assert len(np.unique(rows, axis=0)) == count
        assert (rows.sum(1) == 2).all()
    sums = data.x @ np.arange(study.P) % study.P
    np.testing.assert_array_equal(sums, data.y)
    for a, shape, scale in zip(start, study.SHAPES, study.SCALES, strict=True):
        assert a.shape == (2, *shape)
        assert a.std() == pytest.approx(scale, rel=0.05)


@pytest.mark.parametrize("masked", [False, True])
def test_training_is_that_of_torch(begun, masked):
    torch = pytest.importorskip("torch")
    data, start = begun
    masks = study.largest(start) if masked else None
    found, _, _ = study.train(start, data, study.EVERY, masks)
    for k in (0, 1):
        live = [m[k] for m in masks] if masks else [np.ones_like(a[k]) for a in start]
        live = [torch.from_numpy(m) for m in live]
        w = [torch.nn.Parameter(torch.from_numpy(a[k].copy())) for a in start]
        stepper = torch.optim.AdamW(
            w, lr=study.RATE, betas=study.BETAS, weight_decay=study.DECAY, foreach=False
        )
        for _ in range(study.EVERY):
            e, inner, outer, u = (a * m for a, m in zip(w, live, strict=True))
            said = torch.relu(torch.from_numpy(data.x[k]) @ e @ inner) @ outer @ u
            stepper.zero_grad()
            torch.nn.functional.cross_entropy(said, torch.from_numpy(data.y[k])).backward()
            stepper.step()
        for a, b, m in zip(found, w, live, strict=True):
            np.testing.assert_allclose(a[k], (b * m).detach().numpy(), atol=2e-4)


def test_a_mask_keeps_the_largest_weights_of_all_matrices_together():
    rng = np.random.default_rng(0)
    w = [rng.normal(size=(3, 20, 30)), 5 * rng.normal(size=(3, 30, 10))]
    masks = study.largest(w)
    for k in range(3):
        kept = np.concatenate([np.abs(a[k][m[k] == 1]) for a, m in zip(w, masks, strict=True)])
        gone = np.concatenate([np.abs(a[k][m[k] == 0]) for a, m in zip(w, masks, strict=True)])
        assert kept.min() > gone.max()
        assert len(kept) == pytest.approx(study.KEPT * 900, abs=1)
    assert masks[1].mean() > masks[0].mean()


def test_the_first_look_with_enough_right_counts_though_it_is_lost_again():
    right = np.array([[0.1, 0.1], [0.9, 0.2], [0.3, 0.5]])
    np.testing.assert_array_equal(study.arrival(right, 0.8), [2 * study.EVERY, np.nan])


def test_rows_tell_every_arm_and_sparse_ones_start_smaller(monkeypatch):
    monkeypatch.setattr(study, "NETWORKS", 2)
    monkeypatch.setattr(study, "STEPS", study.EARLY)
    rows = [dict(zip(study.COLUMNS, row, strict=True)) for row in study.measured(0)]
    assert sorted(r["arm"] for r in rows) == sorted(2 * study.ARMS)
    for k in (0, 1):
        of = {r["arm"]: r for r in rows if r["network"] == k}
        assert of["equal"]["norm"] == pytest.approx(of["ticket"]["norm"], rel=1e-5)
        assert of["ticket"]["norm"] < of["dense"]["norm"]
        kept = {arm: r["kept"] for arm, r in of.items()}
        assert kept["dense"] == kept["equal"] == 1
        for arm in ("ticket", "random", "early"):
            assert kept[arm] == pytest.approx(study.KEPT, abs=1e-3)


def planted(**steps):
    """A table in which each arm of twelve networks generalises at about so many steps."""
    rng = np.random.default_rng(0)
    rows = [
        (k, arm, 1.0, 1.0, 20.0, steps[arm] * rng.uniform(0.9, 1.1), 1.0)
        for k in range(12)
        for arm in rng.permutation(study.ARMS)
    ]
    columns = zip(study.COLUMNS, zip(*rows, strict=True), strict=True)
    return {c: np.array(v) for c, v in columns}


NEVER = np.nan
SLOW = {"dense": 5000.0, "equal": 5000.0, "random": NEVER, "early": NEVER}


@pytest.mark.parametrize(
    ("steps", "word"),
    [
        (SLOW | {"ticket": 900.0}, "holds"),
        (SLOW | {"ticket": 4000.0}, "fails"),
        (SLOW | {"ticket": NEVER}, "fails"),
        (SLOW | {"ticket": 900.0, "equal": 900.0}, "fails"),
        (SLOW | {"ticket": 900.0, "random": 500.0}, "fails"),
    ],
)
def test_a_ticket_must_be_before_all_others(steps, word):
    assert judge(study.compared(planted(**steps), seed=0)).verdict == word


def test_what_never_generalises_counts_as_the_last_step_and_ungrokked_networks_not_at_all():
    table = planted(**SLOW | {"ticket": 1000.0})
    table["generalised"] = np.where(table["arm"] == "ticket", 1000.0, table["generalised"])
    numbers = study.compared(table, seed=0)
    assert numbers["sooner_random"].value == study.STEPS / 1000
    dense = (table["arm"] == "dense") & (table["network"] < 4)
    table["generalised"] = np.where(dense, np.nan, table["generalised"])
    table["generalised"] = np.where(
        (table["network"] < 4) & (table["arm"] == "ticket"), 1.0, table["generalised"]
    )
    numbers = study.compared(table, seed=0)
    assert numbers["grokked"].value == pytest.approx(8 / 12)
    assert numbers["sooner_random"].value == study.STEPS / 1000
