"""Table of the study chaos_skill: how long a simple forecaster keeps to chaotic flows.

    pip install dysts
    python recipes/chaos_skill.py --out src/forescale/studies/_tables

Three minutes on one core. Every autonomous flow of dysts with a positive exponent and at most ten
variables is integrated; those that the integrator does not finish in time are left out.
"""

from __future__ import annotations

import argparse
import csv
import signal
from pathlib import Path

import numpy as np
from dysts import flows
from dysts.systems import get_attractor_list
from scipy.integrate import solve_ivp

#: States in a period, periods that train and test, starts of forecasts and their length.
DENSITY, TRAIN, TEST, STARTS, LENGTH = 25, 40, 60, 25, 20
#: Error, in standard deviations of the system, from which a forecast has lost it.
LOST = 0.4
SECONDS = 8
COLUMNS = ("system", "dimension", "exponent", "period", "valid", "error")


def path(system, periods: int, start: np.ndarray) -> np.ndarray:
    """States along one trajectory, shape (n, variables)."""
    times = np.arange(periods * DENSITY) / DENSITY * system.period
    found = solve_ivp(
        lambda t, x: np.asarray(system.rhs(x, t), float),
        (0, times[-1]),
        start,
        t_eval=times,
        method="LSODA",
        rtol=1e-8,
        atol=1e-9,
    )
    if found.y.shape[1] < len(times) or not np.isfinite(found.y).all():
        raise ValueError("the trajectory ends early")
    return found.y.T


def kernel(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    """Gaussian kernel, and an affine one that carries it where there are no data."""
    square = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.exp(-np.maximum(square, 0) / (2 * width**2)) + 0.01 * (1 + a @ b.T)


def skill(system) -> tuple[float, float]:
    """Median periods a forecast is valid, and its error a period ahead."""
    x = path(system, 10 + TRAIN + TEST, np.asarray(system.ic, float))[10 * DENSITY :]
    cut = TRAIN * DENSITY
    x = (x - x[:cut].mean(0)) / x[:cut].std(0)
    train, test = x[:cut], x[cut:]
    step = np.diff(train, axis=0)
    centres, last = train[:-1], cut - 1
    fit, rest = np.arange(0, last * 4 // 5), np.arange(last * 4 // 5, last)
    best, chosen = np.inf, (1.0, 1e-6)
    # The later part of the training path chooses the kernel.
    for width in (0.5, 1.0, 2.0, 4.0):
        gram = kernel(centres[fit], centres[fit], width)
        across = kernel(centres[rest], centres[fit], width)
        for ridge in (1e-8, 1e-5):
            weights = np.linalg.solve(gram + ridge * np.eye(len(fit)), step[fit])
            loss = ((across @ weights - step[rest]) ** 2).mean()
            if loss < best:
                best, chosen = loss, (width, ridge)
    width, ridge = chosen
    weights = np.linalg.solve(kernel(centres, centres, width) + ridge * np.eye(last), step)
    begin = np.linspace(0, len(test) - LENGTH * DENSITY - 1, STARTS).astype(int)
    state, errors = test[begin], []
    for k in range(1, LENGTH * DENSITY + 1):
        state = np.clip(state + kernel(state, centres, width) @ weights, -8, 8)
        errors.append(np.sqrt(((state - test[begin + k]) ** 2).mean(1)))
    error = np.array(errors)
    lost = np.where((error > LOST).any(0), (error > LOST).argmax(0) + 1, LENGTH * DENSITY)
    return float(np.median(lost) / DENSITY), float(np.median(error[DENSITY - 1]))


def stop(*_: object) -> None:
    raise TimeoutError("takes too long")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the table")
    out = parser.parse_args().out / "chaos_skill.csv"
    signal.signal(signal.SIGALRM, stop)
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for name in get_attractor_list("continuous_no_delay"):
            system = getattr(flows, name)()
            exponent, size = system.maximum_lyapunov_estimated, len(np.ravel(system.ic))
            if system.nonautonomous or system.unbounded_indices or size > 10:
                continue
            if not (exponent and exponent > 0 and system.period):
                continue
            signal.alarm(SECONDS)
            try:
                valid, error = skill(system)
            except (ValueError, TimeoutError, np.linalg.LinAlgError) as problem:
                print(name, problem, flush=True)
                continue
            finally:
                signal.alarm(0)
            values = (exponent, system.period, valid, error)
            writer.writerow([name, size, *(f"{v:.5g}" for v in values)])
            print(name, size, *(f"{v:.4g}" for v in values), flush=True)
            file.flush()


if __name__ == "__main__":
    main()
