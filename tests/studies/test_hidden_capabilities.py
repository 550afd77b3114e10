"""The pieces of the study: discs, who judges them, the stack of networks and the looks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from forescale.studies import hidden_capabilities as study  # noqa: E402

pytestmark = pytest.mark.lab


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def signals(worlds: int) -> torch.Tensor:
    return torch.full((worlds, 1), study.QUICK.signal)


def test_a_disc_is_bright_within_its_radius_and_its_channels_share_the_light() -> None:
    at = torch.tensor([[[4.0, 3.0]]])
    found = study.discs(torch.tensor([[1.0]]), torch.tensor([[1.0]]), at, torch.tensor([[0.3]]))
    red, blue = found.reshape(2, study.SIDE, study.SIDE)
    torch.testing.assert_close(blue, red * 3 / 7)
    whole = (red + blue).numpy()
    rows, columns = np.mgrid[: study.SIDE, : study.SIDE]
    off = np.hypot(rows - 4, columns - 3)
    np.testing.assert_array_equal(whole > 0.5, off < study.RADII[1])
    assert whole[off > study.RADII[1] + 1].max() < 0.05


def test_the_judge_knows_the_pictures_themselves_and_no_other_combination() -> None:
    judged = study.Judge(signals(3), gen())
    for i, picture in enumerate(judged.ideal):
        for j in range(4):
            share = judged.right(picture[None], (j // 2, j % 2))
            assert (share == float(i == j)).all()


def test_networks_in_a_stack_are_those_apart() -> None:
    nets = study.Generators(3, gen())
    at = study.centres(3, 5, gen(1))
    value = torch.rand(3, 5, 2, generator=gen(2))
    found = nets.draw(nets.prompt(value[..., 0], value[..., 1]), at)
    for w in range(3):
        for n in range(5):
            c, s = 2 * value[w, n] - 1
            x = torch.cat([c * nets.colour[w, 0] + s * nets.size[w, 0], at[w, n] - 3.5])
            for layer, (a, b) in enumerate(zip(nets.weights, nets.biases, strict=True)):
                x = x @ a[w] + b[w, 0]
                x = torch.relu(x) if layer < 2 else torch.sigmoid(x - 2)
            torch.testing.assert_close(found[w, n], x, atol=1e-5, rtol=1e-5)


def test_copies_of_a_world_start_alike_and_worlds_do_not() -> None:
    nets = study.Generators(2, gen(), copies=3)
    for p in nets.parameters()[:3]:
        assert torch.equal(p[0], p[2])
        assert not torch.equal(p[0], p[3])


def test_pictures_of_training_keep_away_from_what_is_held_out(monkeypatch) -> None:
    seen = []
    real = study.discs

    def spy(colour, size, centre, signal):
        seen.append(torch.stack([colour, size], -1))
        return real(colour, size, centre, signal)

    monkeypatch.setattr(study, "discs", spy)
    nets = study.Generators(2, gen())
    size = replace(study.QUICK, batch=500)
    loss = study.lesson(nets, study.SHOWN, signals(2), size, gen(1))
    assert loss.ndim == 0
    (values,) = seen
    assert values.amin(-1).max() <= study.JITTER
    assert values.min() >= -study.JITTER
    # Each of those shown comes in a third of the pictures.
    for c, s in study.SHOWN:
        here = (values.round() == torch.tensor([c, s])).all(-1).float().mean()
        assert abs(float(here) - 1 / 3) < 0.05


class Planted(study.Generators):
    """Draws size as asked, and a colour that a large disc takes over only when asked for twice."""

    def draw(self, prompt: torch.Tensor, centre: torch.Tensor) -> torch.Tensor:
        colour = (prompt * self.colour).sum(-1) / self.colour.square().sum(-1)
        size = (prompt * self.size).sum(-1) / self.size.square().sum(-1)
        colour, size = (colour + 1) / 2, (size + 1) / 2
        colour = torch.where((size > 0.5) & (colour < 1.9), 0.0, colour.clamp(0, 1))
        return study.discs(colour, size.clamp(0, 1), centre, signals(len(prompt)))


def test_a_look_sees_a_planted_ability_that_the_plain_prompt_hides() -> None:
    nets = Planted(2, gen())
    with torch.no_grad():
        # At right angles, so that each value is read off by itself.
        nets.colour.copy_(torch.eye(study.EMBEDDED)[0].expand(2, 1, -1))
        nets.size.copy_(torch.eye(study.EMBEDDED)[1].expand(2, 1, -1))
    ways = torch.eye(study.EMBEDDED)[2:6, None].expand(-1, 2, -1)
    judged = study.Judge(signals(2), gen(1))
    found = study.look(nets, judged, ways)
    np.testing.assert_array_equal(found.known, 1)
    np.testing.assert_array_equal(found.plain, 0)
    np.testing.assert_array_equal(found.elicited, 1)
    np.testing.assert_array_equal(found.random, np.zeros((4, 2)))
    np.testing.assert_allclose(found.colour, 0, atol=1e-6)
    along = torch.eye(study.EMBEDDED)[:1, None].expand(-1, 2, -1)
    np.testing.assert_array_equal(study.look(nets, judged, along).random, 1)


def test_first_is_the_earliest_step_or_the_last_where_there_is_none() -> None:
    true = np.array([[0, 1, 0], [1, 0, 0], [1, 1, 0]], bool)
    np.testing.assert_array_equal(study.first(np.array([0.0, 5, 9]), true), [5, 0, 9])


def test_a_short_training_learns_the_stronger_signals_alone() -> None:
    size = replace(study.QUICK, worlds=2, early=60)
    found = study.learnt(size, 0, study.SHOWN)
    assert found.shape == (2, 4)
    assert (found[:, 0] == 60).all()
    assert (found[:, 3] < 60).all()
