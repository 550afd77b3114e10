"""The smallest network that groks, and the decay it is grokked with."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from forescale.errors import BadOption  # noqa: E402
from forescale.lab import inits, models, optimizers  # noqa: E402
from forescale.lab._io import Tokens  # noqa: E402

pytestmark = pytest.mark.lab
IO = Tokens(vocab=9, context=4, targets="last")


def test_it_is_a_perceptron_over_the_embeddings_side_by_side() -> None:
    module = models.get("token_mlp").make(IO, 1, act="square")
    x = torch.randint(0, 9, (5, 4), generator=torch.Generator().manual_seed(0))
    e = module.embed.weight[x].reshape(5, -1)
    layer, head = module.layers[0], module.head
    hidden = (e @ layer.weight.T + layer.bias) ** 2
    assert torch.allclose(module(x), hidden @ head.weight.T + head.bias, atol=1e-5)


def test_it_scores_the_last_place_alone() -> None:
    with pytest.raises(BadOption, match="sees the tokens"):
        models.get("token_mlp").make(Tokens(vocab=9, context=4), 1)


@pytest.mark.parametrize(("everywhere", "left"), [(False, 1.0), (True, 0.99)])
def test_decay_is_of_hidden_matrices_unless_it_is_everywhere(everywhere, left) -> None:
    model, init = models.get("token_mlp"), inits.get("standard")
    module = model.make(IO, 1)
    roles = inits.roles(model, IO, 1, {})
    stepper = optimizers.get("adamw").over(
        module, roles, init, weight_decay=1.0, everywhere=everywhere
    )
    before = {n: p.detach().clone() for n, p in module.named_parameters()}
    for p in module.parameters():
        p.grad = torch.zeros_like(p)
    stepper.set_lr(0.01)
    stepper.step()
    after = dict(module.named_parameters())
    for name, kept in (("embed.weight", left), ("layers.0.weight", 0.99)):
        assert torch.allclose(after[name], kept * before[name])
