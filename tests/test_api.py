"""What `import forescale as fs` offers, and fits that live through JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

import forescale as fs
from forescale import datasets
from forescale.cli._output import to_json
from forescale.errors import BadTable, ForescaleError
from forescale.fit import Fit
from forescale.laws import get

Run = Callable[..., CompletedProcess[str]]


def columns(seed: int = 0, noise: float = 0.004) -> dict[str, np.ndarray]:
    """Forty runs under the Chinchilla law, as a user holds them."""
    rng = np.random.default_rng(seed)
    law = get("chinchilla")
    x = {"N": 10 ** rng.uniform(7, 9.5, 40), "D": 10 ** rng.uniform(8.5, 11, 40)}
    y = law.predict(x, law.typical) * np.exp(noise * rng.normal(size=40))
    return {"params": x["N"], "tokens": x["D"], "loss": y}


def through_json(fit: Fit, folder: Path) -> Fit:
    path = folder / "fit.json"
    path.write_text(to_json(fit.to_dict()), encoding="utf-8")
    return fs.load(path)


def assert_same_forecast(one: Fit, two: Fit, **options: object) -> None:
    at = {"N": [1e9, 1e10], "D": [2e10, 2e11]}
    a, b = (fs.forecast(f, **at, **options).to_dict() for f in (one, two))
    for p, q in zip(a.pop("points"), b.pop("points"), strict=True):
        for band in ("L", "parameters_only"):
            for end in ("median", "lo", "hi"):
                assert q[band][end] == pytest.approx(p[band][end], rel=1e-12)
    assert a == b


@pytest.fixture(scope="module")
def fitted() -> Fit:
    return fs.fit(columns(), "chinchilla", resamples=100)


@pytest.mark.parametrize(
    "first",
    [
        "",
        "import forescale.fit",
        "import forescale.plan, forescale.forecast",
        "from forescale.fit import Fit",
        "from forescale import plan",
    ],
)
def test_functions_and_rooms_of_one_name_live_together(first: str, python: Run) -> None:
    done = python(
        "-c",
        f"{first}\nimport forescale as fs\n"
        "c = {'C': [10.0**k for k in range(18, 28)], 'loss': [2 + 3 * 0.7**k for k in range(10)]}\n"
        "f = fs.fit(c, 'power', resamples=20)\n"
        "print(fs.forecast(f, C=1e28).points[0].output)\n"
        "from forescale.fit import Fit, fit\nassert isinstance(f, Fit)\n"
        "try:\n    fs.plan(f, flops=1e20)\n"
        "except Exception as e:\n    print(type(e).__name__)\n",
    )
    assert (done.stdout.split(), done.stderr) == (["L", "BadOption"], "")


def test_importing_forescale_imports_nothing_heavy(python: Run) -> None:
    code = "import forescale, sys; print([m for m in ('numpy', 'scipy') if m in sys.modules])"
    assert python("-c", code).stdout.strip() == "[]"


def test_the_public_names_are_listed_and_others_refused() -> None:
    assert set(dir(fs)) == set(fs.__all__)
    with pytest.raises(AttributeError, match="fitt"):
        fs.fitt  # noqa: B018


def test_columns_frames_and_tables_are_read_alike(fitted: Fit) -> None:
    import pandas as pd

    table = fs.read(columns())
    frame = pd.DataFrame(columns())
    for runs in (table, frame):
        assert fs.fit(runs, "chinchilla", resamples=100).params == fitted.params


def test_a_table_that_we_ship_is_read_by_its_name() -> None:
    assert len(fs.read("stdlib_bytes")) == len(fs.read(datasets.path("stdlib_bytes")))


def test_a_fit_lives_through_json(fitted: Fit, tmp_path: Path) -> None:
    back = through_json(fitted, tmp_path)
    assert repr(back) == repr(fitted)
    assert back.params == fitted.params
    assert back.intervals == fitted.intervals
    assert back.flags == fitted.flags
    assert_same_forecast(fitted, back)
    assert back.to_dict() == fitted.to_dict()


def test_a_fit_with_groups_lives_through_json(tmp_path: Path) -> None:
    data = {**columns(), "corpus": ["web", "books"] * 20}
    fitted = fs.fit(data, "chinchilla", by="corpus", free=("E",), resamples=50)
    back = through_json(fitted, tmp_path)
    assert back.names == fitted.names
    assert_same_forecast(fitted, back, group="web")


def test_groups_that_are_numbers_live_through_json(tmp_path: Path) -> None:
    data = {**columns(), "vocab": [32000.0, 50257.0] * 20}
    fitted = fs.fit(data, "chinchilla", by="vocab", free=("E",), resamples=50)
    assert "E[50257]" in fitted.names
    assert_same_forecast(fitted, through_json(fitted, tmp_path), group="50257")


def test_a_choice_with_rivals_lives_through_json(tmp_path: Path) -> None:
    # Much noise, so that several laws are kept.
    fitted = fs.fit(columns(1, noise=0.05), among=("chinchilla", "kaplan_joint"), resamples=50)
    assert len(fitted.rivals) == 2
    back = through_json(fitted, tmp_path)
    assert [w for w, _ in back.rivals] == [w for w, _ in fitted.rivals]
    assert back.choice == json.loads(to_json(fitted.choice))
    assert_same_forecast(fitted, back)


def test_profile_intervals_live_through_json(tmp_path: Path) -> None:
    data = columns(noise=0.05)
    fitted = fs.fit(data, "chinchilla", uncertainty="profile", resamples=50)
    back = through_json(fitted, tmp_path)
    assert back.profiled == fitted.profiled
    assert_same_forecast(fitted, back)


def test_open_ends_of_intervals_live_through_json(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    data = {"C": np.logspace(18, 21, 10), "loss": 2.0 * np.exp(0.01 * rng.normal(size=10))}
    fitted = fs.fit(data, "power", uncertainty="profile", resamples=50)
    assert fitted.intervals["A"][0] == 0.0
    assert fitted.intervals["E"][0] == 0.0
    assert through_json(fitted, tmp_path).intervals == fitted.intervals


def test_fixed_bounded_weighted_and_prior_fits_live_through_json(tmp_path: Path) -> None:
    data = {**columns(), "w": np.linspace(1, 2, 40)}
    fitted = fs.fit(
        data, "chinchilla", fix={"E": 1.8172}, bounds={"alpha": (0.1, 0.6)},
        priors={"beta": (0.36, 0.05)}, weights="w", objective="student", resamples=50,
    )  # fmt: skip
    assert_same_forecast(fitted, through_json(fitted, tmp_path))


def test_a_formula_lives_through_json(tmp_path: Path) -> None:
    fitted = fs.fit(columns(), "E + A*N^-a + B*D^-b", bounds={"a": (-1, 1)}, resamples=50)
    back = through_json(fitted, tmp_path)
    assert back.law == fitted.law
    assert_same_forecast(fitted, back)


def test_clusters_live_through_json(tmp_path: Path) -> None:
    data = {**columns(), "size": [f"s{i % 10}" for i in range(40)]}
    fitted = fs.fit(data, "chinchilla", cluster="size", resamples=50, seed=3)
    back = through_json(fitted, tmp_path)
    assert back.draws is not None
    assert (back.draws.cluster, back.draws.seed) == ("size", 3)
    assert_same_forecast(fitted, back)


def test_a_missing_fit_and_a_file_that_is_none_are_one_line(tmp_path: Path) -> None:
    none, list_ = tmp_path / "none.json", tmp_path / "list.json"
    list_.write_text("[1, 2]")
    for path, says in ((none, "cannot read a fit"), (list_, "this JSON is no fit")):
        with pytest.raises(BadTable, match=says) as caught:
            fs.load(path)
        assert "\n" not in str(caught.value)


def test_another_schema_is_refused_with_what_was_seen(fitted: Fit, tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    for change in ({"schema": 99}, {"kind": "plan"}):
        path.write_text(to_json(fitted.to_dict() | change))
        with pytest.raises(BadTable, match=str(next(iter(change.values())))):
            fs.load(path)


def damages() -> list[tuple[str, object]]:
    return [
        ("state", None), ("params", []), ("formula", "E +* A"), ("formula", 3), ("law", None),
        ("state.theta", [1.0]), ("state.theta", ["x"]), ("state.theta", None),
        ("state.data", {}), ("state.data", {"N": [1.0]}), ("state.covariance", [[1.0]]),
        ("state.rho", {"shape": "nosuch"}), ("state.objective", {}), ("state.rows", ["a"]),
        ("state.draws", {"natural": [[1.0]]}), ("state.law", {}), ("flags", [{}]),
        ("level", "high"), ("objective", None), ("state.rivals", 4), ("dropped", [3]),
        ("state.draws.natural", [[1.0, 2.0]]), ("state.at_bound", [True]),
    ]  # fmt: skip


@pytest.mark.parametrize(("where", "value"), damages(), ids=str)
def test_a_damaged_fit_is_one_line_not_a_traceback(
    where: str, value: object, fitted: Fit, tmp_path: Path
) -> None:
    data = json.loads(to_json(fitted.to_dict()))
    *outer, last = where.split(".")
    inside = data
    for key in outer:
        inside = inside[key]
    inside[last] = value
    path = tmp_path / "fit.json"
    path.write_text(json.dumps(data))
    try:
        loaded = fs.load(path)
    except ForescaleError as error:
        assert "\n" not in str(error)
        assert "Traceback" not in str(error)
    else:
        # What people read may be lost; what forecasts need may not.
        assert where in ("params",)
        assert loaded.params == fitted.params


def test_a_truncated_file_is_one_line(fitted: Fit, tmp_path: Path) -> None:
    text = to_json(fitted.to_dict())
    path = tmp_path / "fit.json"
    for share in (0.1, 0.5, 0.99):
        path.write_text(text[: int(share * len(text))])
        with pytest.raises(BadTable, match="cannot read a fit"):
            fs.load(path)


def test_backtest_takes_names_formulas_and_options() -> None:
    data = columns()
    for law in ("chinchilla", "E + A*N^-a + B*D^-b"):
        assert fs.backtest(data, law).cuts
    fixed = fs.backtest(data, "chinchilla", fix={"E": 1.8172}, objective="lsq-log")
    assert fixed.cuts


def test_equal_seeds_give_equal_fits_and_workers_do_not_matter() -> None:
    one = fs.fit(columns(), "chinchilla", resamples=300, seed=7)
    two = fs.fit(columns(), "chinchilla", resamples=300, seed=7, workers=2)
    assert one.to_dict() == two.to_dict()


def test_auto_refuses_what_needs_a_law() -> None:
    # Silently ignored, a fixed parameter would be a lie.
    for option in ({"fix": {"E": 1.8}}, {"bounds": {"E": (0, 1)}}, {"priors": {"E": (1, 1)}}):
        with pytest.raises(ForescaleError, match="law"):
            fs.fit(columns(), **option)
