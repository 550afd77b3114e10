"""Gradients, tables and the measure of localisation against known answers."""

from __future__ import annotations

import numpy as np

from forescale.studies import corrupted_labels as study


def test_a_table_teaches_the_wrong_answers_that_it_says_and_no_others() -> None:
    t = study.table(np.random.default_rng(0), rule=True)
    assert len({tuple(pair) for pair in t.pairs.tolist()}) == study.P**2
    np.testing.assert_array_equal(t.answers, t.pairs.sum(1) % study.P)
    off = t.labels != t.answers
    assert off[: t.wrong].all()
    assert not off[t.wrong :].any()


def test_gradients_are_those_of_the_mean_squared_error_by_differences() -> None:
    rng = np.random.default_rng(1)
    t = study.table(rng, rule=True)
    w = rng.normal(size=(1, 2 * study.P, 3))
    v = rng.normal(size=(1, 3, study.P))

    def loss(w: np.ndarray, v: np.ndarray) -> float:
        out = (study.hidden(w, t.pairs[: t.shown]) @ v)[0]
        out[np.arange(t.shown), t.labels[: t.shown]] -= 1
        return float((out**2).mean())

    found = study.gradients(w, v, t)
    for i, j in [(0, 0), (4, 2), (study.P + 1, 1)]:
        step = np.zeros_like(w)
        step[0, i, j] = 1e-5
        slope = (loss(w + step, v) - loss(w - step, v)) / 2e-5
        np.testing.assert_allclose(found[0][0, i, j], slope, rtol=1e-4)
    for i, j in [(0, 0), (2, 7)]:
        step = np.zeros_like(v)
        step[0, i, j] = 1e-5
        slope = (loss(w, v + step) - loss(w, v - step)) / 2e-5
        np.testing.assert_allclose(found[1][0, i, j], slope, rtol=1e-4)


def test_one_frequency_is_all_local_and_white_power_not_at_all() -> None:
    n = study.P
    angle = 2 * np.pi * np.arange(n) / n
    wave, spike = np.cos(3 * angle), np.eye(n)[0]
    part = np.stack([wave, spike], axis=1)[None]
    np.testing.assert_allclose(study.participation(part)[0], [1.0, 1 / (n // 2 + 1)])
    both = np.concatenate([part, part], axis=1), part.transpose(0, 2, 1)
    np.testing.assert_allclose(study.localisation(*both)[0], [1.0, 1 / (n // 2 + 1)])


def test_waves_of_every_frequency_know_the_rule_and_no_wrong_label() -> None:
    n, t = study.P, study.table(np.random.default_rng(2), rule=True)
    angle = 2 * np.pi * np.arange(n) / n
    w, v = [], []
    # Squares of waves with phases u and u' hold cos(k(a + b) + u + u'); the readout picks it.
    for k in range(1, n // 2 + 1):
        for shift in 2 * np.pi * np.arange(6) / 6:
            one = np.cos(k * angle + shift)
            w.append(np.concatenate([one, one]))
            v.append(np.cos(k * angle + 2 * shift))
    kept = np.ones((1, len(w)), bool)
    found = study.shares(np.array(w).T[None], np.array(v)[None], t, kept)
    np.testing.assert_allclose([found.wrong[0], found.right[0], found.test[0]], [0.0, 1.0, 1.0])
