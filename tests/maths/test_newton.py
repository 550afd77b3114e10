"""The batched minimiser on functions whose minima are known."""

import numpy as np
import pytest
from scipy.optimize import minimize

from forescale.maths.newton import minimise

FREE = np.array([-np.inf, -np.inf])


def rosenbrock(t, _rows=None):
    x, y = t.T
    u = y - x * x
    f = (1 - x) ** 2 + 100 * u * u
    g = np.stack([-2 * (1 - x) - 400 * x * u, 200 * u], axis=1)
    h = np.empty((len(t), 2, 2))
    h[:, 0, 0] = 2 - 400 * u + 800 * x * x
    h[:, 0, 1] = h[:, 1, 0] = -400 * x
    h[:, 1, 1] = 200
    return f, g, h


def quadratic(matrix, centre):
    def f(t, rows):
        d = t - centre
        return (
            0.5 * np.einsum("ki,ij,kj->k", d, matrix, d),
            d @ matrix,
            np.broadcast_to(matrix, (len(t), *matrix.shape)).copy(),
        )

    return f


def test_a_batch_of_rosenbrock_valleys_ends_at_one_one():
    start = np.random.default_rng(0).uniform(-3, 3, size=(200, 2))
    found = minimise(rosenbrock, start, FREE, -FREE, tolerance=1e-14)
    assert found.converged.all()
    np.testing.assert_allclose(found.theta, 1.0, atol=1e-5)
    assert (found.value < 1e-9).all()


def test_a_quadratic_takes_a_handful_of_evaluations():
    found = minimise(
        quadratic(np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([1.0, -2.0])),
        np.zeros((3, 2)),
        FREE,
        -FREE,
        tolerance=1e-6,
    )
    assert found.converged.all()
    assert found.evaluations <= 3 * 5
    np.testing.assert_allclose(found.theta, [[1.0, -2.0]] * 3, atol=1e-4)


def test_at_a_bound_the_gradient_points_outwards_and_is_zero_elsewhere():
    rng = np.random.default_rng(1)
    for seed in range(20):
        a = np.random.default_rng(seed).normal(size=(4, 4))
        matrix, centre = a @ a.T + 0.1 * np.eye(4), rng.normal(size=4) * 2
        f = quadratic(matrix, centre)
        low, high = -np.ones(4), np.ones(4)
        found = minimise(f, rng.uniform(-1, 1, size=(5, 4)), low, high)
        assert found.converged.all()
        _, g, _ = f(found.theta, None)
        at_low, at_high = found.theta <= low, found.theta >= high
        scale = np.abs(matrix).max()
        assert (g[at_low] >= -1e-6 * scale).all()
        assert (g[at_high] <= 1e-6 * scale).all()
        assert (np.abs(g[~(at_low | at_high)]) < 1e-4 * scale).all()
        # The flag names exactly the coordinates that a bound holds.
        np.testing.assert_array_equal(found.at_bound, (at_low & (g > 0)) | (at_high & (g < 0)))
        # A convex problem has one minimum wherever one starts.
        np.testing.assert_allclose(found.theta, found.theta[:1].repeat(5, 0), atol=1e-4)


def test_bounds_may_differ_between_problems_of_a_batch():
    f = quadratic(np.eye(2), np.array([5.0, 5.0]))
    upper = np.array([[1.0, 9.0], [9.0, 2.0], [9.0, 9.0]])
    found = minimise(f, np.zeros((3, 2)), -np.ones((3, 2)), upper)
    np.testing.assert_allclose(found.theta, [[1, 5], [5, 2], [5, 5]], atol=1e-4)
    np.testing.assert_array_equal(found.at_bound, [[1, 0], [0, 1], [0, 0]])


def test_frozen_coordinates_keep_their_start_even_outside_the_box():
    f = quadratic(np.array([[1.0, 0.3], [0.3, 1.0]]), np.zeros(2))
    found = minimise(
        f, np.array([[7.0, 1.0]]), -np.ones(2) * 5, np.ones(2) * 5, frozen=np.array([True, False])
    )
    assert found.theta[0, 0] == 7.0
    np.testing.assert_allclose(found.theta[0, 1], -2.1, atol=1e-5)
    assert found.converged[0]


def test_with_everything_frozen_the_start_is_the_answer():
    start = np.array([[0.5, 0.5]])
    found = minimise(rosenbrock, start, FREE, -FREE, frozen=np.array([True, True]))
    np.testing.assert_array_equal(found.theta, start)
    assert found.converged[0]
    np.testing.assert_allclose(found.value, rosenbrock(start)[0])


def test_stopped_early_it_does_not_claim_convergence():
    found = minimise(rosenbrock, np.array([[-1.2, 1.0]]), FREE, -FREE, max_iterations=3)
    assert not found.converged[0]
    assert found.decrement[0] > 0
    # What it returns is still the best point it saw.
    assert found.value[0] <= rosenbrock(np.array([[-1.2, 1.0]]))[0][0]


def test_a_saddle_is_left_and_never_called_a_minimum():
    def saddle(t, _rows):  # x^2 - y^2 + y^4: minima at y = +-1/sqrt(2), a saddle at 0
        x, y = t.T
        h = np.zeros((len(t), 2, 2))
        h[:, 0, 0], h[:, 1, 1] = 2, 12 * y * y - 2
        return x * x - y * y + y**4, np.stack([2 * x, 4 * y**3 - 2 * y], 1), h

    found = minimise(saddle, np.array([[1.0, 1e-6], [0.3, 0.0]]), FREE, -FREE)
    np.testing.assert_allclose(abs(found.theta[0, 1]), np.sqrt(0.5), atol=1e-4)
    assert found.converged[0]
    assert not found.converged[1]  # exactly on the ridge no gradient shows the way down


def test_infinite_values_are_stepped_around():
    def barrier(t, _rows):  # x - log x, minimum at 1, no value for x <= 0
        x = t[:, 0]
        with np.errstate(all="ignore"):
            f = np.where(x > 0, x - np.log(x), np.inf)
            return f, (1 - 1 / x)[:, None], (1 / x**2)[:, None, None]

    found = minimise(barrier, np.array([[10.0], [1e-3], [-1.0]]), FREE[:1], -FREE[:1])
    np.testing.assert_allclose(found.theta[:2, 0], 1.0, atol=1e-4)
    np.testing.assert_array_equal(found.converged, [True, True, False])
    assert not np.isfinite(found.value[2])


def test_a_problem_ends_the_same_whatever_else_is_in_its_batch():
    start = np.random.default_rng(5).uniform(-3, 3, size=(30, 2))
    low, high = np.array([-2.0, -1.5]), np.array([0.8, 4.0])
    together = minimise(rosenbrock, start, low, high)
    for i in range(30):
        alone = minimise(rosenbrock, start[i : i + 1], low, high)
        np.testing.assert_array_equal(alone.theta[0], together.theta[i])
        assert alone.value[0] == together.value[i]
        assert alone.converged[0] == together.converged[i]


def test_the_objective_is_asked_only_for_problems_still_open():
    seen = []

    def f(t, rows):
        seen.append(len(rows))
        return rosenbrock(t)

    start = np.array([[1.0, 1.0], [-1.2, 1.0]])
    found = minimise(f, start, FREE, -FREE)
    assert seen[0] == 2
    assert seen[-1] == 1
    assert found.evaluations == sum(seen)


@pytest.mark.parametrize("width", [0.1, 1.0])
def test_huber_regression_agrees_with_scipy(width):
    rng = np.random.default_rng(7)
    x = np.stack([np.ones(60), rng.normal(size=60)], 1)
    y = x @ [1.0, 2.0] + rng.standard_t(2, size=60)

    def huber(t, _rows=None):
        r = t @ x.T - y
        c = np.clip(r, -width, width)
        inside = (c == r).astype(float)
        return (
            (c * (r - 0.5 * c)).sum(1),
            c @ x,
            np.einsum("kn,ni,nj->kij", inside, x, x),
        )

    found = minimise(huber, rng.normal(size=(20, 2)) * 3, FREE, -FREE)
    value = minimize(
        lambda t: huber(t[None])[0][0],
        np.zeros(2),
        jac=lambda t: huber(t[None])[1][0],
        method="BFGS",
        options={"gtol": 1e-10},
    ).fun
    np.testing.assert_allclose(found.value, value, rtol=1e-9)


def test_with_a_minimum_of_zero_the_rounding_floor_lets_it_finish():
    f = quadratic(np.array([[1.0, 0.9], [0.9, 1.0]]), np.array([0.1, 0.7]))
    found = minimise(f, np.array([[3.0, 3.0]]), FREE, -FREE, rounding=1e-24)
    assert found.converged[0]
    assert found.value[0] < 1e-20


def test_a_start_beyond_every_residual_still_finds_the_minimum():
    # Where all residuals are on the linear branch the Hessian is exactly zero.
    def huber(t, _rows=None):
        r = t - np.linspace(-1, 1, 9)
        c = np.clip(r, -0.01, 0.01)
        return (
            (c * (r - 0.5 * c)).sum(1),
            c.sum(1, keepdims=True),
            (c == r).sum(1).astype(float)[:, None, None],
        )

    found = minimise(huber, np.array([[50.0], [-1e4]]), FREE[:1], -FREE[:1])
    assert found.converged.all()
    np.testing.assert_allclose(found.theta, 0.0, atol=1e-6)


def valley(t, _rows=None):
    """Rosenbrock's function as half a sum of squares, with Gauss and Newton's Hessian."""
    f, g, _ = rosenbrock(t)
    x = t[:, 0]
    j = np.zeros((len(t), 2, 2))  # of the residuals 1 - x and 10 (y - x^2), times sqrt(2)
    j[:, 0, 0], j[:, 1, 0], j[:, 1, 1] = -1, -20 * x, 10
    return f, g, 2 * np.einsum("kri,krj->kij", j, j)


def test_an_approach_ends_at_the_minimum_that_the_exact_hessian_finds():
    start = np.random.default_rng(0).uniform(-3, 3, size=(200, 2))
    low, high = np.array([-2.0, -1.5]), np.array([0.8, 4.0])
    for box in ((FREE, -FREE), (low, high)):
        plain = minimise(rosenbrock, start, *box, tolerance=1e-14)
        found = minimise(rosenbrock, start, *box, tolerance=1e-14, approach=valley)
        assert found.converged.all()
        np.testing.assert_allclose(found.theta, plain.theta, atol=1e-5)
        np.testing.assert_array_equal(found.at_bound, plain.at_bound)


def test_an_approach_proves_nothing():
    def ridge(t, _rows):  # x^2 - y^2 + y^4 from its saddle, where no gradient shows a way down
        x, y = t.T
        h = np.zeros((len(t), 2, 2))
        h[:, 0, 0], h[:, 1, 1] = 2, 12 * y * y - 2
        return x * x - y * y + y**4, np.stack([2 * x, 4 * y**3 - 2 * y], 1), h

    def bowl(t, rows):
        f, g, h = ridge(t, rows)
        return f, g, np.abs(h)

    found = minimise(ridge, np.zeros((1, 2)), FREE, -FREE, approach=bowl)
    assert not found.converged[0]


def test_a_poor_approach_costs_steps_and_no_more():
    def stiff(t, rows):
        f, g, _ = rosenbrock(t)
        return f, g, np.broadcast_to(2000 * np.eye(2), (len(t), 2, 2)).copy()

    start = np.random.default_rng(3).uniform(-2, 2, size=(50, 2))
    found = minimise(rosenbrock, start, FREE, -FREE, tolerance=1e-14, approach=stiff)
    assert found.converged.all()
    np.testing.assert_allclose(found.theta, 1.0, atol=1e-5)


def test_a_first_evaluation_at_hand_is_not_made_again():
    start = np.random.default_rng(0).uniform(-2, 2, size=(20, 2))
    plain = minimise(rosenbrock, start, FREE, -FREE)
    found = minimise(rosenbrock, start, FREE, -FREE, first=rosenbrock(start))
    np.testing.assert_array_equal(found.theta, plain.theta)
    assert found.evaluations == plain.evaluations - 20


def test_a_bent_first_step_follows_a_curved_valley():
    # Residuals a x and b (y - x^2): straight on from the floor is up the wall.
    a, b, start = 1.0, 30.0, np.array([[1.0, 1.0]])

    def f(t, _rows):
        x, y = t.T
        r = np.stack([a * x, b * (y - x * x)], 1)
        j = np.zeros((len(t), 2, 2))
        j[:, 0, 0], j[:, 1, 0], j[:, 1, 1] = a, -2 * b * x, b
        h = np.einsum("kri,krj->kij", j, j)
        h[:, 0, 0] += r[:, 1] * -2 * b
        return 0.5 * (r * r).sum(1), np.einsum("kri,kr->ki", j, r), h

    def bend(v, _rows):
        along = -2 * b * v[:, 0] ** 2  # of the second residual
        return np.stack([-2 * b * start[0, 0] * along, b * along], 1)

    plain = minimise(f, start, FREE, -FREE, rounding=1e-12)
    found = minimise(f, start, FREE, -FREE, rounding=1e-12, bend=bend)
    np.testing.assert_allclose(found.theta, 0.0, atol=1e-3)
    assert found.evaluations < plain.evaluations


def test_what_is_left_to_gain_is_told_at_the_point_that_is_returned():
    def coarse(t, _rows=None):  # values in steps of a tenth: steps stop paying before the end
        f, g, h = rosenbrock(t)
        return np.ceil(10 * f) / 10, g, h

    start = np.random.default_rng(2).uniform(-3, 3, size=(60, 2))
    found = minimise(coarse, start, FREE, -FREE, tolerance=0.0)
    _, g, h = coarse(found.theta)
    stuck = ~found.converged & (np.linalg.eigvalsh(h)[:, 0] > 0)
    assert stuck.sum() > 5
    gain = 0.5 * np.einsum("ki,ki->k", g, np.linalg.solve(h, g[:, :, None])[:, :, 0])
    np.testing.assert_allclose(found.decrement[stuck], gain[stuck], rtol=1e-6, atol=1e-12)


def test_where_there_is_no_value_everything_is_left_to_gain():
    def nowhere(t, _rows):
        k = len(t)
        return np.full(k, np.inf), np.zeros((k, 2)), np.broadcast_to(np.eye(2), (k, 2, 2)).copy()

    found = minimise(nowhere, np.zeros((3, 2)), FREE, -FREE)
    assert not found.converged.any()
    assert np.isinf(found.decrement).all()


def test_a_step_that_meets_a_wall_is_solved_for_the_rest() -> None:
    # A narrow valley that crosses the wall x = 0: clipping alone would creep along it.
    h = np.array([[1.0, 0.999], [0.999, 1.0]])
    target = np.array([-3.0, 1.0])

    def quadratic(t: np.ndarray, _: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        d = t - target
        g = d @ h
        return 1.0 + 0.5 * (d * g).sum(1), g, np.broadcast_to(h, (len(t), 2, 2)).copy()

    start = np.array([[5.0, 5.0], [1e-3, -4.0]])
    found = minimise(quadratic, start, np.array([0.0, -np.inf]), np.full(2, np.inf))
    assert found.converged.all()
    assert found.at_bound.tolist() == [[True, False]] * 2
    # On the wall the other coordinate answers for both.
    np.testing.assert_allclose(found.theta[:, 1], 1.0 - 0.999 * 3.0, rtol=1e-6)
    assert found.evaluations <= 12
