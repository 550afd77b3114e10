"""Seconds and errors of the loss's Hessian spectrum beside other libraries.

A perceptron 784-128-128-10 (118,282 parameters) on 2,000 examples of ten clusters, at its start:
the largest eigenvalue beside PyHessian, curvlinops and hessian-eigenthings, each asked as its
manual says, and the density by 30 steps of Lanczos from one vector. Errors are against our Lanczos
in double precision with a residual below 1e-8; then all on a net of 155 parameters against the
dense Hessian. What is not installed, or fails, is named. CPU seconds of one thread.

Run: python benchmarks/spectrum_speed.py
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from forescale import probes

LOSS = nn.functional.cross_entropy
STEPS = 30


def net(widths: tuple[int, ...], dtype: torch.dtype) -> nn.Sequential:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.Tanh()]
    return nn.Sequential(*layers[:-1]).to(dtype)


def examples(n: int, inputs: int, classes: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    y = torch.arange(n) % classes
    centres = torch.randn(classes, inputs, generator=generator)
    x = centres[y] + torch.randn(n, inputs, generator=generator)
    return x.to(dtype), y


def ours_top(model: nn.Module, batch: tuple[Tensor, Tensor], **settings: Any) -> float:
    return probes.read("hessian_top", model, batch, LOSS, **{"k": 1, **settings}).values["top"]


def pyhessian_top(model: nn.Module, batch: tuple[Tensor, Tensor]) -> float:
    from pyhessian import hessian

    asked = hessian(model, LOSS, data=batch, cuda=False)
    return float(asked.eigenvalues(maxIter=100, tol=1e-3, top_n=1)[0][0])


def curvlinops_operator(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Any:
    from curvlinops import HessianLinearOperator

    return HessianLinearOperator(
        model, nn.CrossEntropyLoss(), list(model.parameters()), [batch],
        check_deterministic=False,
    )  # fmt: skip


def curvlinops_top(model: nn.Module, batch: tuple[Tensor, Tensor]) -> float:
    from scipy.sparse.linalg import eigsh

    operator = curvlinops_operator(model, batch).to_scipy()
    return float(eigsh(operator, k=1, which="LA", tol=1e-3, return_eigenvectors=False)[0])


def eigenthings_operator(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Any:
    from hessian_eigenthings import HessianOperator, supervised_loss

    return HessianOperator(model, [batch], supervised_loss(LOSS))


def eigenthings_top(
    model: nn.Module, batch: tuple[Tensor, Tensor], most: int | None = None
) -> float:
    from hessian_eigenthings import lanczos

    found = lanczos(eigenthings_operator(model, batch), k=1, max_iter=most, which="LA", seed=0)
    return float(found.eigenvalues[0])


def ours_density(model: nn.Module, batch: tuple[Tensor, Tensor]) -> float:
    given = {"steps": STEPS, "vectors": 1}
    return probes.read("hessian_spectrum", model, batch, LOSS, **given).values["trace"]


def pyhessian_density(model: nn.Module, batch: tuple[Tensor, Tensor]) -> float:
    from pyhessian import hessian

    hessian(model, LOSS, data=batch, cuda=False).density(iter=STEPS, n_v=1)
    return float("nan")


def curvlinops_density(model: nn.Module, batch: tuple[Tensor, Tensor]) -> float:
    from curvlinops.papyan2020traces.spectrum import lanczos_approximate_spectrum

    # Bounds of the spectrum are handed over: finding them is timed above.
    operator = curvlinops_operator(model, batch)
    lanczos_approximate_spectrum(operator, STEPS, boundaries=(-10.0, 10.0))
    return float("nan")


def eigenthings_density(model: nn.Module, batch: tuple[Tensor, Tensor]) -> float:
    from hessian_eigenthings import spectral_density

    spectral_density(eigenthings_operator(model, batch), num_runs=1, lanczos_steps=STEPS, seed=0)
    return float("nan")


TOPS: dict[str, Callable[..., float]] = {
    "forescale hessian_top": ours_top,
    "PyHessian eigenvalues": pyhessian_top,
    "curvlinops and scipy eigsh": curvlinops_top,
    "hessian-eigenthings lanczos": eigenthings_top,
    "hessian-eigenthings lanczos, 40 steps": lambda m, b: eigenthings_top(m, b, 40),
}
DENSITIES: dict[str, Callable[..., float]] = {
    "forescale hessian_spectrum": ours_density,
    "PyHessian density": pyhessian_density,
    "curvlinops lanczos_approximate_spectrum": curvlinops_density,
    "hessian-eigenthings spectral_density": eigenthings_density,
}


def row(name: str, call: Callable[[], float], truth: float | None) -> None:
    began = time.process_time()
    try:
        value = call()
    except Exception as error:
        told = str(error).strip().split("\n")[0][:90]
        print(f"| {name} | fails: {type(error).__name__}: {told} | |", flush=True)
        return
    took = time.process_time() - began
    error = "" if truth is None else f"{abs(value / truth - 1):.1e}"
    print(f"| {name} | {took:.2f} | {error} |", flush=True)


def dense(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Eigenvalues of the Hessian written out, ascending."""
    named = dict(model.named_parameters())
    shapes = [p.shape for p in named.values()]

    def value(flat: Tensor) -> Tensor:
        pieces = flat.split([s.numel() for s in shapes])
        put = {n: v.view(s) for n, v, s in zip(named, pieces, shapes, strict=True)}
        return LOSS(torch.func.functional_call(model, put, batch[0]), batch[1])

    flat = torch.cat([p.detach().reshape(-1) for p in named.values()])
    return torch.linalg.eigvalsh(torch.autograd.functional.hessian(value, flat))


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    large = (784, 128, 128, 10)
    model, batch = net(large, torch.float32), examples(2000, 784, 10, torch.float32)
    exact = net(large, torch.float64), examples(2000, 784, 10, torch.float64)
    truth = ours_top(*exact, tol=1e-8, steps=150)
    small = net((6, 8, 8, 3), torch.float64), examples(60, 6, 3, torch.float64)
    eigenvalues = dense(*small)
    print(f"Largest eigenvalue {truth:.6g}.\n\n| by | CPU s | relative error |\n|---|---:|---:|")
    for name, call in TOPS.items():
        # Once on the small net, so that imports are not timed.
        row(f"{name}, small net", lambda call=call: call(*small), float(eigenvalues[-1]))  # type: ignore[misc]
        row(name, lambda call=call: call(model, batch), truth)  # type: ignore[misc]
    print(f"\n| density by {STEPS} steps | CPU s | |\n|---|---:|---|")
    for name, call in DENSITIES.items():
        row(name, lambda call=call: call(model, batch), None)  # type: ignore[misc]


if __name__ == "__main__":
    main()
