"""Phase maps: planted boundaries are found with fewer runs than a grid takes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from forescale.emergence.events.phases import Axis, explore, first, phase_map, phase_of
from forescale.errors import BadOption, BadTable

pytest.importorskip("sklearn")
AXES = (Axis("share", 0.2, 0.9, log=False), Axis("weight_decay", 0.01, 10.0))


def truth(places: np.ndarray) -> list[str]:
    """Grokking above a line of share against the log of decay; at much decay nothing is learnt."""
    u, v = AXES[0].unit(places[:, 0]), AXES[1].unit(places[:, 1])
    ends = np.where(u + 0.8 * v > 1.0, "grokking", "memorisation")
    ends[(v > 0.85)] = "confusion"
    return ends.tolist()


def drawn(places: np.ndarray):
    names = [a.name for a in AXES]
    return phase_map(AXES, [dict(zip(names, p, strict=True)) for p in places], truth(places))


def right(found) -> float:
    places = first(AXES, 1024, seed=5)
    best = found.probability(places).argmax(1)
    names = ["comprehension", "grokking", "memorisation", "confusion"]
    return float(np.mean([names[b] == t for b, t in zip(best, truth(places), strict=True)]))


def ends(settings) -> list[str]:
    return truth(np.array([[s[a.name] for a in AXES] for s in settings]))


@pytest.fixture(scope="module")
def active():
    rounds = []
    found = explore(AXES, ends, runs=32, together=4, say=rounds.append)
    assert [len(r.phases) for r in rounds] == [8, 12, 16, 20, 24, 28, 32]
    return found


def test_runs_placed_where_it_is_open_draw_the_boundaries(active) -> None:
    even = drawn(first(AXES, 32))
    assert right(active) > 0.95
    assert 1 - right(active) < 0.6 * (1 - right(even))


def test_they_lie_near_the_boundaries(active) -> None:
    late = active.places[8:]
    u, v = AXES[0].unit(late[:, 0]), AXES[1].unit(late[:, 1])
    near = np.minimum(abs(u + 0.8 * v - 1.0), 2 * abs(v - 0.85))
    assert np.median(near) < 0.15


def test_what_is_known_grows_and_is_told(active) -> None:
    assert active.known > drawn(active.places[:8]).known
    assert sum(active.shares.values()) == pytest.approx(1)
    assert active.shares["comprehension"] == 0
    data = json.loads(json.dumps(active.to_dict()))
    assert (data["kind"], len(data["runs"])) == ("phase_map", 32)
    assert "weight_decay 0.01 to 10" in active.summary()


def test_of_one_phase_alone_the_next_runs_go_far_away() -> None:
    places = np.array([[0.25, 0.02], [0.3, 0.05]])
    found = drawn(places)
    assert found.counts == {"memorisation": 2}
    far = found.next(2)
    assert AXES[0].unit(far[:, 0]).max() > 0.8


@pytest.mark.parametrize(
    ("memorised", "generalised", "phase"),
    [(100, 1000, "grokking"), (100, 150, "comprehension"), (None, 50, "comprehension"),
     (100, None, "memorisation"), (None, None, "confusion")],
)  # fmt: skip
def test_phases_are_told_by_the_two_steps(memorised, generalised, phase) -> None:
    assert phase_of(memorised, generalised) == phase


def test_bad_input_is_named() -> None:
    with pytest.raises(BadOption, match="lr from 1 to 0.1"):
        Axis("lr", 1, 0.1)
    with pytest.raises(BadTable, match="no phase 'bliss'"):
        phase_map(AXES, [{"share": 0.5, "weight_decay": 1}], ["bliss"])
    with pytest.raises(BadTable, match="weight_decay: a run lacks it"):
        phase_map(AXES, [{"share": 0.5}], ["grokking"])
