"""Files written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


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
