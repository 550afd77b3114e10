"""How far the algorithm has formed inside a network that learns a group, before it is heard.

A network that has learnt a + b modulo p scores c by cosines of w_k (a + b - c) of few
frequencies w_k = 2 pi k / p. The part of its scores that these few make out is then all it
needs (restricted loss), and without it even what it learnt by heart is lost (excluded loss).
In any other group irreducible representations stand in place of frequencies.

Source: Nanda et al. 2023, "Progress measures for grokking via mechanistic interpretability";
Chughtai et al. 2023, "A Toy Model of Universality: Reverse Engineering How Networks Learn Group
Operations", for groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from forescale.errors import BadOption
from forescale.lab.grok.losses import log1p
from forescale.maths.groups import Group, cyclic, isotypic

if TYPE_CHECKING:
    from forescale.lab.grok.fast import Fast
    from forescale.lab.grok.reference import Split

#: Share of what all frequencies make out that the key ones must.
KEY = 0.95


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Scores of all entries of a group's table, taken apart by the frequencies of the answer.

    Args:
        scores: Scores of the n elements, shape (n, n, n) for a, b, c.
        sums: Where each entry's a o b stands, shape (n, n).
        means: Mean scores of each a o b, shape (n, n) for it and c.
        parts: What each frequency makes out of them, shape (frequencies, n, n).
        powers: Share of the scores' variance that each makes out, shape (frequencies,); the
            constant's is zero. What is the same for all c, or for all entries, is left out,
            for it does not count in any answer or varies with no input.
    """

    scores: Tensor
    sums: Tensor
    means: Tensor
    parts: Tensor
    powers: Tensor


def projectors(data: Split) -> Tensor:
    """Projectors of functions on the elements onto each frequency's, the constant first.

    Args:
        data: The table of a group, or of subtraction modulo p, whose frequencies are those of
            addition.

    Returns:
        Shape (frequencies, n, n); modulo p the k-th is frequency k.

    Raises:
        BadOption: If it is the table of nothing of the kind.
    """
    n, rows = data.elements, data.rows
    if len(rows) == n * n:
        table = rows[:, 2].reshape(n, n)
        each = np.arange(n)
        if (table == np.subtract.outer(each, each) % n).all():
            return torch.from_numpy(np.stack(isotypic(cyclic(n))))
        try:
            return torch.from_numpy(np.stack(isotypic(Group(table))))
        except BadOption:
            pass
    raise BadOption(
        "measures of progress need the table of a group, and this operation is none",
        fix="leave the measures out, or choose +, - or S5",
    )


def spectrum(scores: Tensor, sums: Tensor, onto: Tensor) -> Spectrum:
    """Scores taken apart by frequencies of a o b.

    Args:
        scores: Scores of the elements, shape (n, n, n) for a, b, c.
        sums: The element a o b by a and b, shape (n, n).
        onto: Projectors, shape (frequencies, n, n), the constant's first.
    """
    n = scores.shape[0]
    z = scores.double()
    means = torch.zeros((n, n), dtype=z.dtype, device=z.device)
    means.index_add_(0, sums.reshape(-1), z.reshape(-1, n) / n)
    parts = onto @ means
    centred = z - z.mean(2, keepdim=True)
    total = (centred - centred.mean((0, 1))).square().sum()
    # Each a o b stands at n entries.
    powers = n * (parts - parts.mean(2, keepdim=True)).square().sum((1, 2)) / total
    powers[0] = 0.0
    return Spectrum(scores, sums, means, parts, powers)


def key_frequencies(found: Spectrum, share: float = KEY) -> tuple[int, ...]:
    """The fewest frequencies that make out `share` of what all make out, in rising order."""
    powers, order = found.powers.sort(descending=True)
    enough = powers.cumsum(0) >= share * powers.sum()
    many = int(enough.double().argmax()) + 1
    return tuple(sorted(order[:many].tolist()))


def kept(found: Spectrum, frequencies: tuple[int, ...]) -> Tensor:
    """The part of the scores that the frequencies make out, shape (n, n) for a o b and c."""
    return found.parts[list(frequencies)].sum(0)


def restricted_loss(found: Spectrum, right: Tensor, frequencies: tuple[int, ...]) -> float:
    """Loss over all entries of the scores with nothing left but the frequencies, in nats.

    What does not vary with the entry is kept, too.

    Args:
        found: Scores taken apart.
        right: Answers, shape (n, n).
        frequencies: Those that are kept.
    """
    only = kept(found, frequencies)
    rest = found.means.mean(0) - only.mean(0)
    scores = (only + rest)[found.sums]
    return float(log1p(scores.flatten(0, 1), right.reshape(-1))[0].mean())


def excluded_loss(
    found: Spectrum, right: Tensor, frequencies: tuple[int, ...], among: Tensor
) -> float:
    """Loss of the scores without the frequencies, in nats, over some entries (those trained on).

    Args:
        found: Scores taken apart.
        right: Answers, shape (n, n).
        frequencies: Those that are taken out.
        among: Entries to judge, as positions a n + b.
    """
    left = found.scores.double() - kept(found, frequencies)[found.sums]
    return float(log1p(left.flatten(0, 1)[among], right.reshape(-1)[among])[0].mean())


def gini(norms: Tensor) -> float:
    """Inequality of nonnegative numbers: 0 where all are the same, near 1 where one has all."""
    sizes = norms.double().sort().values
    n = len(sizes)
    rank = torch.arange(1, n + 1, dtype=sizes.dtype, device=sizes.device)
    return float(((2 * rank - n - 1) * sizes).sum() / (n * sizes.sum()))


def fourier_norms(table: Tensor, onto: Tensor) -> Tensor:
    """Length of each frequency's part of a table over the elements, the constant left out.

    Args:
        table: A row for each of n elements, shape (n, d).
        onto: Projectors, shape (frequencies, n, n), the constant's first.

    Returns:
        Root mean square per dimension of the frequency's functions, shape (frequencies - 1,).
    """
    ranks = onto[1:].diagonal(dim1=1, dim2=2).sum(1)
    return ((onto[1:] @ table.double()).square().sum((1, 2)) / ranks).sqrt()


def measure(
    net: Fast, data: Split, frequencies: tuple[int, ...] = (), onto: Tensor | None = None
) -> dict[str, float]:
    """Every measure of progress of a network as it stands.

    Args:
        net: The network.
        data: The table, of a group or of subtraction modulo p.
        frequencies: Key frequencies, those of the trained network; none for its present ones.
        onto: What `projectors` gives, where it is at hand.

    Returns:
        `restricted_loss` and `excluded_loss` in nats; `key_share` and `key_count`, the share of
        the scores' variance that the frequencies make out, and how many they are; `gini_embed`
        and `gini_neurons`, inequalities of the frequencies in the embedding and in what neurons
        write to the scores.

    Raises:
        BadOption: If the operation has no frequencies.
    """
    onto = (projectors(data) if onto is None else onto).to(net.flat.device)
    found = taken_apart(net, data, onto)
    keys = frequencies or key_frequencies(found)
    train = torch.from_numpy(data.train).to(onto.device)
    n, w = data.elements, net.weights
    return {
        "restricted_loss": restricted_loss(found, found.sums, keys),
        "excluded_loss": excluded_loss(found, found.sums, keys, train[:, 0] * n + train[:, 1]),
        "key_share": float(found.powers[list(keys)].sum()),
        "key_count": float(len(keys)),
        "gini_embed": gini(fourier_norms(w["embed.weight"][:n], onto)),
        "gini_neurons": gini(fourier_norms(w["head.weight"][:n] @ w["down.weight"], onto)),
    }


def taken_apart(net: Fast, data: Split, onto: Tensor) -> Spectrum:
    """The network's scores by frequencies; its `sums` are the answers."""
    n, at = data.elements, net.entries(data.rows)
    return spectrum(net.run(at).scores_nv[:, :n].reshape(n, n, n), at.right.view(n, n), onto)


def attach(
    net: Fast,
    data: Split,
    onto: Tensor,
    weights: dict[int, Tensor],
    curve: list[dict[str, float]],
) -> tuple[int, ...]:
    """Add the measures to the rows of a curve whose weights were kept, and to the last row.

    Args:
        net: The network at the end of its run, left as it is.
        data: The table.
        onto: What `projectors` gives.
        weights: Flat weights by step; the last ones are added.
        curve: Rows with a "step"; rows without weights get NaN.

    Returns:
        The key frequencies of the last weights, by which all rows are measured.
    """
    last = net.flat.detach().clone()
    weights[net.taken] = last.cpu()
    keys = key_frequencies(taken_apart(net, data, onto.to(last.device)))
    none = dict.fromkeys(measure(net, data, keys, onto), float("nan"))
    with torch.no_grad():
        for row in curve:
            found = weights.get(int(row["step"]))
            if found is None:
                row.update(none)
                continue
            net.flat.copy_(found)
            row.update(measure(net, data, keys, onto))
        net.flat.copy_(last)
    return keys
