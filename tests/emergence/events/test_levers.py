"""Changes that bring generalisation sooner, found again where they were planted."""

from __future__ import annotations

import json

import numpy as np
import pytest

from forescale.emergence.events._told import Known
from forescale.emergence.events.levers import levers
from forescale.errors import BadOption, BadTable

#: Powers of the settings in the planted step.
POWERS = {"weight_decay": -1.0, "lr": -0.5, "examples": -3.0}


def world(seed: int, runs: int = 120, watched: float = 4000.0) -> list[Known]:
    rng = np.random.default_rng(seed)
    out = []
    for i in range(runs):
        task = "abc"[i % 3]
        settings = {
            "weight_decay": 0.0 if rng.random() < 0.1 else 10 ** rng.uniform(-1, 0.5),
            "lr": 10 ** rng.uniform(-3, -2),
            "examples": rng.uniform(200, 600),
            "width": 2.0 ** rng.integers(5, 8),
            "perp_grad": float(rng.random() < 0.3),
        }
        step = 200.0 * {"a": 1.0, "b": 5.0, "c": 0.5}[task] * np.exp(0.4 * rng.logistic())
        for name, power in POWERS.items():
            typical = {"weight_decay": 1.0, "lr": 3e-3, "examples": 300.0}[name]
            step *= ((settings[name] or 1e-2) / typical) ** power
        step *= 0.25 if settings["perp_grad"] else 1.0
        came = bool(step < watched)
        out.append(Known(task, np.array([1.0]), {}, settings, min(step, watched), came))
    return out


def test_planted_factors_are_found_with_their_doubt() -> None:
    inside = []
    for seed in range(6):
        found = {v.setting: v for v in levers(world(seed)).levers}
        truth = {n: found[n].change ** power for n, power in POWERS.items()}
        truth |= {"perp_grad": 0.25, "width": 1.0}
        inside += [found[n].lo <= t <= found[n].hi for n, t in truth.items()]
        for name in ("weight_decay", "examples", "perp_grad"):
            assert found[name].known and found[name].factor < 1
        assert found["weight_decay"].agree == 3
    assert np.mean(inside) > 0.75


def test_a_setting_that_does_nothing_is_mostly_not_known() -> None:
    known = [
        next(v for v in levers(world(seed, 60)).levers if v.setting == "width").known
        for seed in range(8)
    ]
    assert sum(known) <= 3


def test_it_says_itself_and_as_plain_values() -> None:
    found = levers(world(0))
    assert found.levers[0].factor < 1
    assert "times the steps" in found.summary()
    assert "weight decay times 2" in repr(found)
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["runs"] == 120
    assert {v["setting"] for v in plain["levers"]} == {*POWERS, "width", "perp_grad"}


def test_what_says_nothing_is_refused() -> None:
    runs = world(0, 30)
    never = [Known(k.task, k.steps, {}, k.settings, k.time, False) for k in runs]
    with pytest.raises(BadTable, match="no run generalised"):
        levers(never)
    bare = [Known(k.task, k.steps, {}, {}, k.time, True) for k in runs]
    with pytest.raises(BadTable, match="no setting differs"):
        levers(bare)
    with pytest.raises(BadOption):
        levers(runs, level=1.5)


def test_the_shipped_runs_say_something() -> None:
    found = levers()
    assert found.tasks == 7
    assert any(v.known and v.factor < 1 for v in found.levers)
