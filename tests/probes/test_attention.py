"""Attention seen through functions: against matrices written out, in every way it is called."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from forescale import probes  # noqa: E402

pytestmark = pytest.mark.lab


def read(model, x):
    return probes.read("attention", model, x).values


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def told(scores):
    """Largest score and mean entropy by head of scores (b, h, t, s), the plain way."""
    entropies = []
    for head in scores.transpose(0, 1):
        rows = [r[r > -math.inf].softmax(0) for r in head.reshape(-1, head.shape[-1])]
        entropies.append(sum(float(-(r * r.log()).sum()) for r in rows) / len(rows))
    return [float(s.max()) for s in scores.transpose(0, 1)], entropies


class Product(torch.nn.Module):
    """Attention of its input with itself, as F.scaled_dot_product_attention."""

    def __init__(self, **how):
        super().__init__()
        self.how = how

    def forward(self, x):
        return F.scaled_dot_product_attention(x, x, x, **self.how)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("scale", [None, 2.0])
def test_products_are_seen_with_their_mask_and_scale(causal, scale):
    x = draw(3, 2, 5, 4)
    scores = x @ x.transpose(-1, -2) * (0.5 if scale is None else scale)
    if causal:
        scores = scores.masked_fill(torch.ones(5, 5, dtype=torch.bool).triu(1), -math.inf)
    high, open_ = told(scores)
    found = read(Product(is_causal=causal, scale=scale), x)
    assert found["heads"] == 2
    for i in range(2):
        assert found[f"largest_logit/model/{i}"] == pytest.approx(high[i], rel=1e-5)
        assert found[f"entropy/model/{i}"] == pytest.approx(open_[i], rel=1e-5)
    assert found["largest_logit"] == found["largest_logit/model"] == pytest.approx(max(high))
    assert found["entropy"] == pytest.approx(sum(open_) / 2, rel=1e-5)
    assert found["least_entropy"] == pytest.approx(min(open_), rel=1e-5)


def test_masks_of_numbers_and_of_truths_agree():
    x, sees = draw(3, 2, 5, 4), draw(5, 5, seed=1) > -0.5
    sees |= torch.eye(5, dtype=torch.bool)
    added = torch.zeros(5, 5).masked_fill(~sees, -math.inf)
    assert read(Product(attn_mask=sees), x) == pytest.approx(read(Product(attn_mask=added), x))
    high, _ = told(x @ x.transpose(-1, -2) / 2 + added)
    assert read(Product(attn_mask=sees), x)["largest_logit"] == pytest.approx(max(high))


@pytest.mark.parametrize("settings", [{}, {"bias": False}, {"kdim": 6}, {"batch_first": False}])
@pytest.mark.parametrize("weights", [False, True])
def test_torch_s_own_module_is_seen_projections_and_all(settings, weights):
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.attend = torch.nn.MultiheadAttention(6, 2, **{"batch_first": True, **settings})

        def forward(self, x):
            return self.attend(x, x, x, need_weights=weights)[0]

    model, x = Model(), 3 * draw(3, 5, 6)
    found = read(model, x)
    assert "entropy/attend/1" in found
    # Torch gives each head's weights, and so their entropy.
    _, w = model.attend(x, x, x, average_attn_weights=False)
    entropy = torch.special.entr(w).sum(-1).mean((0, 2)).tolist()
    for i in range(2):
        assert found[f"entropy/attend/{i}"] == pytest.approx(entropy[i], rel=1e-5)


def test_an_encoder_s_short_cut_does_not_hide_it():
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
    model = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    found = read(model, draw(3, 5, 8))
    assert found["heads"] == 4
    assert 0 < found["entropy/layers.1.self_attn"] < math.log(5)


def test_padding_and_masks_of_the_module_count():
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.attend = torch.nn.MultiheadAttention(6, 2, batch_first=True, add_bias_kv=True)

        def forward(self, x):
            late = torch.ones(5, 5, dtype=torch.bool).triu(1)
            padding = torch.zeros(len(x), 5, dtype=torch.bool)
            padding[:, -1] = True
            return self.attend(x, x, x, attn_mask=late, key_padding_mask=padding)[0]

    model, x = Model(), 3 * draw(3, 5, 6)
    late, padding = torch.ones(5, 5, dtype=torch.bool).triu(1), torch.zeros(3, 5, dtype=torch.bool)
    padding[:, -1] = True
    about = {"attn_mask": late, "key_padding_mask": padding, "average_attn_weights": False}
    _, w = model.attend(x, x, x, **about)
    entropy = torch.special.entr(w).sum(-1).mean((0, 2)).tolist()
    found = read(model, x)
    assert [found[f"entropy/attend/{i}"] for i in range(2)] == pytest.approx(entropy, rel=1e-5)


def test_a_transformer_s_blocks_are_named_and_sharper_queries_look_at_less():
    from forescale.lab import models
    from forescale.lab._io import Tokens

    gpt = models.get("gpt")
    made = gpt.build(
        Tokens(vocab=7, context=9), depth=2, width=32, heads=2, qk_norm=False, gated=False
    )
    x = torch.arange(36).reshape(4, 9) % 7
    found = read(made, x)
    assert found["heads"] == 4
    assert {"entropy/blocks.0", "entropy/blocks.1/1"} <= set(found)
    with torch.no_grad():
        made.blocks[0].qkv.weight[:64] *= 10
    sharper = read(made, x)
    assert sharper["largest_logit/blocks.0"] == pytest.approx(
        100 * found["largest_logit/blocks.0"], rel=1e-3
    )
    assert sharper["entropy/blocks.0"] < found["entropy/blocks.0"]


def test_equal_keys_are_looked_at_equally_and_a_layer_called_twice_is_numbered():
    x = torch.ones(2, 1, 8, 4)
    model = torch.nn.Sequential(*[Product()] * 2)
    found = read(model, x)
    assert found["entropy/0"] == pytest.approx(math.log(8))
    assert found["entropy/0#2"] == pytest.approx(math.log(8))


def test_where_there_is_no_attention_nothing_is_said(classifier, examples):
    found = read(classifier(), examples()[0])
    assert found["heads"] == 0
    assert math.isnan(found["entropy"])
    broken = read(Product(), torch.full((2, 1, 8, 4), math.nan))
    assert math.isnan(broken["entropy"])
