"""Files written whole or not at all, and files that are only ever added to."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO


def write(path: Path | str, text: str) -> None:
    """Put `text` into a file whole: a reader sees the old content or the new, never half.

    Whoever is killed on the way, or comes second, spoils nothing.

    Args:
        path: Where to; a link is followed, a device or pipe is written directly.
        text: What, as UTF-8, its line ends as they are.

    Raises:
        OSError: If the file cannot be written; nothing is left beside it.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8", newline="\n")
        return
    # In the same folder, so on the same file system, where a file can be replaced at one stroke.
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def append(path: Path | str, more: Callable[[str], str]) -> None:
    """Add to the end of a file what `more` makes of the text already there.

    Whoever appends at the same time waits, so each sees the lines of the others. (Windows has
    no such lock: there two at one instant may both follow the same line.)

    Args:
        path: The file; made if there is none.
        more: From the text so far to the lines to add; "" adds nothing.

    Raises:
        OSError: If the file cannot be read and written.
    """
    new = not Path(path).exists()
    try:
        with open(path, "a+", encoding="utf-8", newline="\n") as file:
            _lock(file)
            file.seek(0)
            old = file.read()
            new = new and not old
            if lines := more(old):
                file.write(lines if not old or old.endswith("\n") else f"\n{lines}")
                file.flush()
                os.fsync(file.fileno())
                new = False
    finally:
        # What came to nothing leaves nothing.
        if new:
            Path(path).unlink(missing_ok=True)


def _lock(file: TextIO) -> None:
    if sys.platform != "win32":
        import fcntl

        # A network drive without locks is still written to.
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
