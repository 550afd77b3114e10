"""The posterior against what is known in closed form, and against the profile."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import numpy as np
import pytest

from forescale.errors import BadOption, MissingExtra
from forescale.fit import Fit, Flag, fit
from forescale.laws import get
from forescale.runs import RunTable
from forescale.uncertainty import apart, assess

needs_emcee = pytest.mark.skipif(find_spec("emcee") is None, reason="emcee is not installed")


def table(tops: tuple[float, float], side: int, noise: float, seed: int = 0) -> RunTable:
    """side x side sizes and token counts under the Chinchilla law."""
    law = get("chinchilla")
    n, d = np.meshgrid(np.logspace(7, tops[0], side), np.logspace(8.5, tops[1], side))
    x = {"N": n.ravel(), "D": d.ravel()}
    error = np.exp(noise * np.random.default_rng(seed).normal(size=n.size))
    return RunTable({**x, "L": law.predict(x, law.typical) * error})


@pytest.fixture(scope="module")
def rich() -> Fit:
    return fit(table((9.8, 11.5), 8, 0.002), starts=32)


@pytest.fixture(scope="module")
def poor() -> Fit:
    return fit(table((7.6, 9.1), 4, 0.006, seed=1), starts=32)


def disagreements(fitted: Fit) -> list[Flag]:
    return [f for f in fitted.flags if f.name == "intervals disagree"]


@needs_emcee
def test_a_straight_lines_posterior_is_the_student_t_of_the_textbook() -> None:
    from scipy.stats import t

    rng = np.random.default_rng(0)
    x = np.linspace(1.0, 10.0, 12)
    y = 2.0 + 0.3 * x + 0.1 * rng.normal(size=12)
    fitted = fit(RunTable({"x": x, "L": y}), "E + s*x", objective="lsq",
                 bounds={"E": (-100.0, 100.0), "s": (-100.0, 100.0)})  # fmt: skip
    drawn = assess(fitted, "posterior", resamples=4000)
    design = np.stack([np.ones(12), x], axis=1)
    beta, square, *_ = np.linalg.lstsq(design, y, rcond=None)
    error = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * square[0] / 10)
    half = float(t.ppf(0.95, 10)) * error
    for k, name in enumerate(("E", "s")):
        lo, hi = drawn.intervals[name]
        # The prior weighs as much as one run of twelve.
        assert lo == pytest.approx(beta[k] - half[k], abs=0.25 * half[k])
        assert hi == pytest.approx(beta[k] + half[k], abs=0.25 * half[k])
    assert drawn.draws is not None
    assert drawn.draws.notes == ()


@needs_emcee
def test_where_runs_are_rich_posterior_bootstrap_and_profile_agree(rich: Fit) -> None:
    for method in ("posterior", "pairs"):
        found = assess(rich, method, resamples=1000, cross_check=True)
        assert disagreements(found) == []
        assert any(f.name == "intervals agree" and method in f.message for f in found.flags)
        assert found.health == "ok"
        # The intervals stay those of the method that was asked for.
        assert found.profiled is None


@needs_emcee
def test_where_runs_are_poor_they_disagree_and_it_is_flagged(poor: Fit) -> None:
    found = assess(poor, "posterior", resamples=1000, cross_check=True)
    said = [f.message for f in disagreements(found)]
    assert any(m.startswith("interval of E disagrees: profile [") for m in said)
    assert all("against posterior [" in m and "do not tell it well" in m for m in said)
    assert "intervals disagree" in found.health
    # Another method's intervals bring their own flags, not these.
    assert disagreements(assess(found, "sandwich")) == []


def test_a_profile_is_checked_against_the_draws_auto_would_make(rich: Fit) -> None:
    found = assess(rich, "profile", resamples=400, cross_check=True)
    assert found.profiled is not None
    assert any("profile and pairs intervals agree" in f.message for f in found.flags)


def test_clusters_cannot_be_cross_checked(rich: Fit) -> None:
    with pytest.raises(BadOption, match="independently"):
        assess(rich, "cluster", cluster="N", cross_check=True)


def test_without_emcee_one_line_says_what_to_install(rich: Fit, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "emcee", None)
    with pytest.raises(MissingExtra, match=r"forescale\[bayes\]"):
        assess(rich, "posterior")


@needs_emcee
def test_a_chain_that_drifts_is_told_from_one_that_has_mixed() -> None:
    from forescale.uncertainty.posterior import MIXED, _doubts, r_hat

    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(200, 20, 3))
    assert r_hat(mixed) < 1.01
    drifting = mixed + np.linspace(0, 2, 200)[:, None, None]
    assert r_hat(drifting) > MIXED
    split = mixed + np.repeat([0.0, 2.0], 10)[None, :, None]
    assert r_hat(split) > MIXED
    assert _doubts(20.0, 1000, 1.01) == ()
    (short,) = _doubts(200.0, 1000, 1.01)
    assert "5 autocorrelation times" in short
    (unmixed,) = _doubts(20.0, 1000, 1.3)
    assert "R-hat 1.30" in unmixed


@pytest.mark.parametrize(
    ("one", "other", "log", "wanted"),
    [
        ((0.0, 1.0), (0.0, 1.0), False, 0.0),
        ((0.0, 1.0), (0.5, 1.5), False, 0.5),
        ((1.0, 100.0), (1.0, 10.0), True, 2 / 3),
        ((0.0, 1.0), (0.1, 1.0), True, np.inf),
        ((1.0, np.inf), (1.0, 5.0), False, np.inf),
        ((1.0, np.inf), (1.0, np.inf), False, 0.0),
    ],
)
def test_how_far_apart_two_intervals_are(one, other, log: bool, wanted: float) -> None:
    assert apart(one, other, log=log) == pytest.approx(wanted)
    assert apart(other, one, log=log) == pytest.approx(wanted)
