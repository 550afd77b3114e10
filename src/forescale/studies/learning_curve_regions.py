"""Learning curves have three regions; an architecture moves the offset, not the exponent.

Source: Hestness et al. 2017, "Deep Learning Scaling is Predictable, Empirically".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.fit import Fit, fit, refit
from forescale.laws import Law, Param
from forescale.runs import RunTable
from forescale.studies import Number, Outcome, Progress, Study, judge
from forescale.studies._interval import number
from forescale.studies._recorded import table

Array = NDArray[np.float64]
Labels = NDArray[np.object_]

OFF, RATIO, SHIFT = 0.05, (0.75, 1.0 / 0.75), 1.1
CHANCE = 0.9
RESAMPLES = 200

#: The smooth minimum of chance and a power law with a floor. The catalogue's three_regions
#: ties the sharpness of the knee to the exponent, and real knees are sharper than it allows.
LAW = Law(
    name="three_regions_knee",
    formula=f"({CHANCE}^(-k) + (E + B/n^beta)^(-k))^(-1/k)",
    inputs=("n",),
    predicts="err",
    params=(
        Param("E", "1", 0.0, 1.0, "error at unlimited examples"),
        Param("B", "examples^beta", 0.0, 1e12, "offset of the power region"),
        Param("beta", "1", 0.0, 3.0, "exponent of the power region"),
        Param("k", "1", 0.5, 30.0, "sharpness of the knee where learning starts", (1.0, 8.0)),
    ),
    source="Hestness et al. 2017, Deep Learning Scaling is Predictable, Empirically",
    units={"n": "examples"},
)


def curves(runs: RunTable, bend: float = 1.0) -> tuple[RunTable, NDArray[np.bool_]]:
    """Error against examples, one `net` per architecture and width, and the rows to hold out.

    Held out are the sizes beyond a fourth of the largest. `bend` stretches the sizes of the
    convolutional nets in logs, which divides their exponent by it.
    """
    n, arch = np.asarray(runs["examples"], float), np.asarray(runs["arch"], object)
    held = n > n.max() / 4
    middle = np.exp(np.log(np.unique(n)).mean())
    n = np.where(arch == "cnn", middle * (n / middle) ** bend, n)
    net: Labels = np.array([f"{a}{w:g}" for a, w in zip(arch, runs["width"], strict=True)], object)
    # A net that got every held-out image right still has an error; half an image of 400.
    err = np.maximum(np.asarray(runs["error"], float), 0.5 / 400)
    return RunTable({"n": n, "err": err, "net": net, "arch": arch}), held


def resamples(runs: RunTable, seed: int) -> Array:
    """Row weights of runs drawn anew within each net and size, shape (RESAMPLES, rows)."""
    rng = np.random.default_rng([seed, 1712])
    cell = np.array([f"{a} {n:g}" for a, n in zip(runs["net"], runs["n"], strict=True)])
    weights = np.empty((RESAMPLES, len(cell)))
    for name in np.unique(cell):
        rows = np.flatnonzero(cell == name)
        weights[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), RESAMPLES)
    return weights


def parameters(fitted: Fit, name: str, weights: Array) -> dict[str, tuple[float, Array]]:
    """A parameter of each net: its value, and its values in the resamples."""
    drawn = fitted.problem.natural(refit(fitted.problem, fitted.theta, weights).theta)
    return {
        full.partition("[")[2].rstrip("]"): (fitted.params[full], drawn[:, i])
        for i, full in enumerate(fitted.names)
        if full.startswith(f"{name}[")
    }


def contrast(found: dict[str, tuple[float, Array]]) -> tuple[float, Array]:
    """Geometric mean over the mlp nets over that of the cnn nets: value and resamples."""
    value, draws = 0.0, np.zeros(RESAMPLES)
    for arch, sign in (("mlp", 1.0), ("cnn", -1.0)):
        nets = [v for net, v in found.items() if net.startswith(arch)]
        value += sign * np.mean([np.log(v) for v, _ in nets])
        draws = draws + sign * np.mean([np.log(d) for _, d in nets], axis=0)
    return float(np.exp(value)), np.exp(draws)


def four_times(runs: RunTable, held: NDArray[np.bool_], seed: int) -> tuple[float, Array]:
    """Mean |relative error| over nets at the largest size, forecast from a fourth of it."""
    known = runs.take(~held)
    fitted = fit(known, LAW, objective="lsq-log", by="net", free=("E", "B"), starts=64, seed=seed)
    drawn = fitted.problem.natural(
        refit(fitted.problem, fitted.theta, resamples(known, seed)).theta
    )
    rng = np.random.default_rng([seed, 4])
    nets = np.unique(runs["net"].astype(str))
    value, draws = 0.0, np.zeros(RESAMPLES)
    for net in nets:
        own = runs["net"] == net
        top = runs["n"][own].max()
        truth = runs["err"][own & (runs["n"] == top)]
        again = truth[rng.integers(0, len(truth), (RESAMPLES, len(truth)))].mean(1)
        ahead = LAW.predict({"n": [top]}, drawn[:, fitted.columns_of(str(net))])[:, 0]
        at = fitted.predict({"n": [top]}, group=str(net))[0]
        value += abs(at / truth.mean() - 1.0) / len(nets)
        draws += np.abs(ahead / again - 1.0) / len(nets)
    return float(value), draws


def f_test(shared: Fit, free: Fit) -> float:
    """Chance of a gain as large as freeing the exponents brought, were they all the same."""
    from scipy.stats import f

    more = len(free.theta) - len(shared.theta)
    left = len(free.residuals) - len(free.theta)
    rss = [float((one.residuals**2).sum()) for one in (shared, free)]
    return float(f.sf((rss[0] - rss[1]) / more / (rss[1] / left), more, left))


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Forecast 4 times the data; compare exponents and offsets between architectures."""
    numbers: dict[str, Number] = {}
    recorded, data = table("teacher_curves", rerun=rerun, progress=progress)
    runs, held = curves(recorded, bend=2.0 if falsified else 1.0)
    off, draws = four_times(runs, held, seed)
    numbers["four_times_off"] = number(
        off, draws, most=OFF, what="mean |relative error| over nets of the error at 4x data"
    )
    shared, free = (
        fit(runs, LAW, objective="lsq-log", by="net", free=names, starts=64, seed=seed)
        for names in (("E", "B"), ("E", "B", "beta"))
    )
    weights = resamples(runs, seed)
    numbers["exponent_ratio"] = number(
        *contrast(parameters(free, "beta", weights)),
        least=RATIO[0],
        most=RATIO[1],
        what="exponent of the MLPs over that of the CNNs, fitted freely",
    )
    numbers["offset_ratio"] = number(
        *contrast(parameters(shared, "B", weights)),
        least=SHIFT,
        what="offset of the MLPs over that of the CNNs, at one exponent",
    )
    p = f_test(shared, free)
    numbers["shared_p"] = Number(p, p, p, what="F test of one exponent for all nets")
    numbers["exponent"] = number(
        shared.params["beta"],
        shared.problem.natural(refit(shared.problem, shared.theta, weights).theta)[
            :, shared.names.index("beta")
        ],
        what="the shared exponent",
    )
    digits, other = table("digits_mlp", rerun=False, progress=progress)
    numbers["digits_four_times_off"] = number(
        *four_times(*curves(digits), seed), what="the same 4x error on handwritten digits"
    )
    return judge(numbers, data, other)


STUDY = Study(
    name="learning_curve_regions",
    papers=("Deep Learning Scaling is Predictable, Empirically",),
    claim="Error against data goes from chance through a power law to a floor, can be forecast "
    "from small data, and a better architecture shifts the offset, not the exponent.",
    criteria=f"On teacher_curves the error at 4 times the data is forecast within {OFF:.0%} on "
    f"average over four nets, the exponents of MLPs and CNNs agree within {RATIO[0]:.2f} to "
    f"{RATIO[1]:.2f}, and their offsets differ by {SHIFT} times or more.",
    check=check,
    full="trains teacher_curves again (about eight minutes on two cores; needs torch)",
    falsified="sizes of the convolutional nets stretched, which halves their exponent",
    note="Not on every curve: the handwritten digits reach their power region only at a sixth "
    "of the largest size, and the forecast there is far too high (digits_four_times_off). "
    "'Unchanged' is tested as agreement within limits, since an F test alone rewards noise; in "
    "the strict sense it is false here: exponents of MLPs are smaller by a seventh (shared_p).",
)
