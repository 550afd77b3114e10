"""One verb's words parsed by its own signature, and called."""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from cyclopts import App, CycloptsError

from forescale.cli import _output

if TYPE_CHECKING:
    from forescale.cli._about import About


class UsageError(Exception):
    """The words do not fit the verb's options; the message is the parser's own."""


def call(verb: About, words: list[str]) -> int:
    """Exit code of the verb: what its `run` returns, or 0 where it returns None.

    Raises:
        UsageError: If an option is unknown, lacks its value, or the value cannot be read.
    """
    app = app_of(verb)
    try:
        command, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise UsageError(str(error).strip().rstrip(".")) from None
    code = command(*bound.args, **bound.kwargs)
    # A parser's --help returns nothing, as a verb does that is done.
    return code if isinstance(code, int) else 0


def app_of(verb: About) -> App:
    """The parser of a verb, made from the types and docstring of its `run`."""
    module = import_module(verb.module)
    return App(
        name=f"forescale {verb.word}",
        help=inspect.getdoc(module.run) or verb.summary,
        default_command=module.run,
        version_flags=[],
        help_format="plaintext",
        # Boxes are for eyes; a pipe gets lines that grep can use.
        help_formatter="default" if sys.stdout.isatty() else "plain",
        help_epilogue=f"Example:\n  {module.EXAMPLE}",
        console=_output.console(),
        suppress_keyboard_interrupt=False,
    )
