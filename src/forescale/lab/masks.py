"""Which weights a pruned network keeps: scores of the weights, and masks of the best.

Matrices are ranked together, whatever layer they stand in; vectors (biases, gains) are kept, and
so are matrices that are all zero where magnitude ranks, since they have none.

Sources: Han et al. 2015, "Learning both Weights and Connections for Efficient Neural Networks"
(magnitude); Lee, Ajanthan & Torr 2019, "SNIP"; Wang, Zhang & Grosse 2020, "Picking Winning
Tickets Before Training by Preserving Gradient Flow" (GraSP); Tanaka et al. 2020, "Pruning neural
networks without any data by iteratively conserving synaptic flow" (SynFlow).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from forescale.errors import BadOption

if TYPE_CHECKING:
    from torch import Tensor, nn

Scores = dict[str, "Tensor"]
Masks = dict[str, "Tensor"]
#: Rounds in which SynFlow removes weights: one round can remove a whole layer.
ROUNDS = 100


def matrices(module: nn.Module) -> dict[str, Tensor]:
    """The weights that are ranked, by name, detached."""
    return {n: p.detach() for n, p in module.named_parameters() if p.ndim > 1}


def magnitude(module: nn.Module) -> Scores:
    """Sizes of the weights, without the matrices that are all zero."""
    return {n: w.abs() for n, w in matrices(module).items() if bool(w.any())}


def random(module: nn.Module, *, seed: int) -> Scores:
    """Uniform draws, the same on every device."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    return {
        n: torch.rand(w.shape, generator=generator).to(w.device)
        for n, w in matrices(module).items()
    }


def snip(module: nn.Module, value: Callable[[], Tensor]) -> Scores:
    """How much the loss would feel each weight's removal: |w dL/dw|.

    Args:
        module: The network.
        value: Its loss on a batch, with its graph.
    """
    weights, slopes = _slopes(module, value)
    return {n: (w.detach() * g).abs() for (n, w), g in zip(weights.items(), slopes, strict=True)}


def grasp(module: nn.Module, value: Callable[[], Tensor]) -> Scores:
    """How much of the gradient's norm each weight carries: w (H g), signed.

    Removing a weight changes |g|^2 by -2 w (H g); those whose removal raises it go first.

    Args:
        module: The network.
        value: Its loss on a batch, with its graph.
    """
    import torch

    weights, slopes = _slopes(module, value, again=True)
    half = sum((g.square().sum() for g in slopes), start=torch.zeros((), device=slopes[0].device))
    products = torch.autograd.grad(half / 2, list(weights.values()), materialize_grads=True)
    return {n: w.detach() * h for (n, w), h in zip(weights.items(), products, strict=True)}


def _slopes(
    module: nn.Module, value: Callable[[], Tensor], *, again: bool = False
) -> tuple[dict[str, nn.Parameter], tuple[Tensor, ...]]:
    """The matrices and the loss's gradient in them; with a graph of its own if asked."""
    import torch

    weights = {n: p for n, p in module.named_parameters() if p.ndim > 1}
    with torch.enable_grad():
        slopes = torch.autograd.grad(
            value(), list(weights.values()), create_graph=again, materialize_grads=True
        )
    return weights, slopes


def synflow(module: nn.Module, x: Tensor, keep: float, *, rounds: int = ROUNDS) -> Scores:
    """What flows through each weight from input to output, all weights taken by their size.

    Removes weights round by round, so that no layer is cut through; a weight that went scores
    less than nothing.

    Args:
        module: The network; as it was when this returns.
        x: An input; vectors and images are replaced by ones, tokens are used as they are.
        keep: Share of the weights that is kept in the end.
        rounds: Rounds.
    """
    import torch

    plain = {n: p.detach().clone() for n, p in module.named_parameters()}
    named = dict(module.named_parameters())
    ones = torch.ones_like(x[:1]) if x.is_floating_point() else x[:1]
    found: Masks = {n: torch.ones_like(w, dtype=torch.bool) for n, w in matrices(module).items()}
    scores: Scores = {}
    try:
        for i in range(1, rounds + 1):
            with torch.no_grad():
                for n, p in named.items():
                    size = plain[n].abs()
                    p.copy_(size * found[n] if n in found else size)
            weights, slopes = _slopes(module, lambda: module(ones).sum())
            scores = {
                # Nothing flows backwards through absolute weights but by rounding.
                n: torch.where(found[n], (w.detach() * g).abs(), -1.0)
                for (n, w), g in zip(weights.items(), slopes, strict=True)
            }
            found = mask(scores, keep ** (i / rounds), where="method synflow")
    finally:
        with torch.no_grad():
            for n, p in named.items():
                p.copy_(plain[n])
    return scores


def mask(scores: Mapping[str, Tensor], keep: float, *, where: str = "") -> Masks:
    """True for the best share of all weights that have a score.

    Args:
        scores: By name; larger is kept.
        keep: Share kept, of all together.
        where: Where the scores come from, for messages.

    Raises:
        BadOption: If the share is none, or the scores tell no weight from another.
    """
    import torch

    if not 0 < keep <= 1:
        raise BadOption(f"keep is {keep:g}", fix="give a share above 0, up to 1")
    whole = torch.cat([s.flatten() for s in scores.values()])
    if len(whole) > 1 and not bool((whole != whole[0]).any()):
        raise BadOption(
            f"every weight scores {float(whole[0]):g}",
            where=where,
            fix="use an init whose head does not start at zero (standard)",
        )
    kept = torch.zeros_like(whole, dtype=torch.bool)
    # By rank, not by threshold: ties must not change the number kept.
    kept[whole.topk(max(1, round(keep * len(whole)))).indices] = True
    parts = kept.split([s.numel() for s in scores.values()])
    return {n: part.view_as(s) for (n, s), part in zip(scores.items(), parts, strict=True)}


def distance(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """Jaccard distance of two masks of the same weights: 1 - kept in both / kept in either."""
    both = either = 0
    for name, kept in one.items():
        both += int((kept & other[name]).sum())
        either += int((kept | other[name]).sum())
    return 1 - both / either if either else 0.0


def save(path: Path, masks: Mapping[str, Tensor]) -> None:
    """Write masks under their weights' names, as safetensors."""
    from safetensors.torch import save_file

    save_file({n: m.detach().cpu().bool().contiguous() for n, m in masks.items()}, path)


def load(path: Path, module: nn.Module) -> Masks:
    """Masks of a module's weights from a file.

    Raises:
        BadOption: If there is no such file, or it does not fit the module.
    """
    from safetensors.torch import load_file

    if not path.is_file():
        raise BadOption(f"there is no mask file {path}", fix="give the path of one")
    masks, named = load_file(path), dict(module.named_parameters())
    for n, m in masks.items():
        if n not in named or named[n].shape != m.shape:
            raise BadOption(
                f"a mask of shape {tuple(m.shape)} for '{n}', which the network does not have",
                where=str(path),
                fix="give the masks of a network of this model, size and task",
            )
    return {n: m.to(named[n].device).bool() for n, m in masks.items()}
