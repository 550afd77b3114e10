"""The README's blocks run, and what they print is what it shows.

A block is tested when `<!-- test -->` stands on the line above it. In a console block each `$`
line is run, and the lines after it must be its output; a line of `...` stands for any lines. All
blocks of one file share a folder, and all Python blocks share their names, as for a reader.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"^<!-- test -->\n```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    line: int


def blocks(markdown: str) -> list[Block]:
    """The blocks of a document that ask to be tested."""
    return [
        Block(m[1], m[2], markdown[: m.start(2)].count("\n") + 1) for m in BLOCK.finditer(markdown)
    ]


def commands(text: str) -> list[tuple[str, str]]:
    """Each `$` line of a console block, continued by a backslash, with what it shows."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    pairs = []
    for part in parts:
        command, _, shown = part.replace("\\\n", "").partition("\n")
        pairs.append((command, shown))
    return pairs


def agrees(shown: str, printed: str) -> bool:
    """Whether what was printed is what is shown; `...` on a line of its own is any lines."""
    wanted = [line.rstrip() for line in shown.strip().splitlines()]
    pattern = "\n".join(r"[\s\S]*" if w == "..." else re.escape(w) for w in wanted)
    printed = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    return not wanted or re.fullmatch(pattern, printed) is not None


def run(found: list[Block], python) -> None:
    """Run blocks in order; fail at the first that does not do what it shows."""
    for number, block in enumerate(found):
        if block.language == "console":
            for command, shown in commands(block.text):
                program, *words = shlex.split(command)
                assert program in {"forescale", ".venv/bin/forescale"}, (
                    f"README.md:{block.line}: only `forescale` can be tested, not `{program}`"
                )
                child = python("-m", "forescale", *words)
                assert child.returncode == 0, f"README.md:{block.line}: {command}\n{child.stderr}"
                assert agrees(shown, child.stdout), (
                    f"README.md:{block.line}: {command}\nprints\n{child.stdout}\nnot\n{shown}"
                )
        else:
            earlier = [b.text for b in found[:number] if b.language == "python"]
            child = python("-c", "\n".join([*earlier, block.text]))
            assert child.returncode == 0, f"README.md:{block.line}\n{child.stderr}"


def test_the_readmes_blocks_run(python) -> None:
    found = blocks(README.read_text(encoding="utf-8"))
    if not found:
        pytest.skip("README.md marks no block with <!-- test -->")
    run(found, python)


def test_ci_finds_the_test_command_in_the_readme() -> None:
    lines = re.findall(
        r"^\$ python3 -m venv \.venv && .*pytest.*$", README.read_text("utf-8"), re.MULTILINE
    )
    assert len(lines) == 1


@pytest.mark.parametrize(
    "block",
    [
        Block("console", "$ forescale --version\nforescale 99\n", 1),
        Block("console", "$ forescale no-such-verb\n", 1),
        Block("console", "$ ls\n", 1),
        Block("python", "import forescale\nassert forescale.__version__ == '99'\n", 1),
    ],
)
def test_a_block_that_lies_is_caught(python, block: Block) -> None:
    with pytest.raises(AssertionError, match=r"README\.md:1"):
        run([block], python)


def test_blocks_share_names_and_dots_stand_for_lines(python) -> None:
    text = (
        "<!-- test -->\n```python\nx = 1\n```\n\n<!-- test -->\n```python\nassert x == 1\n```\n"
        "```python\nnot tested\n```\n<!-- test -->\n```console\n$ forescale \\\n  --help\n"
        "Usage: forescale VERB [RUNS] [options]\n...\n```\n"
    )
    found = blocks(text)
    assert [b.line for b in found] == [3, 8, 15]
    run(found, python)
