"""Runs end, go on where they were interrupted, and say what became of them."""

from __future__ import annotations

import json
import math

import pytest

pytestmark = pytest.mark.lab
torch = pytest.importorskip("torch")

from forescale.errors import BadOption  # noqa: E402
from forescale.lab.grok import run as runs  # noqa: E402
from forescale.lab.grok.reference import Setup  # noqa: E402
from forescale.lab.grok.run import Grokked, grok, marks  # noqa: E402

#: Groks in a second.
GROKS = Setup(p=31, share=0.6, width=48, lr=3e-3, weight_decay=3.0)
QUICK = Setup(p=7, share=0.8, width=16, heads=2, lr=1e-2, weight_decay=1.0)


def test_looks_are_forty_a_decade_and_whole() -> None:
    found = marks(10_000)
    assert found[:4] == [0, 1, 2, 3]
    assert found[-1] == 10_000
    assert len([s for s in found if 1000 < s <= 10_000]) == 40
    assert marks(0) == [0]
    assert marks(77)[-1] == 77


def test_an_interrupted_run_gives_the_numbers_of_one_that_was_not(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(runs, "EVERY", 0.0)
    setup = Setup(**{**vars(QUICK), "rule": "grokfast_ema", "strength": 0.5})
    whole = grok(setup, steps=45, end=False, measures=True)

    def stop(curve) -> None:
        if curve[-1]["step"] == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grok(setup, steps=45, end=False, measures=True, folder=tmp_path, look=stop)
    assert (tmp_path / "grok.pt").exists()
    parts = grok(setup, steps=45, end=False, measures=True, folder=tmp_path)
    assert json.dumps(parts.curve) == json.dumps(whole.curve)
    assert parts.t_memorised == whole.t_memorised
    assert torch.equal(parts.weights[45], whole.weights[45])
    # Over: the result comes back at once, and the curve with it.
    again = grok(setup, steps=45, end=False, measures=True, folder=tmp_path)
    assert json.dumps(again.to_dict()) == json.dumps(parts.to_dict())
    with pytest.raises(BadOption, match="another setup"):
        grok(QUICK, steps=45, end=False, measures=True, folder=tmp_path)
    with pytest.raises(BadOption, match="another end"):
        grok(setup, steps=60, measures=True, folder=tmp_path)


def test_a_run_that_is_over_can_be_taken_further(tmp_path) -> None:
    grok(QUICK, steps=30, looks=10, end=False, folder=tmp_path)
    longer = grok(QUICK, steps=60, looks=10, end=False, folder=tmp_path)
    assert [row["step"] for row in longer.curve] == [0, 10, 20, 30, 40, 50, 60]
    assert longer.curve[-1] == grok(QUICK, steps=60, looks=10, end=False).curve[-1] | {
        "gradient": pytest.approx(math.nan, nan_ok=True)
    }


def test_a_run_ends_when_the_test_stays_known() -> None:
    found = grok(GROKS, steps=2000)
    assert found.ended == "settled"
    assert found.t_memorised is not None and found.t_generalised is not None
    assert found.t_memorised <= found.t_generalised < found.steps
    kept = [r for r in found.curve if r["step"] >= found.steps - 100]
    assert all(r["test_accuracy"] >= 0.999 for r in kept)
    assert found.delay == found.t_generalised / found.t_memorised
    assert "\n" not in repr(found)
    assert "generalised at" in repr(found)
    assert found.threads == 1
    assert found.delay > 1.5
    said = json.dumps(found.to_dict())
    assert json.dumps(Grokked.from_dict(json.loads(said)).to_dict()) == said


def test_a_run_that_does_not_generalise_says_so() -> None:
    found = grok(QUICK, steps=3)
    assert found.ended == "steps"
    assert found.t_generalised is None
    assert "not within 3" in repr(found)
    assert "unknown" in found.summary()
    with pytest.raises(BadOption, match="schema"):
        Grokked.from_dict({"kind": "grokked", "schema": 0})


def test_flushing_changes_no_figure_and_is_put_back(monkeypatch) -> None:
    tiny = torch.tensor(1e-310, dtype=torch.float64)
    flushed = grok(QUICK, steps=60, end=False)
    assert float(tiny * 1.0) > 0
    monkeypatch.setattr(runs.torch, "set_flush_denormal", lambda on: False)
    plain = grok(QUICK, steps=60, end=False)
    assert not plain.flushed
    for one, other in zip(plain.curve, flushed.curve, strict=True):
        for name in ("train_loss", "test_loss", "squares"):
            assert one[name] == pytest.approx(other[name], rel=1e-6)


def test_measures_of_an_operation_without_frequencies_are_refused() -> None:
    with pytest.raises(BadOption, match="table of a group"):
        grok(Setup(**{**vars(QUICK), "operation": "*"}), measures=True)
