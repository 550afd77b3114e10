"""The JavaScript that draws the charts, offline.

Making the bundle starts a JavaScript engine and costs 2 to 2.5 s of CPU, reading it back a
millisecond; so it is kept per version of vl-convert in the user's cache folder. Where that
folder cannot be written, each page pays.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from forescale import files
from forescale.errors import MissingExtra

PACKAGE = "vl-convert-python"


def missing(package: str) -> MissingExtra:
    """The error for a page that cannot be made without `package`."""
    return MissingExtra(
        f"a page needs {package}, which is not installed",
        where="report",
        fix="pip install 'forescale[report]'",
    )


def bundle() -> str:
    """Vega, Vega-Lite and vega-embed as one script that needs no network.

    Raises:
        MissingExtra: If vl-convert is not installed.
    """
    try:
        found = version(PACKAGE)
    except PackageNotFoundError:
        raise missing(PACKAGE) from None
    path = _place(found)
    return _kept(path) or _make(path)


def _place(found: str) -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("forescale", appauthor=False) / f"vega-{found}.js"


def _kept(path: Path) -> str:
    """The script in the cache; empty if there is none, or one that was damaged."""
    try:
        digest, _, script = path.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return ""
    return script if script and digest == _digest(script) else ""


def _make(path: Path) -> str:
    try:
        from importlib import import_module

        # By name: its type stubs ask for an argument that it does not need.
        vl_convert = import_module("vl_convert")
    except ImportError:
        raise missing(PACKAGE) from None
    # A script element ends at the first "</script", wherever it stands.
    script = str(vl_convert.javascript_bundle()).replace("</script", "<\\/script")
    script = script.replace("<!--", "<\\!--").replace("\r\n", "\n").replace("\r", "\n")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, f"{_digest(script)}\n{script}")
    return script


def _digest(script: str) -> str:
    return "// sha256 " + hashlib.sha256(script.encode()).hexdigest()
