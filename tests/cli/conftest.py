"""Verb folders made for one test: the shell is tested without the library behind it."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

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
