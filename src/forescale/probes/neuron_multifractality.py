"""How unevenly a network's neurons lie to each other, by its weights as ways between them.

Neurons are points; a weight w between two is a way of length 1/|w|. Boxes grown around each
neuron along the shortest ways give a multifractal spectrum: its width tells heterogeneity, the
place of its top how regular the neurons that are most.

Source: Xiao et al. 2024, "Exploring Neuron Interactions and Emergence in LLMs: From the
Multifractal Analysis Perspective".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.maths.multifractal import grown, spectrum
from forescale.probes import Cost, Measure, Probe, Sight

if TYPE_CHECKING:
    from torch import nn

Array = NDArray[np.float64]

#: Radii of the boxes, evenly spaced in their logs.
RADII = 12


def run(sight: Sight) -> Mapping[str, float]:
    """Width, top and dimension of the spectrum, means over samples; the batch is not looked at.

    Settings:
        layers: Names of nn.Linear in the order that signals take; None for all, as registered. A
            layer that starts at zero makes ways of any length: leave it out.
        nodes: Neurons drawn of each layer at most.
        samples: How often they are drawn.
        moments: Largest moment; the smallest is its negative.
        ranked: Weights of a layer are put at the quantiles of Gaussian ones first: what is left is
            how they are arranged, not how they spread.
        shuffled: Weights of a layer are put in random order first: a control without arrangement.
    """
    asked = sight.settings
    if asked["nodes"] < 2 or asked["samples"] < 1:
        raise BadOption(
            f"nodes = {asked['nodes']} in {asked['samples']} samples make no network",
            where="nodes, samples",
            fix="give 2 nodes and 1 sample, or more",
        )
    weights = matrices(sight.model, asked["layers"])
    names = ("width", "alpha_0", "dimension")
    if not all(np.isfinite(w).all() for w in weights):
        return dict.fromkeys(names, np.nan)
    # The nodes drawn do not depend on whether the weights are shuffled.
    rng, order = (np.random.default_rng([sight.seed, k]) for k in range(2))
    moments = np.linspace(-asked["moments"], asked["moments"], 41)
    found = []
    for _ in range(asked["samples"]):
        used = [order.permuted(w.ravel()).reshape(w.shape) for w in weights]
        used = [np.abs(w) for w in (used if asked["shuffled"] else weights)]
        if asked["ranked"]:
            used = [ranked(w) for w in used]
        found.append(measured(distances(used, asked["nodes"], rng), moments))
    return dict(zip(names, np.mean(found, 0).tolist(), strict=True))


def matrices(model: nn.Module, names: Sequence[str] | None) -> list[Array]:
    """Weights of the layers asked for, each of shape (outputs, inputs).

    Raises:
        BadOption: If one is no nn.Linear of the model, or there is none.
    """
    linear = {n: m for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    asked = list(linear) if names is None else names
    if isinstance(asked, str) or not asked or not set(asked) <= set(linear):
        raise BadOption(
            f"layers = {names!r} are not names of linear layers",
            where="layers",
            fix=f"choose among {', '.join(linear)}" if linear else "read a model that has one",
        )
    return [linear[n].weight.detach().double().cpu().numpy() for n in asked]


def ranked(sizes: Array) -> Array:
    """Sizes at the quantiles of those of Gaussian numbers, in the same order; same shape."""
    from scipy.special import ndtri

    flat = sizes.ravel()
    shares = np.empty(len(flat))
    shares[flat.argsort(kind="stable")] = (np.arange(len(flat)) + 0.5) / len(flat)
    return np.asarray(ndtri(0.5 + shares / 2).reshape(sizes.shape))


def distances(sizes: Sequence[Array], nodes: int, rng: np.random.Generator) -> Array:
    """Shortest ways among neurons drawn of each layer, shape (neurons, neurons); inf for none.

    A layer's inputs are the outputs of the one before, the last of them where it has more (of
    queries, keys and values the values); one that has fewer begins anew.

    Args:
        sizes: Sizes of the weights of each layer, shape (outputs, inputs).
        nodes: Neurons to draw of each layer at most.
        rng: Source of the draws.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    def drawn(count: int) -> NDArray[np.int64]:
        return np.sort(rng.permutation(count)[:nodes])

    many, total = 0, 0
    begins = ends = np.zeros(0, int)
    lengths = np.zeros(0)
    last = np.zeros(0, int)
    for layer in sizes:
        outputs, inputs = layer.shape
        if many < inputs:
            last, many = drawn(inputs), inputs
            total += len(last)
        heard = last - (many - inputs)
        first = total - len(last) + np.flatnonzero(heard >= 0)
        said = drawn(outputs)
        block = layer[np.ix_(said, heard[heard >= 0])]
        linked = np.nonzero(block)
        begins = np.concatenate([begins, first[linked[1]]])
        ends = np.concatenate([ends, total + linked[0]])
        lengths = np.concatenate([lengths, 1 / block[linked]])
        last, many, total = said, outputs, total + len(said)
    graph = csr_array((lengths, (begins, ends)), shape=(total, total))
    return np.asarray(dijkstra(graph, directed=False))


def measured(ways: Array, moments: Array) -> tuple[float, float, float]:
    """Width, top and dimension of the spectrum of neurons by their distances.

    Boxes grow from the median distance of a neuron to its nearest to the largest there is.

    Args:
        ways: Distances, shape (neurons, neurons).
        moments: Shape (moments,).
    """
    others = np.where(np.eye(len(ways), dtype=bool), np.inf, ways)
    nearest, ended = others.min(1), others[np.isfinite(others)]
    if not len(ended) or not np.median(nearest) < ended.max():
        return np.nan, np.nan, np.nan
    radii = np.geomspace(np.median(nearest), ended.max(), RADII)
    # Rounding must not leave the farthest out.
    radii[-1] = ended.max()
    found = spectrum(grown(ways, radii), radii, moments)
    return found.width, found.location, float(found.f.max())


PROBE = Probe(
    name="neuron_multifractality",
    what="How unevenly neurons lie to each other, by the weights as ways between them.",
    measures=(
        Measure("width", "1", "largest less smallest exponent of the mass around neurons"),
        Measure("alpha_0", "1", "the exponent of the neurons that are most"),
        Measure("dimension", "1", "of the whole network; the top of the spectrum"),
    ),
    run=run,
    # No pass at all; the shortest ways among a few hundred neurons take tenths of a second.
    cost=Cost(forwards=1),
    source="Xiao et al. 2024",
    settings={
        "layers": None,
        "nodes": 32,
        "samples": 2,
        "moments": 10.0,
        "ranked": False,
        "shuffled": False,
    },
)
