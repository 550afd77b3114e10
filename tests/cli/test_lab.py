"""The verb `lab`: what its words become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from forescale.cli import main

pytestmark = pytest.mark.lab


@pytest.mark.parametrize(("words", "together"), [((), 1), (("--together", "4"), 4)])
def test_seeds_are_stacked_when_asked_for(
    words: tuple[str, ...], together: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch  # noqa: F401

    from forescale.lab import sweep as room

    asked: dict[str, Any] = {}

    monkeypatch.setattr(room, "sweep", lambda *a, **o: asked.update(o) or {})
    file = tmp_path / "sweep.toml"
    file.write_text('task = "teacher"\nmodel = "mlp"\n')
    assert main(["lab", "sweep", str(file), "--folder", str(tmp_path), *words]) == 0
    assert asked["together"] == together
