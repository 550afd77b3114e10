"""`forescale --help` is read from the folder and imports nothing heavy."""

from __future__ import annotations

import json

import pytest

import forescale
from forescale.cli import main

HEAVY = {"numpy", "scipy", "cyclopts", "rich", "msgspec", "narwhals", "loky", "yaml"}


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["--version"]])
def test_the_fast_path_imports_nothing_heavy(python, words) -> None:
    child = python(
        "-c",
        "import sys, json\nfrom forescale.cli import main\n"
        f"code = main({words!r})\nprint(json.dumps([code, sorted(sys.modules)]))",
    )
    assert child.returncode == 0, child.stderr
    code, modules = json.loads(child.stdout.splitlines()[-1])
    assert code == 0
    assert not HEAVY & set(modules)
    assert not [
        m for m in modules if m.startswith("forescale.cli.") and m != "forescale.cli._about"
    ]


def test_version_is_the_packages(capsys) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"forescale {forescale.__version__}\n"


def test_verbs_stand_grouped_with_their_summary(verbs, verb, capsys) -> None:
    package = verbs(
        fit=verb("", summary="A law with numbers and doubt.", group="Forecast"),
        laws=verb("", summary="The laws there are", group="Look up"),
        import_=verb("", summary="Read a tracker.", group="Look up"),
        odd='"""No group."""\n',
        _private=verb("", summary="Not a verb."),
    )
    assert main(["--help"], package=package) == 0
    assert capsys.readouterr().out == (
        "Usage: forescale VERB [RUNS] [options]\n\n"
        "Fit scaling laws to tables of training runs and forecast the big ones.\n\n"
        "Forecast:\n  fit     A law with numbers and doubt\n\n"
        "Look up:\n  import  Read a tracker\n  laws    The laws there are\n\n"
        "More:\n  odd     No group\n\n"
        "'forescale VERB --help' tells a verb's options and ends with an example.\n"
    )


def test_a_broken_verb_does_not_break_the_overview(verbs, capsys) -> None:
    package = verbs(bad='"""Broken."""\nGROUP = "Decide"\nimport no_such_module\n')
    assert main([], package=package) == 0
    assert "bad  Broken" in capsys.readouterr().out


def test_a_verb_is_run_without_importing_its_neighbours(verbs) -> None:
    package = verbs(good="return 0", bad='"""Broken."""\nimport no_such_module\n')
    assert main(["good"], package=package) == 0


def test_python_dash_m_is_the_command(python) -> None:
    child = python("-m", "forescale", "--version")
    assert child.stdout == f"forescale {forescale.__version__}\n"
