"""The drawing script: made once, kept, mended when damaged, and asked for when missing."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from forescale import report
from forescale.errors import MissingExtra
from forescale.report import _bundle


@pytest.fixture
def made(tmp_path, monkeypatch):
    """How often the script was made, by a stand-in for vl-convert."""
    times = []

    def javascript_bundle() -> str:
        times.append(1)
        return "let a = '</script>';\r\n// <!-- \u03b1"

    monkeypatch.setitem(
        sys.modules, "vl_convert", SimpleNamespace(javascript_bundle=javascript_bundle)
    )
    monkeypatch.setattr(_bundle, "version", lambda name: "1")
    monkeypatch.setattr(_bundle, "_place", lambda found: tmp_path / "deep" / f"{found}.js")
    return times


def test_the_script_is_made_once_and_the_same_when_kept(made, tmp_path) -> None:
    first = _bundle.bundle()
    assert _bundle.bundle() == first
    assert len(made) == 1
    assert "</script" not in first
    assert "<!--" not in first
    assert "\r" not in first
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["1.js"]


def test_a_damaged_script_is_made_again(made, tmp_path) -> None:
    first = _bundle.bundle()
    path = tmp_path / "deep" / "1.js"
    path.write_text(path.read_text(encoding="utf-8")[:-3], encoding="utf-8")
    assert _bundle.bundle() == first
    assert len(made) == 2


def test_a_cache_that_cannot_be_written_costs_time_only(made, tmp_path) -> None:
    (tmp_path / "deep").write_text("a file where the folder should be")
    assert _bundle.bundle() == _bundle.bundle()
    assert len(made) == 2


def test_without_the_extra_the_error_says_what_to_install(monkeypatch, fitted) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtra, match=r"pip install 'forescale\[report\]'"):
        report.page([fitted])


def test_without_vl_convert_the_error_says_what_to_install(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(_bundle, "PACKAGE", "there-is-no-such-package-here")
    with pytest.raises(MissingExtra, match=r"forescale\[report\]"):
        _bundle.bundle()


def test_the_room_loads_no_heavy_library(python) -> None:
    child = python(
        "-c",
        "import sys; from forescale import report\n"
        "print([m for m in ('torch', 'matplotlib', 'jinja2', 'vl_convert', 'pandas') "
        "if m in sys.modules])",
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.strip() == "[]"
