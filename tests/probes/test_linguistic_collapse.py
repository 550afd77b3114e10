"""Collapse by next token: the ideal and a plain loop, and one batch in two shapes."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from forescale import probes  # noqa: E402
from forescale.errors import BadOption  # noqa: E402

pytestmark = pytest.mark.lab


class Table(torch.nn.Module):
    """A language model whose last features are a table's rows: its inputs choose them."""

    def __init__(self, features, head):
        super().__init__()
        self.register_buffer("features", features)
        self.head = torch.nn.Linear(*reversed(head.shape), bias=False, dtype=features.dtype)
        self.head.weight.data.copy_(head)

    def forward(self, tokens):
        return self.head(self.features[tokens])


def read(model, x, y, **settings):
    return probes.read("linguistic_collapse", model, (x, y), **settings).values


def text(k, b=6, t=20, seed=0):
    return torch.randint(k, (b, t), generator=torch.Generator().manual_seed(seed))


def simplex(k):
    return torch.eye(k, dtype=torch.float64) - 1 / k


def test_a_simplex_gives_the_ideal_values():
    x = text(5)
    found = read(Table(simplex(5), simplex(5)), x, x)
    apart = -math.log(math.sqrt(2 + 2 / 4))
    ideal = {"cdnv": 0, "nc1_quotient": 0, "nc2_equinorm": 0, "gnc2_mean": apart}
    ideal |= {"gnc2_variance": 0, "nc3_cosine": 1, "unc3": 0, "nc4": 1}
    assert found == pytest.approx({**ideal, "classes": 5, "positions": 120}, abs=1e-6)


def test_numbers_are_those_of_a_plain_loop():
    generator = torch.Generator().manual_seed(1)
    table = torch.randn(9, 3, generator=generator, dtype=torch.float64)
    head = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    x, y = text(9), text(4, seed=2)
    found = read(Table(table, head), x, y)
    rows = {c: table[x[y == c]] for c in range(4)}
    means = {c: r.mean(0) for c, r in rows.items()}
    centre = sum(means.values()) / 4
    cdnv, close, cosines = [], [], []
    for c in range(4):
        m = means[c] - centre
        cosines.append(float(m @ head[c] / m.norm() / head[c].norm()))
        for other in range(c):
            spread = [float((rows[i] - means[i]).square().sum(1).mean()) for i in (c, other)]
            cdnv.append(sum(spread) / 2 / float((means[c] - means[other]).square().sum()))
            n = means[other] - centre
            close.append(-math.log(float((m / m.norm() - n / n.norm()).norm())))
    agree = 0
    for h in table[x.reshape(-1)]:
        near = min(range(4), key=lambda c: float((h - means[c]).norm()))
        agree += near == int((head @ h).argmax())
    assert found["cdnv"] == pytest.approx(sum(cdnv) / 6)
    assert found["gnc2_mean"] == pytest.approx(sum(close) / 6)
    assert found["nc3_cosine"] == pytest.approx(sum(cosines) / 4)
    spread = sum((v - sum(cosines) / 4) ** 2 for v in cosines) / 4
    assert found["unc3"] == pytest.approx(spread)
    assert found["nc4"] == pytest.approx(agree / x.numel())


def test_noise_about_the_means_is_seen_and_labels_without_sense_have_no_collapse():
    table = simplex(5).repeat(8, 1) + 0.1 * torch.randn(
        40, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    x = text(40, t=60)
    model = Table(table, simplex(5))
    true, drawn = read(model, x, x % 5), read(model, x, text(5, t=60, seed=3))
    assert 0 < true["cdnv"] < 0.1
    assert true["nc4"] == 1
    assert drawn["cdnv"] > 10
    assert drawn["nc3_cosine"] < 0.8


def test_positions_are_rows_and_those_below_0_do_not_count():
    generator = torch.Generator().manual_seed(1)
    model = Table(torch.randn(9, 3, generator=generator), torch.randn(4, 3, generator=generator))
    x, y = text(9), text(4, seed=2)
    assert read(model, x, y) == pytest.approx(read(model, x.reshape(-1), y.reshape(-1)))
    y[:, :5] = -100
    assert read(model, x, y) == pytest.approx(read(model, x[:, 5:], y[:, 5:]))


def test_tokens_with_few_contexts_and_beyond_the_most_are_left_out():
    y = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 2, 3, 3]])
    model = Table(torch.randn(10, 3), torch.randn(4, 3))
    x = torch.arange(10)[None]
    assert read(model, x, y)["classes"] == 3
    assert read(model, x, y)["positions"] == 9
    assert read(model, x, y, least=3)["classes"] == 2
    assert read(model, x, y, most=2)["positions"] == 7
    assert math.isnan(read(model, x, y, least=4)["cdnv"])


def test_agreement_is_read_on_held_out_inputs():
    table = torch.cat([simplex(3), -simplex(3)])
    model = Table(table, simplex(3))
    x = text(3)
    assert read(model, x, x)["nc4"] == 1
    # A head of other tokens than the means' agrees nowhere.
    turned = Table(table, simplex(3).roll(1, 0))
    assert read(turned, x, x)["nc4"] == 0
    assert read(model, x, x, held_out=torch.tensor([[0, 1, 2, 0]]))["nc4"] == 1
    lifted = torch.cat([simplex(3), simplex(3) + 5 * (simplex(3).roll(1, 1) - simplex(3))])
    assert read(Table(lifted, simplex(3)), x, x, held_out=3 + x)["nc4"] == 1


def test_what_is_no_text_is_refused():
    model = Table(torch.randn(9, 3), torch.randn(4, 3))
    with pytest.raises(BadOption, match="shape"):
        read(model, text(9), text(4)[:, 1:])
    with pytest.raises(BadOption, match="held_out"):
        read(model, text(9), text(4), held_out=3)
    with pytest.raises(BadOption, match="most"):
        read(model, text(9), text(4), most=1)
    broken = Table(torch.full((9, 3), math.nan), torch.randn(4, 3))
    assert math.isnan(read(broken, text(9), text(4))["cdnv"])


def test_a_transformer_is_read_at_every_place_with_a_target():
    from forescale.lab import models
    from forescale.lab._io import Tokens

    io = Tokens(vocab=7, context=9)
    gpt = models.get("gpt").build(io, depth=1, width=16, heads=1, qk_norm=False, gated=False)
    x = text(7, t=9)
    found = read(gpt, x[:, :-1], x[:, 1:])
    assert found["positions"] == 48
    assert found["classes"] == 7
    assert 0 < found["cdnv"] < math.inf
