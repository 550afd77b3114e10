"""The command line: one file per verb; each calls one library function and prints.

A verb file holds a docstring whose first line is its summary, `GROUP` (a heading of the
overview), `EXAMPLE` (a command that runs, or two joined by `&&`) and a function `run` whose types
and docstring are its options and its help. The folder is the list.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

from forescale import __version__
from forescale.errors import ForescaleError, ForescaleWarning

# Exit codes. 1 is Python's own for an uncaught exception: our bug, with its traceback.
DONE, BAD_INPUT, NOT_TRUSTED, INTERRUPTED, CLOSED_PIPE = 0, 2, 3, 130, 141


def main(argv: Sequence[str] | None = None, *, package: str = __name__) -> int:
    """Exit code of `forescale` with these words.

    Args:
        argv: Words after the command's name; the process's own by default.
        package: Dotted name of the folder the verbs are found in.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", ForescaleWarning)
            warnings.showwarning = _show_warning
            code = _dispatch(words, package)
        # Here, not at interpreter exit, so that a reader who left is noticed inside the try.
        sys.stdout.flush()
    except ForescaleError as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # `forescale ... | head` is not an error; stdout is pointed elsewhere so that the
        # interpreter's own last flush stays quiet too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    return code


def _dispatch(words: list[str], package: str) -> int:
    if words and words[0] == "--version":
        sys.stdout.write(f"forescale {__version__}\n")
        return DONE

    from forescale.cli import _about

    if not words or words[0] in {"-h", "--help"}:
        # Nothing heavy has been imported: the overview is read from the files as text.
        sys.stdout.write(_about.overview(package))
        return DONE

    verb = _about.find(words[0], package)
    from forescale.cli import _verb

    try:
        return _verb.call(verb, words[1:])
    except _verb.UsageError as error:
        return _complain(f"{error} (see 'forescale {verb.word} --help')")


def _complain(message: str) -> int:
    _say(message)
    return BAD_INPUT


def _say(message: str) -> None:
    print("forescale:", " ".join(message.split()), file=sys.stderr)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    """Our warnings are one line for the user; others keep the place they came from."""
    if issubclass(category, ForescaleWarning):
        _say(f"warning: {message}")
    else:
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))
