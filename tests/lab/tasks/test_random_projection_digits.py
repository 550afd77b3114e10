"""What a task does to the digits, and what an example shows of it."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.errors import BadOption

pytestmark = pytest.mark.lab
pytest.importorskip("sklearn")
CLASSES, SHOWN = 3, 4


def test_a_task_maps_all_images_and_renames_all_labels_alike(torch) -> None:
    from forescale.lab.tasks import random_projection_digits as task

    pool = task.images(CLASSES, held=True)
    assert set(pool[1]) == set(range(CLASSES))
    assert 0.7 < float((pool[0] ** 2).mean()) < 1.4
    known = task.worlds(1, CLASSES, [task.SEEN])
    x, y = task.sequences(pool, known, 50, 5, CLASSES, [0])
    back = x @ np.linalg.inv(known[0][0])
    names = np.argsort(known[1][0])
    for image, label in zip(back.reshape(-1, task.POOLED), y.ravel(), strict=True):
        gap = np.abs(pool[0] - image).max(1)
        assert gap.min() < 1e-3
        assert pool[1][gap.argmin()] == names[label]


def test_fewer_tasks_are_the_first_of_more(torch) -> None:
    from forescale.lab.tasks.random_projection_digits import SEEN, UNSEEN, worlds

    few, many, other = (worlds(n, 5, [s]) for n, s in ((3, SEEN), (9, SEEN), (3, UNSEEN)))
    for one, more, apart in zip(few, many, other, strict=True):
        np.testing.assert_array_equal(one, more[:3])
        assert not np.array_equal(one, apart)
    assert all(sorted(order) == list(range(5)) for order in many[1].tolist())


def test_a_vector_holds_shown_images_and_labels_by_turns_and_the_query_without_its_own() -> None:
    pytest.importorskip("torch")
    from forescale.lab.tasks.random_projection_digits import POOLED, flat

    rng = np.random.default_rng(0)
    x = rng.normal(size=(7, SHOWN + 1, POOLED)).astype(np.float32)
    y = rng.integers(0, CLASSES, (7, SHOWN + 1))
    vector, target = flat(x, y, CLASSES)
    shown = vector[:, :-POOLED].reshape(7, SHOWN, POOLED + CLASSES)
    np.testing.assert_array_equal(shown[..., :POOLED], x[:, :-1])
    np.testing.assert_array_equal(shown[..., POOLED:].argmax(-1), y[:, :-1])
    np.testing.assert_array_equal(shown[..., POOLED:].sum(-1), 1)
    np.testing.assert_array_equal(vector[:, -POOLED:], x[:, -1])
    np.testing.assert_array_equal(target, y[:, -1])


def test_the_nearest_example_tells_an_unseen_task_and_the_label_alone_does_not(torch) -> None:
    from forescale.lab.tasks import get
    from forescale.lab.tasks.random_projection_digits import POOLED

    data = get("random_projection_digits").data(classes=CLASSES, shown=20, validation=400)
    x, y = data.validation
    shown = x[:, :-POOLED].view(400, 20, POOLED + CLASSES)
    near = ((shown[..., :POOLED] - x[:, None, -POOLED:]) ** 2).sum(-1).argmin(1)
    told = shown[torch.arange(400), near, POOLED:].argmax(-1)
    assert float((told == y).float().mean()) > 0.75
    assert float((told.roll(1) == y).float().mean()) < 0.5


def test_what_makes_no_tasks_is_refused(torch) -> None:
    from forescale.lab.tasks import get

    task = get("random_projection_digits")
    for stray in (
        {"classes": 1},
        {"classes": 11},
        {"tasks": -1},
        {"shown": -1},
        {"judged": "all"},
        {"images_of": "all"},
        {"tasks": 0, "judged": "seen"},
    ):
        with pytest.raises(BadOption):
            task.data(**stray)
    assert task.data(tasks=0, validation=4).batch(0, 2, 0)[0].shape == (2, 20 * 21 + 16)
