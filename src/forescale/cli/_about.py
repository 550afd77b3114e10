"""What the verbs are, read from their files as text: the overview imports none of them."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from forescale import catalogue

# Headings of the overview, in the order a user meets them; others follow by name.
GROUPS = ("Forecast", "Decide", "Train and watch", "Look up")


class About(NamedTuple):
    """One verb, not yet imported; no dataclass, whose import costs as much as the whole overview.

    Args:
        word: What the user types.
        module: Dotted name of its file.
        group: Heading it stands under.
        summary: First line of the file's docstring.
    """

    word: str
    module: str
    group: str
    summary: str


def word_of(name: str) -> str:
    """The verb a file is for: `import_.py` is `import`, `lab_run.py` is `lab-run`."""
    return name.rstrip("_").replace("_", "-")


def verbs(package: str) -> dict[str, About]:
    """Word to verb, for every file in the folder."""
    folder = Path(next(iter(import_module(package).__path__)))
    return {word_of(n): _read(folder, n, package) for n in catalogue.names(package)}


def _read(folder: Path, name: str, package: str) -> About:
    path = folder / f"{name}.py"
    path = path if path.exists() else folder / name / "__init__.py"
    text = path.read_text(encoding="utf-8")
    summary = re.match(r'\s*"""\s*([^\n]*?)\s*(?:"""|\n)', text)
    group = re.search(r'^GROUP(?:: \w+)? = "([^"\n]+)"', text, re.MULTILINE)
    return About(
        word=word_of(name),
        module=f"{package}.{name}",
        group=group[1] if group else "More",
        summary=summary[1].rstrip(".") if summary else "",
    )


def find(word: str, package: str) -> About:
    """The verb a user typed.

    Raises:
        UnknownName: If there is none of that name; the message names near misses.
    """
    known = {word_of(n) for n in catalogue.names(package)}
    if word not in known:
        raise catalogue.unknown(word, known, kind="command")
    return verbs(package)[word]


def overview(package: str) -> str:
    """What `forescale --help` prints."""
    listed = verbs(package)
    lines = [
        "Usage: forescale VERB [RUNS] [options]",
        "",
        "Fit scaling laws to tables of training runs and forecast the big ones.",
    ]
    width = max((len(word) for word in listed), default=0)
    extra = sorted({verb.group for verb in listed.values()} - set(GROUPS))
    for group in (*GROUPS, *extra):
        members = [verb for verb in listed.values() if verb.group == group]
        if members:
            lines += ["", f"{group}:"]
            lines += [f"  {verb.word:<{width}}  {verb.summary}".rstrip() for verb in members]
    lines += ["", "'forescale VERB --help' tells a verb's options and ends with an example.", ""]
    return "\n".join(lines)
