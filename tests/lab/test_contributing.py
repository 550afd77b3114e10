"""The optimizer that CONTRIBUTING shows is one file, and it works as a piece of the lab."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab
TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text("utf-8")


def test_the_optimizer_of_the_guide_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from forescale.lab import optimizers
    from forescale.lab.config import config
    from forescale.lab.trainer import train

    block = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert block is not None
    file = tmp_path / "sign.py"
    file.write_text(block[1])
    spec = importlib.util.spec_from_file_location("sign", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    known = optimizers.get
    monkeypatch.setattr(
        optimizers, "get", lambda name: module.OPTIMIZER if name == "sign" else known(name)
    )
    run = train(
        config({"task": "teacher", "model": "mlp", "steps": 300, "lr": 1e-2, "optimizer": "sign"})
    )
    assert run.curve[-1]["loss"] < 0.5 * run.curve[0]["loss"]
