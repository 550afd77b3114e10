"""The lab's verb: what its words ask of a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from forescale.cli import main
from forescale.errors import BadTable

pytestmark = pytest.mark.lab

TOML = 'task = "teacher"\nmodel = "mlp"\nsteps = 4\nbatch = 8\n'


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the sweep was called with; it trains nothing."""
    pytest.importorskip("torch")
    from forescale.lab import sweep

    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text(TOML)
    seen: dict[str, Any] = {}

    def fake(configs: Any, folder: Path, **options: Any) -> None:
        seen.update(options)
        raise BadTable("nothing is trained here")

    monkeypatch.setattr(sweep, "sweep", fake)
    return seen


@pytest.mark.parametrize(("words", "together"), [("", 1), ("--together 4", 4)])
def test_seeds_are_stacked_when_asked_for(asked: dict[str, Any], words: str, together: int) -> None:
    assert main(["lab", "sweep", "x.toml", *words.split()]) == 2
    assert asked["together"] == together


def test_gpus_of_a_run_are_its_processes_on_cuda(asked: dict[str, Any], capsys: Any) -> None:
    words = "lab sweep x.toml --gpus-per-run 4 --strategy fsdp --workers 2 --log tensorboard"
    assert main([*words.split(), "--log", "mlflow"]) == 2
    assert "nothing is trained here" in capsys.readouterr().err
    assert (asked["parallel"].processes, asked["parallel"].strategy) == (4, "fsdp")
    assert asked["parallel"].own_gpus
    assert asked["device"] == "cuda"
    assert asked["log"] == ("tensorboard", "mlflow")


def test_processes_of_a_run_are_on_the_cpu_and_share_its_cores(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert main(["lab", "sweep", "x.toml", "--processes-per-run", "3"]) == 2
    assert (asked["parallel"].processes, asked["parallel"].strategy) == (3, "ddp")
    assert (asked["device"], asked["workers"]) == ("cpu", 2)
    assert main(["lab", "sweep", "x.toml"]) == 2
    assert (asked["parallel"].processes, asked["workers"], asked["log"]) == (1, 8, ())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("sweep x.toml --gpus-per-run 2 --device cpu", "2 GPUs on the device 'cpu'"),
        ("sweep x.toml --gpus-per-run 2 --processes-per-run 3", "3 processes on 2 GPUs"),
        ("sweep x.toml --processes-per-run 0", "0 processes"),
        ("sweep x.toml --processes-per-run 2 --strategy pipeline", "pipeline"),
        ("ladder --processes-per-run 2", "use sweep"),
    ],
)
def test_words_that_do_not_go_together_are_one_line(
    asked: dict[str, Any], words: str, said: str, capsys: Any
) -> None:
    assert main(["lab", *words.split()]) == 2
    assert said in capsys.readouterr().err
    assert not asked
