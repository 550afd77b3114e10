"""One thread per process, deterministic examples, and an honest count of the lab's tests."""

from __future__ import annotations

import os

# Before anything imports numpy: BLAS reads these once, and threads on a shared machine make
# small problems slower, not faster.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# Tests are no looks at anyone's held-out runs, and write into nobody's data folder.
os.environ["FORESCALE_LEDGER"] = "off"

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

import forescale

ROOT = Path(__file__).parents[1]
# Where this forescale is imported from: child processes must test the same copy.
SOURCE = Path(forescale.__file__).parents[1]

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("dev", deadline=None)
settings.register_profile("long", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def python(tmp_path: Path) -> Run:
    """Runs this Python in a child, in an empty folder, on the forescale under test."""

    def run(*args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        clean = {k: v for k, v in os.environ.items() if k not in {"FORCE_COLOR", "COLUMNS"}}
        return subprocess.run(
            [sys.executable, *args],
            cwd=tmp_path,
            env=clean | {"PYTHONPATH": str(SOURCE)} | (env or {}),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs torch where there is none, and say so."""
    if importlib.util.find_spec("torch") is None:
        skip = pytest.mark.skip(reason="torch is not installed; pip install 'forescale[lab]'")
        for item in items:
            if item.get_closest_marker("lab"):
                item.add_marker(skip)


# How many of the lab's tests were selected, and how many truly ran.
_lab = {"selected": 0, "ran": 0}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Count the lab's tests that were selected."""
    _lab["selected"] = sum(1 for item in session.items if item.get_closest_marker("lab"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count the lab's tests that truly ran."""
    if "lab" in report.keywords:
        # Under xdist the controller collects nothing itself; a report is a selected test.
        _lab["selected"] = max(_lab["selected"], 1)
        _lab["ran"] += report.when == "call" and not report.skipped


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With FORESCALE_REQUIRE_LAB=1, skipping every lab test is a failure, not a pass."""
    worker = hasattr(session.config, "workerinput")
    required = os.environ.get("FORESCALE_REQUIRE_LAB") == "1"
    if required and not worker and _lab["selected"] and not _lab["ran"]:
        sys.stderr.write("\nevery lab test was skipped: is torch installed?\n")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
