"""How wide the methods' intervals are, where theory or a planted truth tells."""

from collections.abc import Callable

import numpy as np
import pytest

from forescale.errors import BadOption, TooFewRuns
from forescale.fit import Fit, fit
from forescale.laws import get
from forescale.runs import RunTable
from forescale.uncertainty import assess

Tables = Callable[..., RunTable]


def errors(fitted: Fit) -> np.ndarray:
    return np.array([fitted.errors[n] for n in fitted.names])


def test_pairs_and_sandwich_agree_on_well_behaved_runs() -> None:
    rng = np.random.default_rng(0)
    law = get("chinchilla")
    x = {"N": 10 ** rng.uniform(7, 9.5, 200), "D": 10 ** rng.uniform(8.5, 11, 200)}
    y = law.predict(x, law.typical) * np.exp(0.004 * rng.normal(size=200))
    table = fit(RunTable({**x, "L": y}), objective="lsq-log")
    pairs = errors(assess(table, "pairs", resamples=600))
    quick = errors(assess(table, "sandwich", resamples=4000))
    np.testing.assert_allclose(pairs, quick, rtol=0.25)


def test_the_error_of_a_slope_is_the_textbook_one() -> None:
    # A line through the origin, y = m x: the error of m is s / sqrt(sum of x^2).
    rng = np.random.default_rng(1)
    x = np.linspace(1.0, 2.0, 50)
    y = 3.0 * x + 0.1 * rng.normal(size=50)
    fitted = fit(RunTable({"C": x, "L": y}), "m*C", objective="lsq")
    m = (x * y).sum() / (x * x).sum()
    expected = np.sqrt(((y - m * x) ** 2).sum() / 49 / (x * x).sum())
    assert fitted.params["m"] == pytest.approx(m, rel=1e-9)
    for method in ("pairs", "sandwich", "residual", "bayesian"):
        found = assess(fitted, method, resamples=2000).errors["m"]
        assert found == pytest.approx(expected, rel=0.15), method


def test_cluster_is_wider_than_pairs_where_sizes_err_as_a_whole(grid: Tables) -> None:
    table = grid(seed=3, noise=0.001, cluster_noise=0.006)
    table = fit(table)
    pairs = assess(table, "pairs", resamples=400)
    cluster = assess(table, "cluster", resamples=400, cluster="group")
    assert cluster.errors["alpha"] > 1.4 * pairs.errors["alpha"]


def test_cluster_is_no_wider_where_rows_are_independent(grid: Tables) -> None:
    table = fit(grid(seed=3))
    pairs = assess(table, "pairs", resamples=400)
    cluster = assess(table, "cluster", resamples=400, cluster="group")
    ratio = errors(cluster) / errors(pairs)
    assert 0.4 < np.median(ratio) < 1.6


def test_naming_a_cluster_column_is_enough_to_cluster(grid: Tables) -> None:
    table = assess(fit(grid(seed=3)), cluster="group", resamples=50)
    assert table.draws is not None
    assert table.draws.method == "cluster"
    assert any("6 clusters" in note for note in table.draws.notes)


def test_a_method_that_cannot_cluster_refuses_a_cluster_column(grid: Tables) -> None:
    # Silently independent intervals would be narrower than the user asked for.
    with pytest.raises(BadOption, match="cluster"):
        assess(fit(grid(seed=3)), "residual", cluster="group")


def test_three_clusters_are_too_few_to_resample(grid: Tables) -> None:
    table = grid().with_column("third", np.array([f"t{i // 10}" for i in range(30)], object))
    with pytest.raises(TooFewRuns, match="3 clusters"):
        assess(fit(table), cluster="third")


def test_rows_of_one_run_are_clustered_unasked(line: Tables) -> None:
    table = line(24).with_column("run", np.array([f"r{i // 2}" for i in range(24)], object))
    found = assess(fit(table, "power"), resamples=50)
    assert found.draws is not None
    assert found.draws.method == "cluster"


def test_many_runs_draw_runs_and_few_runs_draw_noise(line: Tables, grid: Tables) -> None:
    few, many = assess(fit(line(8), "power"), resamples=30), assess(fit(grid()), resamples=30)
    assert few.draws is not None
    assert many.draws is not None
    assert (few.draws.method, many.draws.method) == ("residual", "pairs")


def test_six_runs_for_three_parameters_get_intervals_of_a_student_t(line: Tables) -> None:
    # Three degrees of freedom: the 90 % quantile of t is 2.35, not 1.64, of the scale found.
    ratios = []
    for seed in range(12):
        fitted = fit(line(6, seed=seed), "power", objective="lsq-log")
        lo, hi = assess(fitted, "residual", resamples=400).intervals["E"]
        ratios.append(0.5 * (hi - lo) / fitted.errors["E"])
    assert 1.9 < np.median(ratios) < 3.6


def test_bayesian_weights_never_lose_a_parameter_that_two_runs_tell() -> None:
    # Only the last two runs differ in D: a resample without both says nothing about beta.
    law = get("chinchilla")
    n = np.logspace(7, 9, 12)
    x = {"N": np.append(n, [1e8, 1e8]), "D": np.append(np.full(12, 1e10), [1e9, 1e11])}
    y = law.predict(x, law.typical) * np.exp(0.002 * np.random.default_rng(0).normal(size=14))
    fitted = fit(RunTable({**x, "L": y}), "chinchilla", fix={"E": 1.8172})
    bayes = assess(fitted, "bayesian", resamples=200).draws
    pairs = assess(fitted, "pairs", resamples=200).draws
    assert bayes is not None
    assert pairs is not None
    beta = fitted.names.index("beta")
    # A parameter that a resample does not tell stays where it was.
    moved = [np.abs(d.natural[:, beta] - fitted.params["beta"]) for d in (bayes, pairs)]
    assert (moved[0] > 1e-5).all()
    assert 0.03 < np.mean(moved[1] < 1e-5) < 0.25


def test_row_weights_reach_the_resamples(line: Tables) -> None:
    # Rows of weight zero may hold nonsense.
    clean = line(24, seed=5)
    y = clean["L"].copy()
    y[::6] *= 3.0
    weights = np.ones(24)
    weights[::6] = 0.0
    spoiled = RunTable({"C": clean["C"], "L": y, "w": weights})
    for method in ("pairs", "bayesian", "sandwich", "residual"):
        found = assess(fit(spoiled, "power", weights="w"), method, resamples=100)
        assert found.errors["E"] < 0.2, method
