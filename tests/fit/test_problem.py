"""The problem a fit solves: its derivatives, its coordinates, its weights."""

from dataclasses import replace

import numpy as np
import pytest

from forescale.fit import specify
from forescale.fit._build import build
from forescale.fit._rho import Rho

FORMULAS = {
    "separable": "E + A*N^-a + B*D^-b",
    "coupled": "E + (A*N^-a + B*D^-b)^k",
    "kaplan": "((Nc/N)^(aN/aD) + Dc/D)^aD",
    "joint": "E + A*N^-a*D^-b",
    "logistic": "E + A/(1 + exp(-(log(N) - 20)*s)) + B*D^-b",
}
RHOS = (
    Rho("square"),
    Rho("huber", width=0.02),
    Rho("student", sigma=0.02),
    Rho("one_sided", sigma=0.02, excess=0.05, share=0.4),
)


def problem_of(simulate, law="chinchilla", objective="lsq-log", **how):
    runs = simulate(n=40, noise=0.02, corpus=np.repeat(["a", "b"], 20), w=np.tile([1.0, 3.0], 20))
    return build(runs, specify(runs, law, objective=objective, **how))


def near(problem, k=4, seed=0):
    """Points where the law has sane values: scales of a few, exponents of a few tenths."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(0.2, 0.6, size=(k, problem.size))
    return np.clip(t, problem.lower, problem.upper)


def differences(problem, theta, weights=None, step=1e-5):
    """Gradient and Hessian of the objective by central differences of values and gradients."""
    p = problem.size
    g, h = np.empty((len(theta), p)), np.empty((len(theta), p, p))
    for j in range(p):
        e = np.zeros(p)
        e[j] = step
        g[:, j] = (problem.values(theta + e, weights) - problem.values(theta - e, weights)) / (
            2 * step
        )
        up, down = problem.all(theta + e, weights)[1], problem.all(theta - e, weights)[1]
        h[:, :, j] = (up - down) / (2 * step)
    return g, h


def check(problem, theta, weights=None):
    value, g, h = problem.all(theta, weights)
    np.testing.assert_allclose(value, problem.values(theta, weights), rtol=1e-12)
    g_plain, h_plain = differences(problem, theta, weights)
    np.testing.assert_allclose(g, g_plain, atol=1e-6 * np.abs(g).max())
    np.testing.assert_allclose(h, h_plain, atol=2e-5 * np.abs(h).max())
    np.testing.assert_allclose(h, np.swapaxes(h, 1, 2), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("rho", RHOS, ids=lambda r: r.shape)
@pytest.mark.parametrize("objective", ["lsq-log", "lsq"])
def test_derivatives_are_those_of_the_values(simulate, rho, objective):
    problem = problem_of(simulate, objective=objective)
    if rho.shape == "huber":
        rho = replace(rho, width=1e3)  # at the kink a finite difference sees both sides
    check(problem.with_rho(rho), near(problem))


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
@pytest.mark.parametrize("objective", ["lsq-log", "lsq"])
def test_derivatives_are_exact_for_any_formula(simulate, formula, objective):
    problem = problem_of(simulate, formula, objective)
    check(problem, near(problem))


def test_derivatives_hold_with_groups_priors_and_weights(simulate):
    problem = problem_of(
        simulate,
        by="corpus",
        free=["B", "beta"],
        priors={"alpha": (0.3, 0.1), "B": (400.0, 1.0)},
        weights="w",
    )
    assert problem.size == 7
    theta = near(problem)
    check(problem, theta)
    check(problem, theta, np.random.default_rng(0).uniform(0, 2, size=(len(theta), 40)))


@pytest.mark.parametrize("rho", RHOS, ids=lambda r: r.shape)
def test_the_loss_shapes_have_the_slope_and_curvature_they_say(rho):
    r = np.linspace(-0.1, 0.1, 401) + 1e-4
    step = 1e-6
    value, slope, curve = rho.all(r)
    np.testing.assert_allclose(value, rho.value(r))
    np.testing.assert_allclose(
        slope, (rho.value(r + step) - rho.value(r - step)) / (2 * step), atol=1e-8
    )
    np.testing.assert_allclose(
        curve, (rho.all(r + step)[1] - rho.all(r - step)[1]) / (2 * step), atol=1e-6
    )


def test_huber_is_quadratic_within_its_width_and_linear_beyond():
    value = Rho("huber", width=0.1).value(np.array([0.05, -0.05, 0.5, -2.0]))
    np.testing.assert_allclose(value, [0.00125, 0.00125, 0.045, 0.195])


@pytest.mark.parametrize("law", ["chinchilla", *FORMULAS.values()])
def test_natural_and_fitting_coordinates_are_inverse(simulate, law):
    problem = problem_of(simulate, law)
    theta = near(problem, k=7)
    np.testing.assert_allclose(problem.fitting(problem.natural(theta)), theta, rtol=1e-9)


@pytest.mark.parametrize("law", ["chinchilla", *FORMULAS.values()])
def test_predictions_do_not_depend_on_the_coordinates(simulate, law):
    problem = problem_of(simulate, law)
    if law == FORMULAS["logistic"]:
        pytest.skip("a constant inside a logarithm: only natural units mean something")
    theta = near(problem, k=3)
    natural = problem.natural(theta)
    x = {
        i: np.exp(v) * c
        for i, v, c in zip(problem.law.inputs, problem.inputs, problem.centres, strict=True)
    }
    np.testing.assert_allclose(problem.law.predict(x, natural), problem.predict(theta), rtol=1e-8)


def test_an_integer_weight_is_a_repeated_row(simulate):
    runs = simulate(n=30, noise=0.02)
    times = np.tile([1, 2, 0], 10)
    weighted = build(runs, specify(runs))
    repeated = replace(
        weighted,
        inputs=tuple(np.repeat(x, times) for x in weighted.inputs),
        y=np.repeat(weighted.y, times),
        weights=np.ones(times.sum()),
        group=np.repeat(weighted.group, times),
        _rows=(),
    )
    theta = near(weighted)
    for a, b in zip(weighted.all(theta, times * 1.0), repeated.all(theta), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_a_row_without_weight_may_be_impossible(simulate):
    problem = problem_of(simulate)
    problem = replace(problem, y=np.append(np.nan, problem.y[1:]))
    weights = np.ones(40)
    weights[0] = 0.0
    assert np.isfinite(problem.values(near(problem), weights)).all()


def test_parameter_vectors_are_evaluated_independently(simulate):
    problem = problem_of(simulate)
    theta = near(problem, k=6)
    w = np.random.default_rng(0).uniform(size=(6, 40))
    together = problem.all(theta, w)
    for i in range(6):
        alone = problem.all(theta[i : i + 1], w[i : i + 1])
        for a, b in zip(alone, together, strict=True):
            np.testing.assert_allclose(a[0], b[i], rtol=1e-12, atol=1e-14)


def test_the_jacobian_is_the_slope_of_the_residuals(simulate):
    problem = problem_of(simulate, by="corpus", free=["A"])
    theta = near(problem, k=1)[0]
    steps = 1e-6 * np.eye(problem.size)
    plain = (problem.residuals(theta + steps) - problem.residuals(theta - steps)).T / 2e-6
    np.testing.assert_allclose(problem.jacobian(theta), plain, atol=1e-7)


def test_a_point_without_a_value_is_infinite_and_raises_no_warning(simulate):
    problem = problem_of(simulate, "E - A*N^-a", objective="lsq-log")
    theta = np.array([[30.0, 0.0, 0.3]])[:, [problem.names.index(n) for n in ("A", "E", "a")]]
    value, g, h = problem.all(theta)
    assert value[0] == np.inf
    assert np.isfinite(g).all()
    assert np.isfinite(h).all()
