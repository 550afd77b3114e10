"""Planted truth comes back; what was asked for is what was done."""

import numpy as np
import pytest
from scipy.optimize import minimize

from forescale.errors import BadOption, BadTable, TooFewRuns, UnknownName
from forescale.fit import fit
from forescale.laws import get
from forescale.runs import RunTable

TRUTH = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
#: Ten times the compute of the largest simulated run, at its compute-optimal size.
BEYOND = {"N": np.array([5e10]), "D": np.array([1e12])}


def true_loss(x):
    return get("chinchilla").predict(x, TRUTH)


def names_of(found):
    return {f.name for f in found.flags}


def test_exact_runs_give_the_planted_parameters_exactly(simulate):
    found = fit(simulate(n=40))
    assert found.converged
    assert found.params == pytest.approx(TRUTH, rel=1e-6)
    assert np.abs(found.residuals).max() < 1e-9


@pytest.mark.parametrize("objective", ["huber", "hoffmann", "lsq-log", "lsq", "student"])
def test_noisy_runs_give_the_planted_parameters_within_their_errors(simulate, objective):
    found = fit(simulate(n=150, noise=0.004, seed=1), objective=objective)
    assert found.converged
    for name, value in TRUTH.items():
        assert abs(found.params[name] - value) < 4 * found.errors[name]
    assert found.predict(BEYOND) == pytest.approx(true_loss(BEYOND), rel=0.01)


@pytest.mark.parametrize("objective", ["huber", "student"])
def test_one_bad_run_in_ten_does_not_move_a_robust_fit(simulate, objective):
    clean = simulate(n=100, noise=0.003, seed=2)
    y = np.array(clean["L"])
    bad = np.arange(0, 100, 10)
    y[bad] *= np.exp(np.random.default_rng(0).uniform(0.1, 0.5, size=10))
    spoiled = RunTable({"N": clean["N"], "D": clean["D"], "L": y})
    reference = fit(clean).predict(BEYOND)
    robust = fit(spoiled, objective=objective).predict(BEYOND)
    naive = fit(spoiled, objective="lsq-log").predict(BEYOND)
    assert abs(robust / reference - 1) < 0.005
    # The control: least squares is moved several times further.
    assert abs(naive / reference - 1) > 4 * abs(robust / reference - 1)


def test_under_tuned_runs_do_not_raise_the_frontier_of_a_one_sided_fit(simulate):
    clean = simulate(n=120, noise=0.001, seed=3)
    rng = np.random.default_rng(3)
    late = rng.random(120) < 0.6
    y = clean["L"] * np.where(late, 1 + rng.uniform(0.03, 0.12, size=120), 1.0)
    runs = RunTable({"N": clean["N"], "D": clean["D"], "L": y})
    one_sided = fit(runs, objective="one-sided")
    assert one_sided.predict(BEYOND) == pytest.approx(true_loss(BEYOND), rel=0.005)
    squares = fit(runs, objective="lsq-log").predict(BEYOND)
    assert squares / true_loss(BEYOND) - 1 > 0.04
    assert 0.4 < one_sided.problem.rho.share < 0.8


def test_the_noise_found_is_the_noise_planted(simulate):
    for objective in ("huber", "lsq-log"):
        found = fit(simulate(n=300, noise=0.01, seed=4), objective=objective)
        assert found.sigma == pytest.approx(0.01, rel=0.12)
    found = fit(simulate(n=300, noise=0.01, seed=4), objective="student")
    assert 0.005 < found.sigma < 0.011  # the scale of a t with 4 degrees of freedom is smaller


def test_the_huber_objective_is_the_one_scipy_minimises(simulate):
    runs = simulate(n=60, noise=0.01, seed=5)
    found = fit(runs, objective="hoffmann")

    def published(t):
        a, b, e, alpha, beta = t
        terms = np.stack(
            [a - alpha * np.log(runs["N"]), b - beta * np.log(runs["D"]), np.full(60, e)]
        )
        r = np.abs(np.logaddexp.reduce(terms) - np.log(runs["L"]))
        return np.where(r <= 1e-3, 0.5 * r * r, 1e-3 * (r - 0.5e-3)).sum()

    p = found.params
    ours = [np.log(p["A"]), np.log(p["B"]), np.log(p["E"]), p["alpha"], p["beta"]]
    assert published(ours) == pytest.approx(found.value, rel=1e-9)
    starts = np.array(ours) + np.random.default_rng(0).normal(size=(10, 5)) * 0.3
    best = min(minimize(published, s, method="L-BFGS-B").fun for s in starts)
    assert found.value <= best * (1 + 1e-9)


def test_units_do_not_matter(simulate):
    runs = simulate(n=60, noise=0.004, seed=6)
    millions = RunTable({"N": runs["N"] / 1e6, "D": runs["D"] / 1e9, "L": runs["L"]})
    a, b = fit(runs).params, fit(millions).params
    assert b["E"] == pytest.approx(a["E"], rel=1e-6)
    assert b["alpha"] == pytest.approx(a["alpha"], rel=1e-6)
    assert b["A"] * 1e6 ** b["alpha"] == pytest.approx(a["A"], rel=1e-5)
    assert b["B"] * 1e9 ** b["beta"] == pytest.approx(a["B"], rel=1e-5)


@pytest.mark.parametrize("formula", ["E + A*N^-a + B*D^-b", "E + (A*N^-a + B*D^-b)^k"])
def test_units_do_not_matter_for_a_typed_formula(simulate, formula):
    runs = simulate(n=60, noise=0.004, seed=6)
    millions = RunTable({"N": runs["N"] / 1e6, "D": runs["D"] / 1e9, "L": runs["L"]})
    a, b = fit(runs, formula), fit(millions, formula)
    assert b.value == pytest.approx(a.value, rel=1e-6)
    near = {"N": BEYOND["N"] / 1e6, "D": BEYOND["D"] / 1e9}
    assert b.predict(near) == pytest.approx(a.predict(BEYOND), rel=1e-4)


def test_the_order_of_the_rows_does_not_matter(simulate):
    runs = simulate(n=60, noise=0.01, seed=7)
    mixed = runs.take(np.random.default_rng(0).permutation(60))
    assert fit(mixed).params == pytest.approx(fit(runs).params, rel=1e-5)


def test_the_same_call_gives_the_same_bits_and_another_seed_the_same_fit(simulate):
    runs = simulate(n=60, noise=0.01, seed=8)
    a, b = fit(runs), fit(runs)
    np.testing.assert_array_equal(a.theta, b.theta)
    np.testing.assert_array_equal(a.covariance, b.covariance)
    assert fit(runs, seed=3).value == pytest.approx(a.value, rel=1e-5)


def test_groups_share_what_is_not_free(simulate):
    web = simulate(n=40, noise=0.002, seed=9)
    books = simulate(theta=TRUTH | {"B": 4000.0, "beta": 0.38}, n=40, noise=0.002, seed=10)
    runs = RunTable(
        {c: np.concatenate([web[c], books[c]]) for c in ("N", "D", "L")}
        | {"corpus": np.repeat(["web", "books"], 40)}
    )
    found = fit(runs, by="corpus", free=["B", "beta"])
    assert set(found.names) == {"E", "A", "alpha", "B[web]", "beta[web]", "B[books]", "beta[books]"}
    assert found.converged
    assert found.params["beta[web]"] == pytest.approx(0.3658, abs=4 * found.errors["beta[web]"])
    assert found.params["beta[books]"] == pytest.approx(0.38, abs=4 * found.errors["beta[books]"])
    # A shared fit of groups that differ is worse.
    assert fit(runs, by="corpus").sigma > 1.5 * found.sigma


def test_a_scale_shared_by_groups_of_other_exponents_is_that_of_the_formula(simulate):
    """Shared is A itself, not what A stands for at the middle of the runs."""
    web = simulate(n=40, noise=0.001, seed=9)
    books = simulate(theta=TRUTH | {"alpha": 0.39}, n=40, noise=0.001, seed=10)
    runs = RunTable(
        {c: np.concatenate([web[c], books[c]]) for c in ("N", "D", "L")}
        | {"corpus": np.repeat(["web", "books"], 40)}
    )
    found = fit(runs, by="corpus", free=["alpha"])
    assert found.converged
    wanted = TRUTH | {"alpha[web]": TRUTH["alpha"], "alpha[books]": 0.39}
    for name, value in found.params.items():
        assert value == pytest.approx(wanted[name], abs=4 * found.errors[name]), name
    assert found.sigma == pytest.approx(0.001, rel=0.3)


def test_with_everything_free_each_group_is_fitted_as_if_alone(simulate):
    web = simulate(n=40, noise=0.002, seed=9)
    books = simulate(theta=TRUTH | {"E": 1.5, "beta": 0.38}, n=40, noise=0.002, seed=10)
    runs = RunTable(
        {c: np.concatenate([web[c], books[c]]) for c in ("N", "D", "L")}
        | {"corpus": np.repeat(["web", "books"], 40)}
    )
    together = fit(runs, objective="lsq-log", by="corpus", free=list(TRUTH))
    for name, alone in (("web", web), ("books", books)):
        single = fit(alone, objective="lsq-log").params
        for n, v in single.items():
            assert together.params[f"{n}[{name}]"] == pytest.approx(v, rel=1e-5)


def test_a_fixed_parameter_is_not_fitted(simulate):
    found = fit(simulate(n=40, noise=0.002), fix={"E": 1.8172, "alpha": 0.3478})
    assert found.names == ("A", "B", "beta")
    assert found.params["A"] == pytest.approx(482.01, rel=0.02)


def test_fixing_at_the_optimum_changes_nothing_and_elsewhere_is_worse(simulate):
    runs = simulate(n=50, noise=0.005, seed=11)
    free = fit(runs, objective="lsq-log")
    at = fit(runs, objective="lsq-log", fix={"alpha": free.params["alpha"]})
    assert at.value == pytest.approx(free.value, rel=1e-9)
    assert at.params["B"] == pytest.approx(free.params["B"], rel=1e-4)
    assert fit(runs, objective="lsq-log", fix={"alpha": 0.5}).value > 1.1 * free.value


def test_a_bound_that_binds_is_reached_and_named(simulate):
    found = fit(simulate(n=50, noise=0.002), bounds={"alpha": (0.0, 0.3)})
    assert found.params["alpha"] == 0.3
    assert "at bound" in names_of(found)
    assert any("AT BOUND: alpha" in f.message for f in found.flags)
    assert found.errors["alpha"] == 0


def test_a_truth_without_floor_ends_at_the_bound_cleanly(simulate):
    runs = simulate(theta=TRUTH | {"E": 0.0}, n=60, noise=0.002, seed=1)
    # A floor is only asked to be below zero for half of all noise; take one that does.
    low = fit(
        RunTable({"N": runs["N"], "D": runs["D"], "L": runs["L"] - 0.02 * runs["L"].min()}),
        objective="lsq-log",
    )
    assert low.params["E"] == 0.0
    assert low.converged
    assert low.params["alpha"] == pytest.approx(0.35, abs=0.02)


def test_a_strong_prior_wins_and_a_weak_one_yields(simulate):
    runs = simulate(n=50, noise=0.01, seed=12)
    free = fit(runs).params["alpha"]
    assert fit(runs, priors={"alpha": (0.5, 1e-6)}).params["alpha"] == pytest.approx(0.5, abs=1e-4)
    assert fit(runs, priors={"alpha": (0.5, 1e3)}).params["alpha"] == pytest.approx(free, abs=1e-6)
    between = fit(runs, priors={"alpha": (0.5, 0.05)}).params["alpha"]
    assert free < between < 0.5


def test_a_prior_on_a_scale_is_meant_in_the_users_units(simulate):
    runs = simulate(n=50, noise=0.01, seed=12)
    found = fit(runs, priors={"A": (700.0, 1e-6)})
    assert found.params["A"] == pytest.approx(700.0, rel=1e-3)


def test_weights_select_rows(simulate):
    runs = simulate(n=60, noise=0.01, seed=13)
    keep = np.arange(60) % 3 > 0
    weighted = fit(runs.with_column("w", keep.astype(float)), objective="hoffmann", weights="w")
    assert weighted.params == pytest.approx(
        fit(runs.take(keep), objective="hoffmann").params, rel=1e-5
    )


def test_too_few_runs_name_the_parameters_and_the_way_out(simulate):
    with pytest.raises(TooFewRuns, match="5 parameters") as caught:
        fit(simulate(n=5))
    assert "add 1 runs" in str(caught.value)


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"law": "chinchila"}, UnknownName),
        ({"objective": "hubert"}, UnknownName),
        ({"free": ["A"]}, BadOption),
        ({"fix": {"gamma": 1.0}}, BadOption),
        ({"bounds": {"gamma": (0.0, 1.0)}}, BadOption),
        ({"priors": {"alpha": (0.3, 0.0)}}, BadOption),
        ({"fix": TRUTH}, BadOption),
    ],
)
def test_what_cannot_be_done_is_said(simulate, how, error):
    with pytest.raises(error):
        fit(simulate(n=20), **how)


def test_a_loss_that_no_logarithm_takes_is_named_by_its_row(simulate):
    runs = simulate(n=20)
    y = np.array(runs["L"])
    y[4] = -1.0
    with pytest.raises(BadTable, match="L is -1") as caught:
        fit(RunTable({"N": runs["N"], "D": runs["D"], "L": y}))
    assert "row 5" in str(caught.value)
