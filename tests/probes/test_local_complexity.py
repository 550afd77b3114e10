"""Local complexity against regions counted one by one, and layers whose lines are known."""

from __future__ import annotations

import itertools

import pytest

torch = pytest.importorskip("torch")

from forescale.errors import BadOption  # noqa: E402
from forescale.probes import read  # noqa: E402
from forescale.probes.local_complexity import cross_polytope  # noqa: E402

pytestmark = pytest.mark.lab


def relu_net(*widths):
    layers = []
    for a, b in itertools.pairwise(widths):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1]).double()


def test_corners_are_at_the_radius_and_axes_at_right_angles() -> None:
    points = torch.randn(4, 3, 2, dtype=torch.float64)
    corners = cross_polytope(points, 0.3, 4, torch.Generator().manual_seed(0))
    moves = (corners - points[:, None]).flatten(2)
    assert corners.shape == (4, 9, 3, 2)
    assert torch.equal(moves[:, 0], torch.zeros(4, 6, dtype=torch.float64))
    gram = moves[:, 1:5] @ moves[:, 1:5].mT
    torch.testing.assert_close(gram, (0.09 * torch.eye(4, dtype=torch.float64)).expand(4, 4, 4))
    torch.testing.assert_close(moves[:, 1:5], -moves[:, 5:])


def test_lines_through_a_square_are_counted_as_geometry_says() -> None:
    """A line crosses the square of corners where it is nearer than the farthest corner."""
    torch.manual_seed(1)
    model, x = relu_net(2, 200, 3), torch.randn(5, 2, dtype=torch.float64)
    found = read("local_complexity", model, x, radius=0.2, seed=4).values
    corners = cross_polytope(x, 0.2, 25, torch.Generator().manual_seed(4))
    weight, bias = model[0].weight.detach(), model[0].bias.detach()
    crossed = 0
    for points in corners:
        for w, b in zip(weight, bias, strict=True):
            # Least and greatest over the square, by its four corners, one unit at a time.
            heights = [float(w @ p + b) for p in points[1:]]
            crossed += min(heights) < 0 < max(heights)
    assert found["local_complexity"] == crossed / 5
    assert found["share"] == pytest.approx(crossed / 5 / 200)


def test_regions_in_the_plane_lie_between_the_bounds_that_the_count_sets() -> None:
    """c lines cut a convex patch in c + 1 to 1 + c + c (c - 1) / 2 regions."""
    torch.manual_seed(0)
    model, x = relu_net(2, 40, 3), torch.zeros(1, 2, dtype=torch.float64)
    count = read("local_complexity", model, x, radius=0.3, seed=0).values["local_complexity"]
    corners = cross_polytope(x, 0.3, 2, torch.Generator().manual_seed(0))[0, 1:3]
    side = torch.linspace(-1, 1, 1001, dtype=torch.float64)
    a, b = torch.meshgrid(side, side, indexing="ij")
    inside = (a.abs() + b.abs()) <= 1
    points = torch.stack([a[inside], b[inside]], 1) @ corners
    code = torch.randint(2**60, (40,), generator=torch.Generator().manual_seed(0))
    patterns = ((model[0](points) > 0).long() * code).sum(1)
    regions = len(patterns.unique())
    assert count > 2
    assert count + 1 <= regions <= 1 + count + count * (count - 1) / 2


def test_it_grows_with_the_radius_and_an_affine_model_has_none() -> None:
    torch.manual_seed(0)
    model, x = relu_net(6, 32, 32, 3), torch.randn(20, 6, dtype=torch.float64)
    sizes = [read("local_complexity", model, x, radius=r).values for r in (0.01, 0.1, 1.0)]
    counts = [s["local_complexity"] for s in sizes]
    assert counts[0] < counts[1] < counts[2] <= 64
    layers = (sizes[2][f"local_complexity/{n}"] for n in (0, 2))
    assert sum(layers) == pytest.approx(counts[2])
    affine = torch.nn.Linear(6, 3).double()
    assert read("local_complexity", affine, x).values["local_complexity"] == 0


def test_a_norm_is_part_of_the_layer_before_it() -> None:
    """A norm that lifts every unit far above 0 leaves no sign to change."""
    torch.manual_seed(0)
    norm = torch.nn.BatchNorm1d(16)
    model = torch.nn.Sequential(
        torch.nn.Linear(4, 16), norm, torch.nn.ReLU(inplace=True), torch.nn.Linear(16, 2)
    )
    x = torch.randn(30, 4)
    before = read("local_complexity", model, x, radius=0.5).values
    assert set(before) == {"local_complexity", "spread", "share", "local_complexity/0"}
    assert before["local_complexity"] > 0
    with torch.no_grad():
        norm.bias.fill_(100)
    assert read("local_complexity", model, x, radius=0.5).values["local_complexity"] == 0


def test_images_and_named_layers() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(64, 2)
    )
    x = torch.randn(6, 1, 6, 6)
    every = read("local_complexity", model, x, radius=1.0).values
    named = read("local_complexity", model, x, radius=1.0, layers=("0",)).values
    assert every == named
    assert 0 < every["share"] < 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"radius": 0.0}, "radius"),
        ({"directions": 0}, "directions"),
        ({"layers": ("nine",)}, "no layer"),
        ({"points": 0}, "0 points"),
    ],
)
def test_what_cannot_be_read_is_said(model, settings, says) -> None:
    with pytest.raises(BadOption, match=says):
        read("local_complexity", model, torch.randn(4, 6), **settings)


def test_tokens_have_no_neighbourhood(model) -> None:
    with pytest.raises(BadOption, match="moved a little"):
        read("local_complexity", model, torch.zeros(4, 6, dtype=torch.long))
