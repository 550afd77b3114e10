"""Studies that read live networks say so where torch is not installed."""

from __future__ import annotations

import importlib.util

import pytest

from forescale import studies
from forescale.errors import NotReached
from forescale.studies._live import live


@pytest.mark.parametrize("absent", ["none", "raises"])
def test_without_torch_a_study_is_not_tested_rather_than_broken(monkeypatch, absent) -> None:
    def find(name: str, *_: object) -> None:
        if absent == "raises":
            raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    with pytest.raises(NotReached, match="need torch"):
        live()
    found = studies.run("hidden_symmetries")
    assert found.verdict == "undecided"
    assert found.why.startswith("not tested")
