"""What every model keeps; a new file in the room is tested by being there."""

from __future__ import annotations

import itertools

import pytest

from forescale.errors import BadOption
from forescale.lab import models
from forescale.lab._io import Images, Tokens, Vectors

pytestmark = pytest.mark.lab
NAMES = models.names()
IOS = {
    "tokens": Tokens(11, 20),
    "last": Tokens(11, 20, "last"),
    "source": Tokens(11, 20, source=8),
    "vectors": Vectors(10, 3),
    "images": Images(2, 8, 5),
}


def example(torch, io, n: int = 3):
    generator = torch.Generator().manual_seed(0)
    if isinstance(io, Tokens):
        return torch.randint(io.vocab, (n, io.context), generator=generator)
    if isinstance(io, Vectors):
        return torch.randn(n, io.inputs, generator=generator)
    return torch.randn(n, io.channels, io.side, io.side, generator=generator)


def serves(name: str, io) -> bool:
    model = models.get(name)
    if not isinstance(io, model.takes):
        return False
    every = isinstance(io, Tokens) and io.targets == "all"
    return not every or (model.causal and (io.source > 0 or not model.reads_source))


@pytest.mark.parametrize("name", NAMES)
def test_a_model_says_what_and_whence_it_is(name: str, torch) -> None:
    model = models.get(name)
    assert model.name == name
    assert model.what.endswith(".")
    assert model.source
    assert "width" in model.shape(1)
    assert any(serves(name, io) for io in IOS.values())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", IOS)
def test_scores_have_the_shape_that_io_states(name: str, kind: str, torch, start) -> None:
    io = IOS[kind]
    if not serves(name, io):
        with pytest.raises(BadOption):
            models.get(name).make(io, 1)
        return
    module, _ = start(name, io)
    scores = module(example(torch, io))
    places = {"tokens": (20,), "source": (13,)}.get(kind, ())
    assert scores.shape == (3, *places, io.outputs)
    assert torch.isfinite(scores).all()
    scores.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in module.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_no_place_of_a_causal_model_sees_a_later_one(name: str, torch, start) -> None:
    model = models.get(name)
    if Tokens not in model.takes:
        return
    io = IOS["last" if not model.causal else "source" if model.reads_source else "tokens"]
    module, _ = start(name, io, 2)
    x = example(torch, io)
    changed = x.clone()
    changed[:, 12] = (x[:, 12] + 1) % io.vocab
    with torch.no_grad():
        one, other = module(x), module(changed)
    if not model.causal:
        return
    # The first score is that of the last token that is given.
    at = 13 - io.given
    torch.testing.assert_close(one[:, :at], other[:, :at])
    assert (one[:, at:] - other[:, at:]).abs().amax(-1).gt(1e-4).float().mean() > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_every_place_with_a_target_sees_every_token_of_the_source(name: str, torch, start) -> None:
    io = IOS["source"]
    if not serves(name, io):
        return
    module, _ = start(name, io, 2)
    x = example(torch, io, 8)
    with torch.no_grad():
        one = module(x)
        for place in range(io.source):
            changed = x.clone()
            changed[:, place] = (x[:, place] + 1) % io.vocab
            moved = (one - module(changed)).abs().amax(-1)
            assert (moved > 1e-6).float().mean(0).min() > 0.5, place


@pytest.mark.parametrize("name", NAMES)
def test_the_last_places_scores_are_those_that_all_places_would_get(
    name: str, torch, start
) -> None:
    if not serves(name, IOS["tokens"]):
        return
    every, _ = start(name, IOS["tokens"])
    last, _ = start(name, IOS["last"])
    x = example(torch, IOS["last"])
    with torch.no_grad():
        torch.testing.assert_close(every(x)[:, -1], last(x))


@pytest.mark.parametrize("name", NAMES)
def test_a_shorter_sequence_is_taken_too(name: str, torch, start) -> None:
    for kind, places in (("tokens", 11), ("source", 4)):
        if not serves(name, IOS[kind]):
            continue
        module, _ = start(name, IOS[kind])
        x = example(torch, IOS[kind])
        with torch.no_grad():
            whole, short = module(x), module(x[:, :11])
        assert short.shape[1] == places
        torch.testing.assert_close(whole[:, :places], short, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_grow_with_the_dial(name: str, torch) -> None:
    model = models.get(name)
    io = next(io for io in IOS.values() if serves(name, io))
    with torch.device("meta"):
        sizes = [models.counts(model.make(io, s), io) for s in (1, 2, 3, 5, 8, 16)]
    for small, large in itertools.pairwise(sizes):
        assert small.params < large.params
        assert small.flops < large.flops
        assert small.params_nonembed <= small.params


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("gated", [False, True])
def test_named_parameters_are_there_and_have_roles(name: str, gated: bool, torch, start) -> None:
    model = models.get(name)
    settings = {"gated": gated} if "gated" in model.settings else {}
    io = next(io for io in IOS.values() if serves(name, io))
    module, roles = start(name, io, 2, **settings)
    there = {n for n, _ in module.named_parameters()}
    for listed in ("embeddings", "residuals", "kept"):
        assert set(getattr(module, listed, ())) <= there, listed
    assert set(roles) == there
    assert {n for n in there if roles[n].residual} == set(getattr(module, "residuals", ()))
    looked_up = [n for n, m in module.named_modules() if type(m) is torch.nn.Embedding]
    assert {f"{n}.weight" for n in looked_up} <= set(getattr(module, "embeddings", ()))
    # The head's fan-in grows; that makes it an output layer.
    assert roles["head.weight"].kind == "output"
    assert roles["head.weight"].wider == 2.0


def test_flops_of_the_mlp_are_those_of_its_matrices(torch) -> None:
    io, model = Vectors(10, 3), models.get("mlp")
    counted = models.counts(model.make(io, 2, depth=3), io)
    matrices = 10 * 32 + 32 * 32 + 32 * 32 + 32 * 3
    # Two operations per weight, and a backward pass costs twice a forward one.
    assert counted.flops == 6 * matrices
    assert counted.params == counted.params_nonembed == matrices + 3 * 32 + 3
    assert counted.flops_6n == 6 * counted.params


@pytest.mark.parametrize("size", [1, 4])
def test_flops_of_the_gpt_are_those_of_its_matrices_and_scores(size: int, torch) -> None:
    io, model = Tokens(50, 40), models.get("gpt")
    counted = models.counts(model.make(io, size), io, per_example=40)
    d, depth = model.shape(size)["width"], model.shape(size)["depth"]
    blocks = depth * 12 * d * d
    assert counted.params == blocks + 2 * 50 * d
    assert counted.params_nonembed == blocks
    # Scores and means over 40 places: two products of 40 x d per token and block.
    assert counted.flops == 6 * (blocks + 50 * d) + 6 * depth * 2 * 40 * d
    assert counted.flops_6n == 6 * (blocks + 50 * d)


@pytest.mark.parametrize("size", [1, 4])
def test_flops_of_the_encoder_decoder_are_those_of_both_stacks_and_their_scores(
    size: int, torch
) -> None:
    io, model = Tokens(50, 40, source=30), models.get("encoder_decoder")
    counted = models.counts(model.make(io, size), io, per_example=40)
    d, depth, read, told = model.shape(size)["width"], model.shape(size)["depth"], 30, 11
    encoder, decoder = 12 * d * d, 14 * d * d
    # Keys and values of the source are made once, in each block of the decoder.
    assert counted.params_nonembed == depth * (encoder + decoder + 2 * d * d)
    assert counted.params == counted.params_nonembed + 2 * 50 * d
    weights = depth * (read * (encoder + 2 * d * d) + told * decoder) + told * 50 * d
    scores = depth * 2 * d * (read * read + told * told + told * read)
    assert counted.flops == 6 * (weights + scores) / 40


def test_counting_leaves_the_module_as_it_was(torch, start) -> None:
    module, _ = start("gpt", IOS["tokens"])
    before = [p.clone() for p in module.parameters()]
    models.counts(module, IOS["tokens"])
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))


@pytest.mark.parametrize("chunk", [1, 5, 8, 64])
def test_linear_attention_in_chunks_is_the_plain_masked_sum(chunk: int, torch) -> None:
    from forescale.lab.models.linear_attention import sums

    generator = torch.Generator().manual_seed(0)
    q, k, v = (
        torch.randn(2, 3, 21, n, generator=generator, dtype=torch.float64) for n in (4, 4, 6)
    )
    slow = (q @ k.transpose(-1, -2)).tril() @ v
    torch.testing.assert_close(sums(q, k, v, chunk), slow)


@pytest.mark.parametrize("spectrum", ["lin", "legs", "rand"])
def test_the_state_spaces_convolution_is_its_recurrence(spectrum: str, torch, start) -> None:
    module, _ = start("ssm", IOS["tokens"], spectrum=spectrum, state=4)
    filters = module.blocks[0].filters
    x = torch.randn(2, 20, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        step = filters.log_step.exp()[:, None]
        a = torch.complex(-filters.log_decay.exp(), filters.turns)
        turn, push = (a * step).exp(), ((a * step).exp() - 1) / a
        c = torch.view_as_complex(filters.read.view(16, 4, 2))
        state = torch.zeros(2, 16, 4, dtype=torch.complex64)
        slow = []
        for t in range(20):
            state = turn * state + push * x[:, t, :, None]
            slow.append(2 * (c * state).sum(-1).real + filters.through * x[:, t])
        torch.testing.assert_close(filters(x), torch.stack(slow, 1), rtol=1e-4, atol=1e-5)


def test_the_spectra_are_those_of_the_paper(torch) -> None:
    from forescale.lab.models.ssm import legs, lin

    real, imaginary = legs(16)
    # HiPPO-LegS itself, in full: its normal part has these eigenvalues.
    n = torch.arange(32, dtype=torch.float64)
    root = torch.sqrt(2 * n + 1)
    hippo = -(torch.tril(root[:, None] * root, -1) + torch.diag(n + 1))
    normal = hippo + 0.5 * root[:, None] * root
    values = torch.linalg.eigvals(normal)
    torch.testing.assert_close(values.real, torch.full_like(values.real, -0.5))
    torch.testing.assert_close(imaginary, values.imag[values.imag > 1e-9].sort().values)
    assert (real == -0.5).all()
    torch.testing.assert_close(lin(3)[1], torch.tensor([0.0, 1.0, 2.0]).double() * torch.pi)


@pytest.mark.parametrize("name", ["gpt", "ssm"])
def test_a_source_changes_which_places_are_scored_and_nothing_else(name, torch, start) -> None:
    every, _ = start(name, IOS["tokens"])
    given, _ = start(name, IOS["source"])
    x = example(torch, IOS["tokens"])
    with torch.no_grad():
        torch.testing.assert_close(every(x)[:, 7:], given(x))


def test_the_encoder_of_two_stacks_reads_the_source_both_ways_and_no_answer(torch, start) -> None:
    io = IOS["source"]
    module, _ = start("encoder_decoder", io, 2)
    seen = []
    module.encoder[-1].register_forward_hook(lambda m, i, out: seen.append(out))
    x = example(torch, io)
    source, answer = x.clone(), x.clone()
    source[:, 7] = (x[:, 7] + 1) % io.vocab
    answer[:, 8:] = (x[:, 8:] + 1) % io.vocab
    with torch.no_grad():
        module(x), module(source), module(answer)
    assert seen[0].shape[1] == io.source
    assert (seen[0] - seen[1])[:, 0].abs().max() > 1e-3
    torch.testing.assert_close(seen[0], seen[2])


def test_cross_attention_is_the_plain_softmax_over_the_source(torch, start) -> None:
    from forescale.lab.models._decoder import turn

    io = IOS["source"]
    module, _ = start("encoder_decoder", io, 2)
    block, (turns,) = module.blocks[0], module.places(20)
    generator = torch.Generator().manual_seed(0)
    x, source = torch.randn(2, 13, 32, generator=generator), torch.randn(2, 8, 32)
    with torch.no_grad():
        found = block.cross(x, source, turns[7:], turns[:8])
        q, (k, v) = block.cross_q(x), block.cross_kv(source).chunk(2, -1)
        slow = torch.zeros_like(x)
        for head in range(2):
            at = slice(16 * head, 16 * head + 16)
            for t in range(13):
                asked = turn(q[:, t, at], turns[7 + t, 0, head])
                shown = turn(k[:, :, at], turns[:8, 0, head])
                weights = ((asked[:, None] * shown).sum(-1) / 4).softmax(-1)
                slow[:, t, at] = (weights[..., None] * v[:, :, at]).sum(1)
        torch.testing.assert_close(found, block.cross_out(slow), rtol=1e-4, atol=1e-5)


def test_a_task_without_a_source_is_refused_with_one_that_has_one(torch) -> None:
    with pytest.raises(BadOption, match="transduction"):
        models.get("encoder_decoder").make(IOS["tokens"], 1)


def test_an_encoder_sees_all_places(torch, start) -> None:
    # With causal blocks the first place's stream could not know of the last token.
    module, _ = start("encoder", IOS["last"])
    seen = []
    module.blocks[-1].register_forward_hook(lambda m, i, out: seen.append(out[:, 0]))
    x = example(torch, IOS["last"])
    other = x.clone()
    other[:, -1] = (x[:, -1] + 1) % 11
    with torch.no_grad():
        module(x), module(other)
    assert (seen[0] - seen[1]).abs().max() > 1e-3


def test_heads_that_do_not_divide_the_width_are_refused(torch) -> None:
    with pytest.raises(BadOption, match="twice the heads"):
        models.get("gpt").make(IOS["tokens"], 1, heads=3)


def test_the_one_layer_transformer_is_the_published_one(torch, start) -> None:
    """Size, start and scores of Nanda et al.'s network, written out head by head."""
    io = Tokens(114, 3, "last")
    module, _ = start("one_layer", io, 8, "stream")
    weights = {n: p.detach().double() for n, p in module.named_parameters()}
    assert sum(p.numel() for p in weights.values()) == 226_176 + 640
    for name, p in weights.items():
        if name.endswith("bias"):
            assert not p.any()
        else:
            std = 114**-0.5 if name == "head.weight" else 128**-0.5
            assert float(p.std()) == pytest.approx(std, rel=0.06), name
    tokens = torch.tensor([[3, 7, 113], [0, 112, 113]])
    x = weights["embed.weight"][tokens] + weights["place.weight"]
    added = torch.zeros(2, 128, dtype=torch.float64)
    for h in range(4):
        at = slice(32 * h, 32 * h + 32)
        q, k, v = (x @ weights[f"{n}.weight"][at].T for n in "qkv")
        seen = ((k * q[:, -1:]).sum(-1) / 32**0.5).softmax(-1)
        added += (seen[..., None] * v).sum(1) @ weights["out.weight"][:, at].T
    stream = x[:, -1] + added
    neurons = (stream @ weights["up.weight"].T + weights["up.bias"]).clamp(min=0)
    stream = stream + neurons @ weights["down.weight"].T + weights["down.bias"]
    slow = stream @ weights["head.weight"].T
    with torch.no_grad():
        torch.testing.assert_close(module.double()(tokens), slow)
