"""What every init keeps; a new file in the room is tested by being there."""

from __future__ import annotations

import itertools

import pytest

from forescale.errors import BadOption
from forescale.lab import inits, models
from forescale.lab._io import Images, Tokens, Vectors

pytestmark = pytest.mark.lab
NAMES = inits.names()
#: Inits that draw nothing.
FIXED = {"zero"}
CASES = {
    "gpt": Tokens(11, 8),
    "encoder_decoder": Tokens(11, 8, source=5),
    "ssm": Tokens(11, 8),
    "mlp": Vectors(10, 3),
    "residual_mlp": Vectors(10, 3),
    "cnn": Images(2, 8, 5),
}


def build(start, model: str, init: str, seed: int = 0, **settings):
    gated = {"gated": True} if "gated" in models.get(model).settings else {}
    return start(model, CASES[model], 2, init, seed, **{**gated, **settings})


@pytest.mark.parametrize("name", NAMES)
def test_an_init_says_what_and_whence_it_is(name: str, torch) -> None:
    init = inits.get(name)
    assert init.name == name
    assert init.what.endswith(".")
    assert init.source


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("model", CASES)
def test_a_seed_decides_the_weights(name: str, model: str, torch, start) -> None:
    one, _ = build(start, model, name, seed=3)
    torch.manual_seed(99)
    other, _ = build(start, model, name, seed=3)
    third, _ = build(start, model, name, seed=4)
    same = [torch.equal(a, b) for a, b in zip(one.parameters(), third.parameters(), strict=True)]
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert torch.isfinite(a).all()
    assert all(same) is (name in FIXED)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_model_keeps_is_left_alone(name: str, torch, start) -> None:
    from forescale.lab.models.ssm import lin

    module, _ = build(start, "ssm", name)
    torch.testing.assert_close(module.blocks[0].filters.turns[3], lin(16)[1].float())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("family", ["gradient", "sign", "spectral"])
def test_rates_at_the_base_width_are_those_asked_for(name: str, family, torch) -> None:
    init = inits.get(name)
    for model, io in CASES.items():
        roles = inits.roles(models.get(model), io, 3, {}, base=3)
        for role in roles.values():
            # The output layer has a constant of its own under muP, at every width the same.
            own = 4.0 if (name, family, role.kind) == ("mup", "sign", "output") else 1.0
            assert init.scale(role, family) == own


def test_roles_of_the_gpt(torch, start) -> None:
    _, roles = start("gpt", Tokens(11, 8), 4, gated=True)
    kinds = {n.rpartition("blocks.0.")[2]: r.kind for n, r in roles.items() if "blocks.1" not in n}
    assert {k: v for k, v in kinds.items() if "blocks" not in k} == {
        "embed.weight": "input",
        "gate": "scalar",
        "qkv.weight": "hidden",
        "out.weight": "hidden",
        "up.weight": "hidden",
        "down.weight": "hidden",
        "head.weight": "output",
    }
    assert roles["embed.weight"].fan_in == 1
    assert roles["blocks.0.down.weight"].fan_in == 256
    assert roles["blocks.0.down.weight"].residual
    assert roles["blocks.0.down.weight"].depth == 6
    assert not roles["blocks.0.up.weight"].residual
    assert {r.wider for r in roles.values() if r.kind != "scalar"} == {4.0}


def test_roles_of_the_mlp(torch, start) -> None:
    _, roles = start("mlp", Vectors(10, 3), 3)
    assert {n: (r.kind, r.fan_in, r.wider) for n, r in roles.items()} == {
        "layers.0.weight": ("input", 10, 3.0),
        "layers.0.bias": ("vector", 1, 3.0),
        "layers.1.weight": ("hidden", 48, 3.0),
        "layers.1.bias": ("vector", 1, 3.0),
        "head.weight": ("output", 48, 3.0),
        "head.bias": ("scalar", 1, 1.0),
    }


def test_a_convolution_sums_over_its_patch(torch, start) -> None:
    _, roles = start("cnn", Images(2, 8, 5), 1)
    assert roles["layers.0.weight"].fan_in == 2 * 9
    assert roles["layers.1.weight"].fan_in == 8 * 9
    assert roles["layers.1.weight"].kind == "hidden"


def test_standard_weights_have_variance_one_over_fan_in(torch, start) -> None:
    module, roles = start("gpt", Tokens(64, 8), 8)
    for name, p in module.named_parameters():
        role = roles[name]
        expected = role.fan_in**-0.5 / (role.depth**0.5 if role.residual else 1.0)
        assert float(p.detach().std()) == pytest.approx(expected, rel=0.05), name


@pytest.mark.parametrize(
    ("family", "kind", "expected"),
    [
        # Table 8 of Yang et al. 2022: SGD's and Adam's rates against the base width.
        ("sign", "input", 1.0),
        ("sign", "hidden", 0.25),
        # The output layer's own constant is free in the theory; ours is OUTPUT.
        ("sign", "output", 0.25 * 4.0),
        ("gradient", "input", 4.0),
        ("gradient", "hidden", 1.0),
        ("gradient", "output", 0.25),
        ("spectral", "hidden", 1.0),
    ],
)
def test_mup_scales_rates_as_the_papers_table(family, kind, expected: float, torch) -> None:
    role = inits.Role(kind, 64, 64, wider=4.0)
    assert inits.get("mup").scale(role, family) == expected


def test_orthogonal_square_matrices_turn_and_keep_lengths(torch, start) -> None:
    module, _ = start("mlp", Vectors(10, 3), 2, "orthogonal")
    w = module.layers[1].weight.detach()
    torch.testing.assert_close(w @ w.T, torch.eye(32), rtol=0, atol=1e-5)
    # A deep linear network keeps the length of what goes in.
    deep, _ = start("mlp", Vectors(32, 3), 2, "orthogonal", depth=20)
    x = torch.randn(1, 32, generator=torch.Generator().manual_seed(0))
    out = x
    for layer in deep.layers:
        out = out @ layer.weight.detach().T
    assert float(out.norm() / x.norm()) == pytest.approx(1.0, rel=1e-4)


def test_orthogonal_entries_have_variance_one_over_fan_in(torch, start) -> None:
    module, roles = start("gpt", Tokens(64, 8), 4, "orthogonal")
    for name, p in module.named_parameters():
        role = roles[name]
        expected = role.fan_in**-0.5 / (role.depth**0.5 if role.residual else 1.0)
        assert float(p.detach().square().mean().sqrt()) == pytest.approx(expected, rel=0.01), name


@pytest.mark.parametrize("model", ["gpt", "residual_mlp"])
def test_rezero_blocks_start_as_the_identity_and_learn(model: str, torch, start) -> None:
    module, _ = build(start, model, "rezero")
    x = torch.randn(2, 5, 32) if model == "gpt" else torch.randn(2, 32)
    places = module.places(5) if model == "gpt" else ()
    for block in module.blocks:
        assert torch.equal(block(x, *places), x)
    block(x, *places).sum().backward()
    assert block.gate.grad.abs().min() > 0


def test_rezero_refuses_a_model_without_gates(start) -> None:
    with pytest.raises(BadOption, match="gated = true"):
        start("gpt", Tokens(11, 8), 1, "rezero")


def test_hadamard_matrices_have_orthogonal_columns(torch) -> None:
    from forescale.lab.inits.zero import hadamard

    h = hadamard(4)
    assert set(h.unique().tolist()) == {-1.0, 1.0}
    torch.testing.assert_close(h @ h.T, 16 * torch.eye(16))


def test_zero_is_made_of_identities_hadamards_and_zeros(torch, start) -> None:
    module, roles = start("gpt", Tokens(50, 8), 1, "zero")
    for name, p in module.named_parameters():
        if roles[name].residual:
            assert not p.any()
    rows = module.embed.weight.detach()
    # No two tokens are the same, although there are more tokens than dimensions.
    assert all((a != b).any() for a, b in itertools.combinations(rows, 2))
    deep, _ = start("mlp", Vectors(40, 3), 2, "zero")
    assert torch.equal(deep.layers[1].weight.detach(), torch.eye(32))
    assert torch.equal(deep.layers[0].weight.detach(), torch.eye(32, 40))
    raised, _ = start("mlp", Vectors(32, 3), 4, "zero")
    w = raised.layers[0].weight.detach()
    torch.testing.assert_close(w.T @ w, torch.eye(32))


def test_mup_keeps_the_size_of_activations_where_standard_does_not(torch) -> None:
    from forescale.lab.coordinates import coordinate_check, slopes

    def check(model: str, task: str, init: str, **settings) -> tuple[dict, dict]:
        table = coordinate_check(
            model, task, init, widths=(64, 128, 256), task_settings=settings, seeds=3
        )
        return slopes(table, step=3), slopes(table, step=3, moved=True)

    # Three steps of Adam; slopes of log size, and of log change, against log width.
    tokens = {"context": 16, "validation": 4}
    cases = (
        ("gpt", "markov_bytes", tokens),
        ("encoder_decoder", "transduction", {"length": 4, "validation": 4}),
        ("mlp", "teacher", {}),
    )
    for model, task, settings in cases:
        size, moved = check(model, task, "mup", **settings)
        assert max(map(abs, size.values())) < 0.15, size
        assert max(map(abs, moved.values())) < 0.25, moved
        _, moved = check(model, task, "standard", **settings)
        assert moved["head"] > 0.3, moved
        hidden = [v for k, v in moved.items() if k not in ("embed", "layers.0", "head")]
        assert min(hidden) > 0.25, moved
