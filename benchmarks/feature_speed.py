"""Seconds and values of feature geometry beside other libraries: dimension, diffusion entropy.

Intrinsic dimension of 5,000 points in 784 dimensions on a curved sheet of 10, beside
scikit-dimension (and DADApy, where it is installed); diffusion spectral entropy of 1,000 of them
beside its formula written down in NumPy. What is not installed is named and left out. CPU seconds
of one thread, the least of the repeats.

Run: python benchmarks/feature_speed.py [--points 5000] [--repeats 2]
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch

from forescale.probes import intrinsic_dimension as ours
from forescale.probes import spectral_entropy as diffusion

LATENT, AMBIENT, NEIGHBOURS = 10, 784, 20


def sheet(points: int, seed: int = 0) -> np.ndarray:
    """Points on a smooth sheet of LATENT dimensions in AMBIENT, shape (points, AMBIENT)."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((points, LATENT))
    w = rng.standard_normal((LATENT, AMBIENT)) / LATENT**0.5
    return (np.tanh(z @ w * 0.5) + 0.5 * z @ w).astype(np.float32)


def plain_entropy(x: np.ndarray) -> float:
    """Bits of the spectrum of D^-1 G, as the formula reads: all distances, all eigenvalues."""
    x = x.astype(np.float64)
    apart = np.array([np.sqrt(((x - row) ** 2).sum(1)) for row in x])
    sigma = np.median(apart[np.triu_indices(len(x), 1)])
    graph = np.exp(-(apart**2) / (2 * sigma**2))
    spectrum = np.abs(np.linalg.eigvals(graph / graph.sum(1, keepdims=True)))
    share = spectrum / spectrum.sum()
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum())


def probe_entropy(x: np.ndarray) -> float:
    apart = diffusion.squared_distances(torch.from_numpy(x).double())
    width = diffusion.middle(apart)
    return float(diffusion.entropy(torch.exp(-apart / (2 * width.square())), 1))


def two_nn(x: np.ndarray) -> float:
    return float(ours.two_nearest(ours.neighbours(torch.from_numpy(x), 2))[0])


def likelihood(x: np.ndarray) -> float:
    near = ours.neighbours(torch.from_numpy(x), NEIGHBOURS)
    return 1 / float(ours.inverse_dimension(near, NEIGHBOURS))


def skdim_two_nn(x: np.ndarray) -> float:
    import skdim

    return float(skdim.id.TwoNN().fit(x).dimension_)


def skdim_likelihood(x: np.ndarray) -> float:
    import skdim

    # Its default averages the points' dimensions; the harmonic mean is what ours says.
    return float(skdim.id.MLE().fit(x, n_neighbors=NEIGHBOURS, comb="mle").dimension_)


def dadapy_two_nn(x: np.ndarray) -> float:
    from dadapy import Data

    return float(Data(x, n_jobs=1).compute_id_2NN()[0])


#: What is measured, who does it, on how many points at most (None for all).
CASES: tuple[tuple[str, str, int | None, Callable[[np.ndarray], float]], ...] = (
    ("TwoNN", "forescale", None, two_nn),
    ("TwoNN", "scikit-dimension", None, skdim_two_nn),
    ("TwoNN", "DADApy", None, dadapy_two_nn),
    (f"MLE, {NEIGHBOURS} neighbours", "forescale", None, likelihood),
    (f"MLE, {NEIGHBOURS} neighbours", "scikit-dimension", None, skdim_likelihood),
    ("diffusion spectral entropy", "forescale", 1000, probe_entropy),
    ("diffusion spectral entropy", "plain NumPy", 1000, plain_entropy),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    # numba, which scikit-dimension needs, takes the script `coverage.py` beside this one for the
    # package of that name.
    sys.path.pop(0)
    x = sheet(args.points)
    print(f"{args.points} x {AMBIENT}, {LATENT} latent dimensions.\n")
    print("| what | by | points | CPU s | value | CPU over ours |")
    print("|---|---|---:|---:|---:|---:|")
    base = {}
    for what, by, most, call in CASES:
        rows = x[:most]
        took = []
        try:
            for _ in range(args.repeats + 1):
                began = time.process_time()
                value = call(rows)
                took.append(time.process_time() - began)
        except ImportError as missing:
            print(f"| {what} | {by} | | not installed: {missing.name} | | |")
            continue
        # The first pays for imports and compilation.
        best = min(took[1:])
        base.setdefault(what, best)
        print(
            f"| {what} | {by} | {len(rows)} | {best:.2f} | {value:.4g} | {best / base[what]:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
