"""Do 90 % intervals hold the truth nine times in ten? Simulated tables, planted parameters."""

from collections.abc import Callable

import numpy as np
import pytest

from forescale.fit import fit
from forescale.laws import get
from forescale.runs import RunTable
from forescale.uncertainty import assess

Tables = Callable[..., RunTable]


def covered(tables: list[RunTable], law: str, method: str = "auto") -> float:
    """Share of planted parameters inside their 90 % interval."""
    truth = get(law).typical
    hits = []
    for table in tables:
        fitted = fit(table, law, starts=32)
        intervals = assess(fitted, method, resamples=200).intervals
        hits.append([intervals[n][0] <= truth[n] <= intervals[n][1] for n in truth])
    return float(np.mean(hits))


def test_intervals_of_a_power_law_on_six_to_eight_runs_cover(line: Tables) -> None:
    share = covered([line(6 + s % 3, seed=s) for s in range(32)], "power")
    assert 0.82 <= share <= 0.97


def test_intervals_of_chinchilla_on_thirty_runs_cover(grid: Tables) -> None:
    share = covered([grid(seed=s) for s in range(32)], "chinchilla")
    assert 0.82 <= share <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("n", [6, 8, 12])
def test_intervals_of_a_power_law_cover_over_many_tables(n: int, line: Tables) -> None:
    assert 0.82 <= covered([line(n, seed=s) for s in range(300)], "power") <= 0.97


@pytest.mark.slow
def test_intervals_of_chinchilla_cover_over_many_tables(grid: Tables) -> None:
    assert 0.82 <= covered([grid(seed=s) for s in range(300)], "chinchilla") <= 0.97


def test_control_row_wise_draws_miss_the_truth_where_sizes_err_as_a_whole(grid: Tables) -> None:
    tables = [grid(seed=s, noise=0.001, cluster_noise=0.006) for s in range(16)]
    assert covered(tables, "chinchilla", "pairs") < 0.8
