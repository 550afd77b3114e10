"""Runs of a phase map: kept, and not made again."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from forescale.errors import BadOption
from forescale.lab.grok.phases import ends
from forescale.lab.grok.reference import Setup

pytestmark = pytest.mark.lab
BASE = Setup(p=5, width=16, heads=2, expand=2, share=0.7)


def test_runs_end_as_their_settings_have_it_and_are_kept(tmp_path) -> None:
    settings = [{"lr": 1e-6}, {"lr": 1e-2}]
    slow, quick = ends(settings, BASE, tmp_path, steps=200)
    # A rate of 1e-6 learns nothing in 200 steps.
    assert slow == (None, None)
    assert quick[0] is not None
    files = sorted(p.stat().st_mtime_ns for p in tmp_path.glob("*/grok.json"))
    assert len(files) == 2
    assert ends(settings, BASE, tmp_path, steps=200) == [slow, quick]
    assert sorted(p.stat().st_mtime_ns for p in tmp_path.glob("*/grok.json")) == files


def test_only_numbers_of_a_run_can_be_varied(tmp_path) -> None:
    with pytest.raises(BadOption, match="'loss' cannot be varied"):
        ends([{"loss": 1.0}], BASE, tmp_path)
