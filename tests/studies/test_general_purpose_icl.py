"""The network that reads examples, and what makes a rise sharp."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies.general_purpose_icl import TASKS, steepest


@pytest.fixture
def reader():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from forescale.studies._in_context import Reader

    return Reader(16, 5, 0)


def sequences(seed: int = 0):
    import torch

    g = torch.Generator().manual_seed(seed)
    return torch.randn(3, 7, 16, generator=g), torch.randint(0, 5, (3, 7), generator=g)


@pytest.mark.lab
def test_a_place_is_told_from_its_image_and_from_what_came_before(reader) -> None:
    import torch

    x, y = sequences()
    scores = reader(x, y)
    assert scores.shape == (3, 7, 5)
    # Its own label and all that comes later change nothing; the label before it does.
    later, labels = x.clone(), y.clone()
    later[:, 5:] += 1.0
    labels[:, 4:] = (y[:, 4:] + 1) % 5
    torch.testing.assert_close(reader(later, labels)[:, :5], scores[:, :5])
    labels = y.clone()
    labels[:, 3] = (y[:, 3] + 1) % 5
    moved = (reader(x, labels) - scores).detach().abs().amax((0, 2))
    assert float(moved[:4].max()) == 0
    assert float(moved[4:].min()) > 1e-4


@pytest.mark.lab
def test_the_order_of_the_examples_does_not_matter(reader) -> None:
    import torch

    x, y = sequences(1)
    order = torch.tensor([4, 2, 0, 1, 3, 5, 6])
    torch.testing.assert_close(reader(x[:, order], y[:, order])[:, 5:], reader(x, y)[:, 5:])


@pytest.mark.lab
def test_training_learns_one_task_by_heart_and_no_other(reader) -> None:
    pytest.importorskip("sklearn")
    from forescale.studies import general_purpose_icl as study

    first, seen, _, unseen_first, unseen = study.trained(1, 0, 40)
    assert min(first, seen) > 0.6
    assert max(unseen_first, unseen) < 0.35


def test_a_jump_is_the_whole_rise_and_an_even_rise_one_part_in_as_many_steps() -> None:
    rises = np.array([[0.2, 0.2, 0.2, 0.2, 0.7, 0.7], np.linspace(0.0, 1.0, len(TASKS))])
    np.testing.assert_allclose(steepest(rises), [1.0, 0.2])
