"""One evaluation for all resamples is the evaluation of each."""

import numpy as np
import pytest

from forescale.fit import fit, refit, specify
from forescale.fit._build import build
from forescale.fit._rho import Rho
from forescale.fit._shared import Shared
from forescale.laws import get
from forescale.maths.newton import minimise
from forescale.runs import RunTable

FORMULAS = {
    "separable": "E + A*N^-a + B*D^-b",
    "coupled": "E + (A*N^-a + B*D^-b)^k",
    "logistic": "E + A/(1 + exp(-(log(N) - 20)*s)) + B*D^-b",
}
RHOS = (
    Rho("square"),
    Rho("huber", width=0.02),
    Rho("student", sigma=0.02),
    Rho("one_sided", sigma=0.02, excess=0.05, share=0.4),
)
GROUPED = {"by": "corpus", "free": ["B", "beta"], "priors": {"alpha": (0.3, 0.1)}}


def problem_of(simulate, law="chinchilla", objective="lsq-log", **how):
    runs = simulate(n=40, noise=0.02, corpus=np.repeat(["a", "b"], 20))
    return build(runs, specify(runs, law, objective=objective, **how))


def near(problem, k=4):
    """Points where the law has sane values: scales of a few, exponents of a few tenths."""
    t = np.random.default_rng(0).uniform(0.2, 0.6, size=(k, problem.size))
    return np.clip(t, problem.lower, problem.upper)


def resamples(problem, k=7):
    n = len(problem.y)
    rng = np.random.default_rng(0)
    return rng.multinomial(n, np.full(n, 1 / n), k) * 1.0, problem.y * rng.uniform(0.9, 1.1, (k, n))


@pytest.mark.parametrize("rho", RHOS, ids=lambda r: r.shape)
@pytest.mark.parametrize("how", [{}, GROUPED], ids=["plain", "grouped"])
@pytest.mark.parametrize("objective", ["lsq-log", "lsq"])
def test_it_is_what_each_resample_would_find_by_itself(simulate, objective, how, rho):
    problem = problem_of(simulate, objective=objective, **how).with_rho(rho)
    theta = near(problem, 1)
    weights, other = resamples(problem)
    for observed in (None, other):
        one = Shared(problem, theta[0], weights, observed).parts
        each = problem.all(theta.repeat(7, 0), weights, observed, exact=False)
        for a, b in zip(one, each, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12 * np.abs(b).max())


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
@pytest.mark.parametrize("objective", ["lsq-log", "lsq"])
def test_the_bend_is_the_second_derivative_along_the_step(simulate, formula, objective):
    problem = problem_of(simulate, formula, objective)
    theta = near(problem, 1)
    weights, _ = resamples(problem, 3)
    step = np.random.default_rng(1).normal(size=(3, problem.size))
    h = 1e-4
    r = [problem.residuals(theta + s * h * step) for s in (-1, 0, 1)]
    along = (r[0] - 2 * r[1] + r[2]) / h**2
    want = (weights * along) @ problem.jacobian(theta[0])
    bend = Shared(problem, theta[0], weights).bend(step, np.arange(3))
    np.testing.assert_allclose(bend, want, atol=1e-5 * np.abs(want).max())


@pytest.mark.parametrize("rho", RHOS, ids=lambda r: r.shape)
def test_without_second_derivatives_only_the_hessian_differs(simulate, rho):
    problem = problem_of(simulate, **GROUPED).with_rho(rho)
    theta = near(problem)
    value, g, h = problem.all(theta, exact=False)
    exact = problem.all(theta)
    np.testing.assert_allclose(value, exact[0], rtol=1e-13)
    np.testing.assert_allclose(g, exact[1], rtol=1e-10, atol=1e-12 * np.abs(g).max())
    assert (np.linalg.eigvalsh(h) > -1e-10 * np.abs(h).max()).all()


@pytest.mark.parametrize("name", ["chinchilla", "bnsl", "parallel_streams", "m4"])
def test_refits_end_where_newtons_method_ends(name):
    law = get(name)
    u = np.random.default_rng(0).uniform(size=(len(law.inputs), 80))
    ends = zip(u, law.domain.items(), strict=True)
    x = {i: low * (high / low) ** v for v, (i, (low, high)) in ends}
    y = law.predict(x, law.typical)
    noise = 1 + 0.005 * np.random.default_rng(1).standard_t(4, 80)
    found = fit(RunTable({**x, law.predicts: y * noise}), law)
    problem = found.problem
    weights, _ = resamples(problem, 60)
    ends = refit(problem, found.theta, weights)
    plain = minimise(
        lambda t, rows: problem.all(t, weights[rows]),
        np.tile(found.theta, (60, 1)),
        problem.lower,
        problem.upper,
        rounding=problem.rounding,
    )
    assert ends.converged.all()
    assert (ends.value <= plain.value * (1 + 1e-9)).all()
    near_by = np.isclose(ends.value, plain.value, rtol=1e-9)
    assert near_by.mean() > 0.95
