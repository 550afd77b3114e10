"""What every task keeps; a new file in the room is tested by being there."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from forescale.errors import BadOption, UnknownName
from forescale.lab import tasks
from forescale.lab._io import Images, Tokens, Vectors

pytestmark = pytest.mark.lab
NAMES = tasks.names()


def rows(x) -> list[bytes]:
    """Each example as bytes, to be counted and compared."""
    return [row.numpy().tobytes() for row in x]


@pytest.mark.parametrize("name", NAMES)
def test_a_task_says_what_and_whence_it_is(name: str) -> None:
    task = tasks.get(name)
    assert task.name == name
    assert task.what.endswith(".")
    assert task.source
    assert tasks.get(name.replace("_", "-")) is task


@pytest.mark.parametrize("name", NAMES)
def test_a_step_and_a_seed_decide_the_batch(name: str, torch, make_data) -> None:
    data = make_data(name)
    x, y = data.batch(5, 8, 1)
    again = data.batch(5, 8, 1)
    torch.testing.assert_close(x, again[0], rtol=0, atol=0)
    torch.testing.assert_close(y, again[1], rtol=0, atol=0)
    assert not torch.equal(x, data.batch(6, 8, 1)[0])
    assert not torch.equal(x, data.batch(5, 8, 2)[0])


@pytest.mark.parametrize("name", NAMES)
def test_making_a_task_again_gives_the_same_data(name: str, torch, make_data, small) -> None:
    first, second = make_data(name), tasks.get(name).data(**small.get(name, {}))
    for one, other in zip(first.validation, second.validation, strict=True):
        assert torch.equal(one, other)
    for one, other in zip(first.batch(2, 4, 3), second.batch(2, 4, 3), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_shapes_and_types_are_those_that_io_states(name: str, torch, make_data) -> None:
    data = make_data(name)
    for x, y in (data.batch(0, 6, 0), tuple(v[:6] for v in data.validation)):
        if isinstance(data.io, Tokens):
            assert x.shape == (6, data.io.context)
            assert x.dtype == torch.long
            assert 0 <= int(x.min()) <= int(x.max()) < data.io.vocab
            every = data.io.targets == "all"
            assert data.per_example == (data.io.context if every else 1)
            assert 0 <= data.io.source < data.io.context
            assert y.shape == ((6, data.io.places) if every else (6,))
        elif isinstance(data.io, Vectors):
            assert x.shape == (6, data.io.inputs)
            assert x.dtype == torch.float32
        else:
            assert isinstance(data.io, Images)
            assert x.shape == (6, data.io.channels, data.io.side, data.io.side)
            assert x.dtype == torch.float32
        if data.loss == "cross_entropy":
            assert y.dtype == torch.long
            assert 0 <= int(y.min()) <= int(y.max()) < data.io.outputs
        else:
            assert y.shape == (6, data.io.outputs)
            assert y.dtype == torch.float32


@pytest.mark.parametrize("name", NAMES)
def test_a_finite_set_shows_every_row_once_per_pass(name: str, make_data) -> None:
    data = make_data(name)
    if data.unique is None:
        return
    whole = Counter(rows(data.batch(0, data.unique, 0)[0]))
    assert whole.total() == data.unique
    # Batches that do not divide the pass: three passes in seven batches.
    size, left = divmod(3 * data.unique, 7)
    seen = Counter()
    for step in range(7):
        seen.update(rows(data.batch(step, size, 0)[0]))
    assert seen.total() == 3 * data.unique - left
    assert all(seen[row] <= 3 * n for row, n in whole.items())
    assert sum(3 * n - seen[row] for row, n in whole.items()) == left
    assert set(seen) <= set(whole)


@pytest.mark.parametrize("name", NAMES)
def test_what_validates_is_not_trained_on(name: str, make_data) -> None:
    data = make_data(name)
    trained = set(rows(data.batch(0, data.unique or 256, 0)[0]))
    assert not trained & set(rows(data.validation[0]))


@pytest.mark.parametrize("name", NAMES)
def test_a_known_floor_is_below_the_loss_of_ignoring_the_input(name: str, make_data) -> None:
    data = make_data(name)
    if data.floor is None:
        return
    y = data.validation[1].numpy()
    if data.loss == "cross_entropy":
        share = np.bincount(y.ravel()) / y.size
        blind = float(-(share[share > 0] * np.log(share[share > 0])).sum())
        assert blind <= math.log(data.io.outputs)
    else:
        blind = float(y.var(axis=0).mean())
    assert 0 <= data.floor < 0.95 * blind


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_setting_is_refused_with_the_known_ones(name: str) -> None:
    task = tasks.get(name)
    with pytest.raises(BadOption, match=next(iter(task.settings))):
        task.data(colour="blue")


def test_an_unknown_task_is_refused_with_its_near_miss() -> None:
    with pytest.raises(UnknownName, match="modular"):
        tasks.get("modulr")
