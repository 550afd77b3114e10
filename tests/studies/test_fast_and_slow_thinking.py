"""What is told of a sum, how layers are held against each other, and the recorded networks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from forescale.studies import fast_and_slow_thinking as study
from forescale.studies._swept import recorded


def test_steps_lead_to_the_answer_one_summand_at_a_time() -> None:
    rng = np.random.default_rng(0)
    summands = np.array([[4, 3, 0, 2], [1, 1, 1, 1]])
    np.testing.assert_array_equal(study.responses(summands, "answer", rng), [[4], [4]])
    steps = study.responses(summands, "steps", rng)
    np.testing.assert_array_equal(steps, [[4, 2, 2, 4], [1, 2, 3, 4]])


def test_random_steps_say_nothing_of_the_sum_but_keep_its_answer() -> None:
    rng = np.random.default_rng(0)
    summands = rng.integers(0, study.BASE, (5000, study.SUMMANDS))
    steps = study.responses(summands, "steps", rng)
    random = study.responses(summands, "random", rng)
    assert random.shape == steps.shape
    np.testing.assert_array_equal(random[:, -1], steps[:, -1])
    np.testing.assert_allclose(
        (random == steps)[:, :-1].mean(0), 1 / study.BASE, atol=5 * (0.16 / 5000) ** 0.5
    )


def test_layers_that_are_alike_differ_by_nothing() -> None:
    assert study.across(np.array([[1.0, 3.0]] * 4)) == (2.0, 0.0)
    # Two matrices a layer; neighbours differ by 1, 2 and by 0, 4.
    assert study.across(np.array([[1.0, 5.0], [2.0, 5.0], [4.0, 1.0]])) == (3.0, 1.75)


def test_the_table_has_every_look_at_every_response() -> None:
    table, _ = recorded("fast_and_slow_thinking")
    assert tuple(table) == study.COLUMNS
    found = list(zip(table["world"], table["step"], table["response"], strict=True))
    assert found == list(itertools.product(range(study.WORLDS), study.LOOKS, study.RESPONSES))


@pytest.mark.lab
def test_gradients_are_those_of_single_examples_by_singular_values() -> None:
    torch = pytest.importorskip("torch")
    from forescale.lab import models
    from forescale.lab._io import Tokens

    io = Tokens(vocab=study.BASE + 2, context=2 * study.SUMMANDS, source=study.SUMMANDS + 1)
    torch.manual_seed(0)
    shape = {"depth": study.DEPTH, "width": study.WIDTH, "heads": study.HEADS}
    module = models.get("gpt").make(io, 1, **shape)
    x, y = study.drawn(np.random.default_rng(0), 2, "steps")
    expected = np.zeros((study.DEPTH, len(study.PARTS)))
    for i in range(2):
        module.zero_grad()
        scores = module(x[i : i + 1])[0]
        torch.nn.functional.cross_entropy(scores, y[i]).backward()
        for d, p in itertools.product(range(study.DEPTH), range(len(study.PARTS))):
            gradient = getattr(module.blocks[d], study.PARTS[p]).weight.grad
            expected[d, p] += float(torch.linalg.svdvals(gradient).sum()) / 2
    np.testing.assert_allclose(study.gradients(module, x, y), expected, rtol=1e-3)


@pytest.mark.lab
def test_a_network_is_looked_at_as_recorded() -> None:
    pytest.importorskip("torch")
    rows = list(study.trained(0, (1,)))
    assert [row[:2] for row in rows] == [(kind, 1) for kind in study.RESPONSES]
    assert all(np.isfinite(row[2:]).all() for row in rows)
