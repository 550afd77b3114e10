"""A result shown, kept and reported the same way by every verb."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from forescale.cli import _output
from forescale.cli._options import Output


def show(
    result: Any, output: Output, *, with_: Sequence[Any] = (), doubts: Sequence[str] = ()
) -> int:
    """Print a result, write its file and its page; the exit code.

    Args:
        result: A result object.
        output: The output options.
        with_: Further results for the page.
        doubts: Why the result is not to be trusted, for `--strict`.
    """
    from forescale import report

    text = None if output.json else report.text(result)
    _output.emit(result, text=text, json=output.json, out=output.out)
    if output.report is not None:
        command = " ".join(["forescale", *sys.argv[1:]])
        page = report.page([result, *with_], command=command)
        _output.write(output.report, page, option="--report")
    return _output.exit_code(doubts, strict=output.strict)
