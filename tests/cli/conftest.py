"""Verb folders made for one test, and simulated tables for the verbs that there are."""

from __future__ import annotations

import csv
import itertools
import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from forescale.cli import main
from forescale.laws import get

_count = itertools.count()
Verbs = Callable[..., str]


def _verb(body: str, *, summary: str = "Do a thing.", group: str = "Forecast") -> str:
    """The text of a verb file around the body of its `run`."""
    return (
        f'"""{summary}"""\n\nimport sys, warnings\nfrom forescale.cli._options import *\n'
        "from forescale.cli import _output\n"
        "from forescale.errors import BadTable, ForescaleWarning\n"
        f'GROUP = "{group}"\nEXAMPLE = "forescale thing runs.csv"\n\n'
        "def run(runs: Runs = '', /, *, source: Source = Source(), output: Output = Output(),\n"
        "        level: Level = 0.9, seed: Seed = 0) -> int | None:\n"
        f'    """{summary}"""\n' + textwrap.indent(textwrap.dedent(body), "    ")
    )


@pytest.fixture
def verb() -> Callable[..., str]:
    """Makes the text of a verb file; see `_verb`."""
    return _verb


@pytest.fixture
def verbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verbs:
    """Writes a package of verb files and returns its dotted name."""

    def make(**bodies: str) -> str:
        # A new name each time: modules and folder listings are cached by name.
        name = f"verbs_{next(_count)}"
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").touch()
        for word, body in bodies.items():
            text = body if body.startswith('"""') else _verb(body)
            (folder / f"{word}.py").write_text(text, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        return name

    return make


class Said(NamedTuple):
    """What a command line left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def say(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Said]:
    """Runs the command line in an empty folder, its output a pipe without a width."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)  # xdist gives its workers 80

    def run(*words: str | Path) -> Said:
        capsys.readouterr()
        code = main([str(w) for w in words])
        return Said(code, *capsys.readouterr())

    return run


def _write(path: Path, columns: dict[str, Any]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(columns)
        out.writerows(zip(*columns.values(), strict=True))
    return path


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """Writes columns as a CSV file of the given name."""
    return lambda name, columns: _write(tmp_path / name, columns)


@pytest.fixture(scope="session")
def simulated() -> dict[str, Any]:
    """Six budgets by five sizes under the planted Chinchilla law, as a user holds them."""
    rng = np.random.default_rng(0)
    law = get("chinchilla")
    flops = np.repeat(np.logspace(17, 19.5, 6), 5)
    n = 0.1 * np.sqrt(flops) * np.tile(np.logspace(-0.6, 0.6, 5), 6)
    x = {"N": n, "D": flops / (6 * n)}
    y = law.predict(x, law.typical) * np.exp(0.003 * rng.normal(size=30))
    return {"params": n, "tokens": x["D"], "loss": y}


@pytest.fixture(scope="session")
def runs(simulated: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write(tmp_path_factory.mktemp("runs") / "runs.csv", simulated)


@pytest.fixture(scope="session")
def kept(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fit kept with -o."""
    path = tmp_path_factory.mktemp("fits") / "fit.json"
    words = ["fit", runs, "--law", "chinchilla", "--resamples", "100", "-o", path]
    assert main([str(w) for w in words]) == 0
    return path
